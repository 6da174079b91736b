"""How the suite boots VMware Workstation: a double of vmrun, and an empty directory of machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from vifkit import Domain
from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed

from .double.install import Double


class WorkstationTestbed(Testbed):
    """Machines that nothing runs, on one virtual network."""

    domain_type = "vmware"
    on_openvswitch = False
    judged_on = "double"
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "no daemon keeps the machines",
        "SupportsSecondHost": "Workstation moves no machine that runs",
        "SupportsTuning": "vmrun has no command for a bandwidth",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Give the URI of an empty directory."""
        with TemporaryDirectory(prefix="workstation.", dir=lab.directory) as directory:
            self._double = Double(Path(directory))
            yield self._double.uri

    def kill_guest(self, domain: Domain) -> None:
        """Have the machine's process die."""
        self._double.kill(domain.name)
