"""How the suite boots an HMC: its double, in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed

from .double.running import RunningHmc


class PowervmTestbed(Testbed):
    """The LPARs of a double's managed system, on its virtual switch br0."""

    domain_type = "phyp"
    on_openvswitch = False
    judged_on = "double"
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "the LPARs' hypervisor is firmware",
        "SupportsGuestKill": "an LPAR has no process",
        "SupportsSecondHost": "the double manages one system",
        "SupportsTuning": "an LPAR's adapter has no rate that a tool could change",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Give the double's URI."""
        with TemporaryDirectory(prefix="hmc.", dir=lab.directory) as directory, RunningHmc(Path(directory)) as hmc:
            yield hmc.uri()
