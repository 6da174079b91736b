"""A connection to libvirt beside an Open vSwitch."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import libvirt

from netqos.guard import refuse_undeclared, warn
from netqos.htb import Version, highest_rate_bps
from netqos.probe import policing_available
from netqos.units import bps_from_kBps
from vifkit import (
    AccessDeniedError,
    BackendError,
    Bandwidth,
    Capabilities,
    ConnectError,
    Connection,
    Domain,
    DomainConfig,
    DomainExistsError,
    DomainNotFoundError,
    ForeignQosError,
    InvalidStateError,
    InvalidXmlError,
    Shaping,
    State,
    SwitchUnavailableError,
    UnsupportedError,
    Vif,
    VifkitError,
    parse_domain,
    safe_xml,
)

from .basic import BasicDomain, macs_of
from .domain import LibvirtDomain
from .errors import frozen, lost, translated
from .keeping import MAX_RATE_KBPS, Keeping
from .lifecycle import Lifecycle
from .opening import figures
from .session import Session
from .shaper import Shaper, check, ports_of

T = TypeVar("T")

SHAPED_BY_LIBVIRT = frozenset({"bridge", "direct", "ethernet", "network"})
"""The types of interface that libvirt shapes itself, by tc; of others it ignores it (virNetDevSupportsBandwidth)."""


class LibvirtConnection(Connection):
    """The domains of one libvirt driver. Without a shaper, libvirt's own doing is all that is done."""

    keeping: Keeping
    hypervisor: str
    """The hypervisor's name, for reports."""
    domain_types: Sequence[str]
    carries_mtu: bool
    """Whether libvirt gives a vif the MTU of its XML."""
    own_names = "vnet"
    """What the names begin with that libvirt gives to the host's devices by itself."""

    def __init__(self, session: Session, shaper: Shaper | None) -> None:
        self.session = session
        self.shaper = shaper
        self._lifecycle = Lifecycle(session)

    @property
    def capabilities(self) -> Capabilities:
        """Everything that Open vSwitch and this kernel carry out, through libvirt's integers."""
        return Capabilities(
            shaping=Shaping.OVS_HTB,
            row_writer=self.keeping.row_writer,
            inbound=True,
            outbound=self._polices(),
            peak=True,
            burst=True,
            live_update=True,
            hotplug=True,
            persistent_domains=True,
            mtu=self.carries_mtu or self.shaper is None,
            highest_rate_bps=self._highest_rate_bps(),
        )

    @property
    def ovs_version(self) -> Version:
        """The version of Open vSwitch; where we do not look at it, as new as any."""
        return self.shaper.version if self.shaper else (99,)

    def version(self) -> str:
        """Name the hypervisor and libvirt."""
        with translated():
            hypervisor, its_libvirt = self.look(lambda opened: (opened.getVersion(), opened.getLibVersion()))
        return f"{self.hypervisor} {figures(hypervisor)}, libvirt {figures(its_libvirt)}"

    def domains(self) -> Sequence[Domain]:
        """List all domains."""
        with translated():
            return [self._handle(each) for each in self.look(lambda opened: opened.listAllDomains(0))]

    def domain(self, name: str) -> Domain:
        """Find a domain."""
        with translated(name):
            return self._handle(self.look(lambda opened: opened.lookupByName(name)))

    def define(self, xml: str) -> Domain:
        """Keep a domain."""
        config = self._accept(xml)
        self._refuse_rivals(config)
        with translated(config.name):
            return self._handle(self.session.connection().defineXML(self.keeping.outgoing(config).to_xml()))

    def create(self, xml: str) -> Domain:
        """Start a domain that is gone when it stops."""
        config = self._accept(xml)
        self._refuse_rivals(config)
        with suppress(DomainNotFoundError):
            there = self.domain(config.name)
            if there.state() is not State.SHUTOFF:
                raise InvalidStateError(config.name, there.state().value, State.SHUTOFF.value)
            there.start()
            return there
        given = self.keeping.outgoing(config).to_xml()

        def launch() -> None:
            with translated(config.name):
                self.session.connection().createXML(given, 0)

        self.launch(config, launch)
        return self.handle(config.name, config.uuid)

    def close(self) -> None:
        """Let go of libvirt."""
        self._lifecycle.close()
        self.session.close()

    def subscribe(self, callback: Callable[[str, State], None]) -> Callable[[], None]:
        """Call back with name and new state, from a thread of the subscription's; what the function gives ends it."""
        with translated():
            return self._lifecycle.subscribe(callback)

    def look(self, ask: Callable[[Any], T]) -> T:
        """Ask libvirt what may be asked twice, as libvirtd may have been restarted unnoticed. Raises libvirtError."""
        try:
            return ask(self.session.connection())
        except libvirt.libvirtError as error:
            if not lost(error) or frozen(error):
                raise
            return ask(self.session.connection())

    def handle(self, name: str, uuid: str) -> BasicDomain:
        """Make the Domain of a domain."""
        return LibvirtDomain(self, name, uuid)

    def launch(self, config: DomainConfig, launch: Callable[[], None]) -> None:
        """Start a domain and put its bandwidths into effect; after a failure nothing of it is left."""
        self.check_switch(config, starting=True)
        try:
            launch()
        except VifkitError as error:
            self._after_failure(config, error)
            raise
        domain = self.handle(config.name, config.uuid)
        try:
            self.plugged(config.uuid, domain.vifs())
        except BaseException:
            with suppress(VifkitError):
                domain.stop()
            raise

    def check_switch(self, config: DomainConfig, *, starting: bool = False) -> None:
        """Look whether the ports of new vifs can be made, where that is ours to do.

        What is left of an earlier life of a domain that is starting goes first. Raises PortNotFoundError,
        PortExistsError, SwitchUnavailableError, AccessDeniedError.
        """
        unprivileged = self.session.address.unprivileged
        if self.shaper is None and not unprivileged:
            return
        vifs = [vif for vif in config.vifs if self.on_openvswitch(vif)]
        if vifs and unprivileged:
            # It has qemu-bridge-helper for this, which knows Linux bridges only (qemuInterfaceBridgeConnect).
            raise AccessDeniedError("a user's own libvirt cannot plug a vif into Open vSwitch: that takes the system's")
        if not vifs or self.shaper is None:
            return
        there = self.shaper.switch.ports()
        if starting and ports_of(config.uuid, there):
            self.sweep(config.uuid, macs_of(config))
            there = self.shaper.switch.ports()
        bridges = {vif.source for vif in vifs if vif.type == "bridge" and vif.source}
        # A name that begins as its own do libvirt drops, and makes a new one (virDomainNetDefParseXML).
        check(there, bridges, {vif.target for vif in vifs if vif.target and not vif.target.startswith(self.own_names)})

    def plugged(self, uuid: str, vifs: Sequence[Vif]) -> None:
        """Put the bandwidths of vifs that a domain has just gained into effect."""
        self.shape(self.wanted_of(vifs))

    def shape(self, wanted: dict[str, Bandwidth | None]) -> None:
        """Put bandwidths of ports into effect, where that is ours to do."""
        if self.shaper:
            self.shaper.shape(wanted)

    def take_back(self, before: dict[str, Bandwidth | None], error: VifkitError) -> None:
        """Write the rows of ports as they were before a change that failed, where that is ours to do.

        A switch that does not answer is a clearer reason than libvirt's. Raises SwitchUnavailableError.
        """
        if self.shaper is None or isinstance(error, ForeignQosError):
            return
        try:
            self.shaper.restore(before)
        except SwitchUnavailableError:
            if not isinstance(error, SwitchUnavailableError):
                raise SwitchUnavailableError("Open vSwitch is not answering: nothing was changed") from error
        except BackendError:
            return  # a port that has gone

    def collect(self, uuid: str) -> None:
        """Take away the rows that a domain's ports have left, where that is ours to do."""
        if self.shaper and not self.session.address.readonly:
            self.shaper.collect(uuid)

    def sweep(self, uuid: str, macs: Collection[str] = ()) -> None:
        """Take away all that a domain has left, if it does not run and if that is ours to do.

        libvirt leaves rows at each stop; where it is killed half way, ports and a container's devices as well.
        `macs` are those of the domain's vifs, where they are known. Raises ConnectError, SwitchUnavailableError.
        """
        if self.shaper is None or self.session.address.readonly:
            return
        # First the ports and then the state: a start that begins in between has ports that are not among these.
        ports = ports_of(uuid, self.shaper.switch.ports())
        try:
            if (ports or macs) and not self._is_active(uuid):
                self.shaper.unplug(ports)
                self.drop_devices({*macs, *ports.values()})
        finally:  # also where ovs-vswitchd has not taken note of the ports
            self.shaper.collect(uuid)

    def drop_devices(self, macs: Collection[str]) -> None:
        """Delete the devices of vifs, by MAC address, that libvirt has made and lost: none, as a tap goes by itself."""

    def wanted_of(self, vifs: Iterable[Vif]) -> dict[str, Bandwidth | None]:
        """Give what the ports of a running domain's vifs are to have: those that are to have something."""
        return {vif.target: vif.bandwidth for vif in vifs if vif.target and vif.on_openvswitch and vif.bandwidth}

    def on_openvswitch(self, vif: Vif) -> bool:
        """Tell whether a vif is on Open vSwitch, or will be when it is plugged: a network may lead there, too."""
        if vif.type != "network" or vif.virtualport is not None or vif.source is None:
            return vif.on_openvswitch
        try:
            xml = self.look(lambda opened: opened.networkLookupByName(vif.source).XMLDesc(0))
        except libvirt.libvirtError:  # there is none, or no driver for networks; a start would say so
            return False
        virtualport = safe_xml.only(safe_xml.parse(xml), "virtualport")
        return virtualport is not None and virtualport.get("type") == "openvswitch"

    def judge(self, vif: Vif, bandwidth: Bandwidth | None, *, stacklevel: int) -> None:
        """Refuse a bandwidth that is not declared, and warn of one that does not do what it says.

        What libvirt shapes by itself, beside Open vSwitch, is left to it. Raises UnsupportedError.
        """
        if self.on_openvswitch(vif):
            vif = replace(vif, virtualport="openvswitch")
            refuse_undeclared(bandwidth, self.capabilities)
        elif vif.type in SHAPED_BY_LIBVIRT:
            return
        warn(vif, bandwidth, self.ovs_version, stacklevel=stacklevel + 1)

    def accept_vifs(self, config: DomainConfig, *, stacklevel: int) -> None:
        """Refuse what is not declared, and warn of what does not do what it says."""
        for vif in config.vifs:
            if vif.mtu is not None and not self.capabilities.mtu:
                raise UnsupportedError("mtu", f"{self.hypervisor} by libvirt ignores an <mtu>, so none is accepted")
            self.judge(vif, vif.bandwidth, stacklevel=stacklevel + 1)

    def _accept(self, xml: str) -> DomainConfig:
        self.session.connection()  # which says so where it is closed
        config = parse_domain(xml)
        if config.type not in self.domain_types:
            wanted = " or ".join(map(repr, self.domain_types))
            raise InvalidXmlError("domain", f"the type {config.type!r} is another hypervisor's; here it is {wanted}")
        self.accept_vifs(config, stacklevel=4)
        return config

    def _refuse_rivals(self, config: DomainConfig) -> None:
        """Let nobody else have its name or UUID. Raises DomainExistsError."""
        for find in (
            lambda opened: opened.lookupByName(config.name),
            lambda opened: opened.lookupByUUIDString(config.uuid),
        ):
            with suppress(DomainNotFoundError), translated(config.name):
                found = self.look(find)
                if (found.name(), found.UUIDString()) != (config.name, config.uuid):
                    raise DomainExistsError(found.name())

    def _after_failure(self, config: DomainConfig, error: VifkitError) -> None:
        """Take away what a failed start has left; a switch that does not answer is a clearer reason than libvirt's."""
        try:
            self.sweep(config.uuid, macs_of(config))
        except SwitchUnavailableError as reason:
            raise reason from error
        except ConnectError:
            return  # whether it runs is not known

    def _polices(self) -> bool:
        """Tell whether the kernel limits what a guest sends: where we cannot look at it, whether the URI says so."""
        if self.shaper is None or self.shaper.sees_kernel:
            return policing_available()
        return self.session.address.polices

    def _is_active(self, uuid: str) -> bool:
        with translated():
            try:
                return bool(self.look(lambda opened: opened.lookupByUUIDString(uuid).isActive()))
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return False
                raise

    def _handle(self, found: Any) -> BasicDomain:
        return self.handle(found.name(), found.UUIDString())

    def _highest_rate_bps(self) -> int | None:
        if self.shaper is None:
            return None
        theirs, libvirts = highest_rate_bps(self.shaper.version), bps_from_kBps(MAX_RATE_KBPS)
        return libvirts if theirs is None else min(theirs, libvirts)
