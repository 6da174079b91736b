"""A thousand virtual machines are listed in one call, and in less than 1.5 s."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from vspheres.domains import domain_xml

from vifkit_vsphere.driver import VsphereDriver

MACHINES = 1000


def test_a_thousand_machines_are_listed_in_one_call(simulated: Callable[..., str], tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    def calls() -> list[str]:
        found = re.findall(r"<soapenv:Body><(\w+)", trace.read_text(encoding="utf-8"))
        trace.write_text("")
        return [each for each in found if not each.endswith("Response")]

    uri = simulated("vcenter", "-machines", str(MACHINES), "-trace", str(trace))
    with VsphereDriver().open(uri) as connection:
        calls()
        began = time.perf_counter()
        found = connection.domains()
        seconds = time.perf_counter() - began
        assert len(found) == len({each.uuid for each in found}) == MACHINES
        assert calls() == ["RetrievePropertiesEx"]
        connection.domains()
        assert calls() == ["RetrievePropertiesEx"]
        assert seconds < 1.5
        began = time.perf_counter()
        domain = connection.define(domain_xml("guest", "<bandwidth><outbound average='512'/></bandwidth>"))
        assert domain.bandwidth("52:54:00:00:01:00") is not None
        assert time.perf_counter() - began < 3
        assert connection.domain("DC0_C0_RP0_VM999").vifs()[0].source == "DC0_DVPG0"
