"""vCenter and ESX, spoken to by pyVmomi.

    vcenter://operator@vcenter.example/DC0/host/cluster?credentials=/etc/vifkit/vcenter&cacert=/etc/vifkit/ca.pem
    esx://root@esx.example?credentials=/etc/vifkit/esx

The path is the inventory path of a cluster or host; it may be left out where there is one alone. `datastore` names the
one for new virtual machines (default: the first that is accessible).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vifkit import Capabilities, ConnectError, Credentials, DomainConfig, Driver, State
from vifkit_base.domain import HypervisorDomain
from vifkit_base.https import Peer, trust
from vifkit_base.native import NATIVE, NativeConnection
from vifkit_base.opening import opened
from vifkit_base.secrets import account
from vifkit_base.uri import Address, parse

from . import names, session
from .api import vim
from .distributed import Distributed
from .entries import DOMAIN_TYPE
from .hypervisor import VsphereHypervisor
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
        context = trust(address.query.get("cacert"))
        vsphere = Session(Peer(address.host, address.port or 443, context, timeout_s=session.CALL_SECONDS))

        def connect() -> VsphereConnection:
            vsphere.login(*account(address, credentials))
            return VsphereConnection(_hypervisor(vsphere, address))

        return opened(address.host, connect, vsphere.close)


class VsphereConnection(NativeConnection):
    """The virtual machines of a datacenter."""

    domain_types = (DOMAIN_TYPE,)
    network = "a port group"
    hypervisor: VsphereHypervisor

    @property
    def capabilities(self) -> Capabilities:
        """All that a port group's policy can say."""
        inbound = self.hypervisor.networks.inbound
        return replace(NATIVE, inbound=inbound, peak=True, burst=True, live_update=True, highest_rate_bps=HIGHEST_BPS)

    def check_domain(self, config: DomainConfig) -> None:
        """Refuse a name that is too long."""
        names.escaped(config.name)

    def domains(self) -> Sequence[HypervisorDomain]:
        """List all domains, their devices unread."""
        entries = self.hypervisor.entries()
        there = [each for each in entries if each.state is not State.SHUTOFF or not each.noted.transient]
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
    host = resource.host[0] if address.scheme == "esx" else None
    networks = Standard(session, host.configManager.networkSystem) if host else Distributed(session, datacenter)
    return VsphereHypervisor(session, networks, datacenter, resource, _datastore(resource, address))


def _resource(session: Session, path: str) -> Any:
    """Find a cluster, or a host that is in none. Raises ConnectError."""
    content = session.content
    found = content.searchIndex.FindByInventoryPath(path) if path else None
    if isinstance(found, vim.ComputeResource):
        return found
    there = content.viewManager.CreateContainerView(content.rootFolder, [vim.ComputeResource], True).view
    if not path and len(there) == 1:
        return there[0]
    asked = f"no cluster or host is at {path!r}" if path else "name one cluster or host, as DATACENTER/host/NAME,"
    known = ", ".join(sorted(each.name for each in there)) or "none"
    raise ConnectError(f"{asked} in the inventory; there are {known}")


def _datastore(resource: Any, address: Address) -> str:
    """Choose the datastore for new virtual machines. Raises ConnectError."""
    wanted = address.query.get("datastore")
    for summary in (each.summary for each in resource.datastore):
        if wanted in (None, summary.name) and summary.accessible:
            return str(summary.name)
    raise ConnectError(f"no datastore {wanted!r}" if wanted else "no datastore is accessible")
