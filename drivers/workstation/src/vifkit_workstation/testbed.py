"""How the suite boots VMware Workstation: a double of vmrun, and an empty directory of machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from vifkit import Domain
from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed

from .double.install import Double


class WorkstationTestbed(Testbed):
    """Machines that nothing runs, on one virtual network."""

    domain_type = "vmware"
    on_openvswitch = False
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "no daemon keeps the machines",
        "SupportsSecondHost": "Workstation moves no machine that runs",
        "SupportsTuning": "vmrun has no command for a bandwidth",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Give the URI of an empty directory."""
        with TemporaryDirectory(prefix="workstation.", dir=lab.directory) as directory, workstation(directory) as uri:
            self.double, self.machines = Double(Path(directory)), Path(directory) / "machines"
            yield uri

    def kill_guest(self, domain: Domain) -> None:
        """Have the machine's process die."""
        self.double.kill(self.machines / domain.name / f"{domain.name}.vmx")


@contextmanager
def workstation(directory: str) -> Iterator[str]:
    """Make what a Workstation has in a directory, with the network br0; gives its URI."""
    where = Path(directory)
    for name in ("machines", "networks"):
        (where / name).mkdir()
    (where / "networks/br0").touch()
    program = Double(where).program
    yield f"vmware://{quote(str(where / 'machines'))}?vmrun={quote(str(program))}&networks={quote(str(where))}/networks"
