"""vCenter and ESX, spoken to by pyVmomi.

    vcenter://operator@vcenter.example/DC0/host/cluster?credentials=/etc/vifkit/vcenter&cacert=/etc/vifkit/ca.pem
    esx://root@esx.example?credentials=/etc/vifkit/esx

The path is the inventory path of a cluster or host; it may be left out where there is one alone. `datastore` names the
one for new virtual machines (default: the first that is accessible).
"""

import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from vifkit import (
    BackendError,
    Bandwidth,
    Capabilities,
    ConnectError,
    Connection,
    Credentials,
    Domain,
    Driver,
    Shaping,
    UnsupportedError,
    Vif,
)
from vifkit_base.domain import HypervisorDomain
from vifkit_base.native import NativeConnection
from vifkit_base.secrets import secret
from vifkit_base.uri import Address, parse

from .api import vim
from .distributed import Distributed
from .hypervisor import DOMAIN_TYPE, Place, VsphereHypervisor
from .session import Session, obj
from .shaping import HIGHEST_BPS
from .standard import Standard

API_TYPES = {"vcenter": "VirtualCenter", "esx": "HostAgent"}


class VsphereDriver(Driver):
    """Opens `vcenter:` and `esx:` URIs."""

    name = "vsphere"
    schemes = ("vcenter", "esx")

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect."""
        address = parse(uri, self.schemes, ("cacert", "credentials", "datastore"))
        if address.host is None:
            raise ValueError(f"not understood: {uri!r}; {address.scheme}://USER@HOST is")
        file = Path(address.query["credentials"]) if "credentials" in address.query else None
        user = address.user or secret("username", credentials, file)
        try:
            context = ssl.create_default_context(cafile=address.query.get("cacert"))
        except OSError as error:  # ssl.SSLError is one
            raise ConnectError(f"{address.query.get('cacert')}: no certificates: {error.strerror or error}") from error
        password = secret("password", credentials, file)
        session = Session(address.host, address.port or 443, user, password, context)
        with ExitStack() as undo:
            undo.callback(session.close)
            try:
                opened = self._connection(session, address)
            except BackendError as error:
                raise ConnectError(f"{address.host}: {error}") from error
            undo.pop_all()
        return opened

    def _connection(self, session: Session, address: Address) -> "VsphereConnection":
        if session.content.about.apiType != API_TYPES[address.scheme]:
            raise ConnectError(f"{address.host} is {session.content.about.fullName}: no {address.scheme}")
        resource = _compute_resource(session, address.path.strip("/"))
        has = session.get(resource, "datastore", "host", "parent", "resourcePool")
        parent = has["parent"]
        while not isinstance(parent, vim.Datacenter):
            parent = session.get(parent, "parent")["parent"]
        place = Place(
            root=parent,
            folder=session.get(parent, "vmFolder")["vmFolder"],
            pool=has["resourcePool"],
            datastore=_datastore(session, has["datastore"], address.query.get("datastore")),
        )
        if address.scheme == "vcenter":
            return VsphereConnection(VsphereHypervisor(session, place, Distributed(session, parent)))
        system = session.get(has["host"][0], "configManager.networkSystem")["configManager.networkSystem"]
        return EsxConnection(VsphereHypervisor(session, place, Standard(session, system)))


class VsphereConnection(NativeConnection):
    """The virtual machines of a vCenter's datacenter, on distributed switches."""

    domain_types = (DOMAIN_TYPE,)
    inbound = True

    @property
    def capabilities(self) -> Capabilities:
        """All that a port group's policy can say."""
        return Capabilities(
            shaping=Shaping.NATIVE,
            inbound=self.inbound,
            outbound=True,
            peak=True,
            burst=True,
            live_update=True,
            persistent_domains=True,
            highest_rate_bps=HIGHEST_BPS,
        )

    def domains(self) -> list[Domain]:
        """List all domains, their devices unread."""
        entries = cast(VsphereHypervisor, self.hypervisor).entries()
        return [HypervisorDomain(self, each.name, each.uuid) for each in entries if not each.is_over]

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse what is on no port group, and a peak below the average.

        ("It can never be smaller than the average bandwidth": vSphere Networking, Peak Bandwidth.)
        """
        if vif.type != "bridge" or vif.source is None or vif.virtualport is not None:
            raise UnsupportedError("interface", "only <interface type='bridge'> on a port group, its source, can be")
        for rate in (bandwidth.inbound, bandwidth.outbound) if bandwidth else ():
            if rate and rate.peak and rate.average and rate.peak < rate.average:
                raise UnsupportedError("peak", f"a peak of {rate.peak} below an average of {rate.average} cannot be")


class EsxConnection(VsphereConnection):
    """The virtual machines of an ESX, on standard switches."""

    inbound = False


def _compute_resource(session: Session, path: str) -> Any:
    """Find a cluster, or a host that is in none. Raises ConnectError."""
    if path:
        found = session.content.searchIndex.FindByInventoryPath(path)
        if not isinstance(found, vim.ComputeResource):
            raise ConnectError(f"no cluster or host is at {path!r} in the inventory")
        return found
    view = session.content.viewManager.CreateContainerView(session.content.rootFolder, [vim.ComputeResource], True)
    there = session.read([obj(view, (vim.view.ContainerView, "view"), skip=True)], {vim.ComputeResource: ("name",)})
    view.DestroyView()
    if len(there) != 1:
        known = ", ".join(sorted(str(has.get("name")) for _, has in there)) or "none"
        raise ConnectError(f"name one cluster or host in the URI, as DATACENTER/host/NAME; there are {known}")
    return there[0][0]


def _datastore(session: Session, there: list[Any], wanted: str | None) -> str:
    """Choose the datastore for new virtual machines. Raises ConnectError."""
    found = [has for _, has in session.read([obj(each) for each in there], {vim.Datastore: ("name", "summary")})]
    for has in found:
        if wanted in (None, has["name"]) and _accessible(has):
            return str(has["name"])
    raise ConnectError(f"no datastore {wanted!r}" if wanted else "no datastore is accessible")


def _accessible(has: Mapping[str, Any]) -> bool:
    return bool(has["summary"].accessible)
