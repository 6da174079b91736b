"""How the suite boots the hypervisor beside its own Open vSwitch, and reaches into a guest.

Only the suite imports this module: it needs vifkit-conformance, which the driver does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from vifkit import Domain
from vifkit_conformance.lab import Endpoint, Lab, LinkEndpoint, Namespace
from vifkit_conformance.testbed import Testbed


class SkeletonTestbed(Testbed):
    """Network namespaces need no daemon: an empty directory in the lab is all that is booted."""

    domain_type = "skeleton"
    guest_traffic = True

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Give the URI under which the driver finds the hypervisor, the lab's Open vSwitch and its devices."""
        with TemporaryDirectory(dir=lab.directory) as directory:
            self.directory = Path(directory)
            yield f"skeleton-scheme://{quote(directory)}?db={quote(lab.ovs.db)}&netns={quote(lab.host.path)}"

    @contextmanager
    def guest(self, domain: Domain, mac: str) -> Iterator[Endpoint]:
        """Give the guest's own end of a vif; leave it out, with `guest_traffic`, where nobody reaches into a guest."""
        number = [vif.mac for vif in domain.vifs()].index(mac)
        with Namespace.at(self.directory / f"{domain.uuid}.ns") as namespace:
            yield LinkEndpoint(namespace, f"eth{number}")
