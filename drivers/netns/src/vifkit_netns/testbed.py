"""How the suite boots network namespaces: there is nothing to boot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from vifkit import Domain
from vifkit_conformance.lab import Endpoint, Lab, LinkEndpoint, Namespace
from vifkit_conformance.testbed import Testbed

from .driver import NetnsDomain
from .host import drop_namespace


class NetnsTestbed(Testbed):
    """The domains of a directory of the lab's."""

    domain_type = "netns"
    judged_on = "real"
    guest_traffic = True
    nonexistent = {  # noqa: RUF012
        "SupportsDaemonKill": "no daemon keeps the domains",
        "SupportsGuestKill": "a domain is a namespace, and has no process",
        "SupportsSecondHost": "a namespace does not move",
        "SupportsTuning": "the hypervisor has no tool of its own",
    }

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Give the URI of an empty directory on the lab's Open vSwitch."""
        with TemporaryDirectory(prefix="netns.", dir=lab.directory) as directory:
            yield f"netns://{quote(directory)}?db={quote(lab.ovs.db)}&netns={quote(lab.host.path)}"
            for pin in Path(directory).glob("*.ns"):  # of domains that no test has stopped
                drop_namespace(pin)

    @contextmanager
    def guest(self, domain: Domain, mac: str) -> Iterator[Endpoint]:
        """Enter the domain's namespace."""
        assert isinstance(domain, NetnsDomain)
        number = [vif.mac for vif in domain.vifs()].index(mac)
        with Namespace.at(domain.namespace) as namespace:
            yield LinkEndpoint(namespace, f"eth{number}")
