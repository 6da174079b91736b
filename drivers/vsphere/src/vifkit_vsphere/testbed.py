"""How the suite boots vCenter, and ESX: vcsim on a loopback address."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from vifkit_conformance.lab import Lab, LabUnavailableError
from vifkit_conformance.testbed import Testbed

from . import simulator


class VsphereTestbed(Testbed):
    """A vCenter with a cluster of two hosts, and a distributed switch with the port group br0."""

    mode = "vcenter"
    domain_type = "vmware"
    on_openvswitch = False
    judged_on = "simulator"
    tools = {  # noqa: RUF012
        "vcsim": ("dpkg-query", "-W", "-f", "${Version}", "golang-github-vmware-govmomi-dev"),
        "Go": ("go", "version"),
    }
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "a vCenter that has ended answers nobody, and has nothing to bring in line",
        "SupportsGuestKill": "the simulator's guests are no processes",
        "SupportsSecondHost": "a vCenter moves its machines between its own hosts",
        "SupportsTuning": "no Open vSwitch holds a bandwidth that its tools would change",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Run the simulator, with a password of its own."""
        with TemporaryDirectory(prefix="vsphere.", dir=lab.directory) as directory:
            try:
                with running(self.mode, Path(directory)) as uri:
                    yield uri
            except simulator.SimulatorError as error:
                raise LabUnavailableError(str(error)) from error


class EsxTestbed(VsphereTestbed):
    """An ESX by itself, with a standard switch and its port group br0."""

    mode = "esx"


@contextmanager
def running(mode: str, directory: Path, *options: str) -> Iterator[str]:
    """Run the simulator, and give the URI, with a file of credentials in the directory."""
    password = secrets.token_urlsafe(16)
    file = directory / "credentials"
    file.touch(mode=0o600)
    file.write_text(f"password = {password}\n", encoding="utf-8")
    with simulator.running(mode, *options, password=password, directory=directory) as address:
        cacert = quote(str(directory / "certificate.pem"), safe="/")
        yield f"{mode}://root@{address}?credentials={quote(str(file), safe='/')}&cacert={cacert}"
