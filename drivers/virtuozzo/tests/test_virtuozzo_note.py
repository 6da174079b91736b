"""What is left of a domain whose note somebody has written over while it runs: nothing, once it is stopped."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from vifkit import BackendError, Bandwidth, DomainNotFoundError, Rate, UnsupportedError
from vifkit_conformance.guest import Guests

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
LIMITED = 1_024_000
GC = "from netqos.cli import main; main()"
Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("description", ["my web server", "vifkit1:garbage", ""])
def test_one_whose_note_is_overwritten_while_it_runs_leaves_nothing_at_stop(
    guest: Guests, behind: Run, description: str
) -> None:
    made = guest(REFERENCE)
    device = made.device()
    behind("set", made.domain.uuid, "--description", description)
    assert [vif.target for vif in made.domain.vifs()] == [device]
    with pytest.raises(BackendError, match=r"vifkit's note is missing .* stop it and define it again"):
        made.domain.bandwidth(made.mac)
    with pytest.raises(UnsupportedError, match="vifkit's note is missing"):
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256)))
    assert made.tree().classes["1:1"].ceil == LIMITED
    made.domain.stop()
    assert made.ports() == []
    assert device not in [row["name"] for row in made.observer.rows("Port")]
    for table in ("QoS", "Queue"):
        assert made.domain.uuid not in [row["external_ids"].get("vm-id") for row in made.observer.rows(table)]


def test_one_whose_note_is_overwritten_is_defined_again_and_limited(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE)
    xml = made.domain.xml()
    behind("set", made.domain.uuid, "--description", "my web server")
    made.domain.stop()
    again = guest.connection.define(xml)
    again.start()
    assert made.tree().classes["1:1"].ceil == LIMITED
    behind("set", made.domain.uuid, "--description", "my web server")
    behind("stop", made.domain.uuid, "--kill")
    again.undefine()
    assert made.ports() == []


def test_what_is_left_of_one_that_others_remove_is_cleared_as_the_readme_says(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE)
    device, database = made.device(), made.lab.ovs.db
    behind("stop", made.domain.uuid, "--kill")
    behind("delete", made.domain.uuid)
    with pytest.raises(DomainNotFoundError):
        made.domain.undefine()
    assert [port["name"] for port in made.ports()] == [device]
    subprocess.run(["ovs-vsctl", f"--db={database}", "--no-wait", "del-port", device], check=True)
    assert [
        row["external_ids"]["vm-id"] for row in made.observer.rows("QoS") if row["external_ids"].get("ifname") == device
    ] == [made.domain.uuid]
    subprocess.run([sys.executable, "-c", GC, "gc", f"--db={database}"], check=True)
    assert made.domain.uuid not in [row["external_ids"].get("vm-id") for row in made.observer.rows("QoS")]
