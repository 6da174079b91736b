"""vCenter and ESX, spoken to by pyVmomi.

    vcenter://operator@vcenter.example/DC0/host/cluster?credentials=/etc/vifkit/vcenter&cacert=/etc/vifkit/ca.pem
    esx://root@esx.example?credentials=/etc/vifkit/esx

The path is the inventory path of a cluster or host; it may be left out where there is one alone. `datastore` names the
one for new virtual machines (default: the first that is accessible).
"""

from collections.abc import Sequence
from typing import Any

from vifkit import BackendError, Capabilities, ConnectError, Credentials, Driver, Shaping, VifkitError
from vifkit_base.domain import HypervisorDomain
from vifkit_base.https import Peer, trust
from vifkit_base.native import NativeConnection
from vifkit_base.secrets import account
from vifkit_base.uri import Address, parse

from . import session
from .api import vim
from .distributed import Distributed
from .entries import DOMAIN_TYPE
from .hypervisor import VsphereHypervisor
from .networks import Networks
from .session import Session
from .shaping import HIGHEST_BPS
from .standard import Standard

API_TYPES = {"vcenter": "VirtualCenter", "esx": "HostAgent"}


class VsphereDriver(Driver):
    """Opens `vcenter:` and `esx:` URIs."""

    name = "vsphere"
    schemes = ("vcenter", "esx")

    def open(self, uri: str, credentials: Credentials | None = None) -> "VsphereConnection":
        """Connect."""
        address = parse(uri, self.schemes, ("cacert", "credentials", "datastore"))
        if address.host is None:
            raise ValueError(f"not understood: {uri!r}; {address.scheme}://USER@HOST is")
        user, password = account(address, credentials)
        context = trust(address.query.get("cacert"))
        peer = Peer(address.host, address.port or 443, context, timeout_s=session.CALL_SECONDS)
        opened = Session(peer, user, password)
        try:
            return VsphereConnection(_hypervisor(opened, address))
        except VifkitError as error:
            opened.close()
            if isinstance(error, BackendError):
                raise ConnectError(f"{address.host}: {error}") from error
            raise


class VsphereConnection(NativeConnection):
    """The virtual machines of a datacenter."""

    domain_types = (DOMAIN_TYPE,)
    network = "a port group"
    hypervisor: VsphereHypervisor

    @property
    def capabilities(self) -> Capabilities:
        """All that a port group's policy can say."""
        return Capabilities(
            shaping=Shaping.NATIVE,
            inbound=self.hypervisor.networks.inbound,
            outbound=True,
            peak=True,
            burst=True,
            live_update=True,
            persistent_domains=True,
            highest_rate_bps=HIGHEST_BPS,
        )

    def domains(self) -> Sequence[HypervisorDomain]:
        """List all domains, their devices unread."""
        there = [each for each in self.hypervisor.entries() if not each.is_over]
        return [HypervisorDomain(self, each.name, each.uuid) for each in there]


def _hypervisor(session: Session, address: Address) -> VsphereHypervisor:
    """Find out where virtual machines are, and where new ones go. Raises BackendError."""
    about = session.content.about
    if about.apiType != API_TYPES[address.scheme]:
        raise ConnectError(f"{address.host} is {about.fullName}: no {address.scheme}")
    resource = _resource(session, address.path.strip("/"))
    datacenter = resource.parent
    while not isinstance(datacenter, vim.Datacenter):
        datacenter = datacenter.parent
    if address.scheme == "vcenter":
        networks: Networks = Distributed(session, datacenter)
    else:
        networks = Standard(session, resource.host[0].configManager.networkSystem)
    return VsphereHypervisor(session, networks, datacenter, resource, _datastore(resource, address))


def _resource(session: Session, path: str) -> Any:
    """Find a cluster, or a host that is in none. Raises ConnectError."""
    if path:
        found = session.content.searchIndex.FindByInventoryPath(path)
        if not isinstance(found, vim.ComputeResource):
            raise ConnectError(f"no cluster or host is at {path!r} in the inventory")
        return found
    there = session.content.viewManager.CreateContainerView(
        session.content.rootFolder, [vim.ComputeResource], True
    ).view
    if len(there) != 1:
        known = ", ".join(sorted(each.name for each in there)) or "none"
        raise ConnectError(f"name one cluster or host in the URI, as DATACENTER/host/NAME; there are {known}")
    return there[0]


def _datastore(resource: Any, address: Address) -> str:
    """Choose the datastore for new virtual machines. Raises ConnectError."""
    wanted = address.query.get("datastore")
    for summary in (each.summary for each in resource.datastore):
        if wanted in (None, summary.name) and summary.accessible:
            return str(summary.name)
    raise ConnectError(f"no datastore {wanted!r}" if wanted else "no datastore is accessible")
