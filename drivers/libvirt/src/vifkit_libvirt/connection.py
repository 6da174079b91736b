"""A connection to libvirt beside an Open vSwitch, and the driver that opens it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from netqos.guard import refuse_undeclared, warn
from netqos.htb import Version, highest_rate_bps
from netqos.probe import policing_available
from netqos.units import bps_from_kBps
from vifkit import (
    BackendError,
    Bandwidth,
    Capabilities,
    ConnectError,
    Connection,
    Credentials,
    Domain,
    DomainConfig,
    DomainExistsError,
    DomainNotFoundError,
    Driver,
    InvalidStateError,
    InvalidXmlError,
    Shaping,
    State,
    SwitchUnavailableError,
    UnsupportedError,
    Vif,
    VifkitError,
    parse_domain,
)

from .domain import LibvirtDomain
from .errors import translated
from .keeping import MAX_RATE_KBPS, Keeping
from .session import Session
from .shaper import Shaper
from .uri import parse_uri


class LibvirtDriver(Driver):
    """What the drivers that talk through libvirt have in common."""

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect to libvirt, and to the Open vSwitch beside it. Raises ConnectError, ValueError."""
        address = parse_uri(uri, self.schemes)
        if address.repair and address.remote and address.db is None:
            raise ValueError(
                f"{uri}: libvirt does not reach its host's Open vSwitch: name it by db=, or say repair=off"
            )
        session = Session(address, credentials)
        try:
            shaper = None
            if address.repair:
                sees_kernel = address.netns is not None or not address.remote
                shaper = Shaper(address.db, address.netns, sees_kernel=sees_kernel)
            return self.connection(session, shaper)
        except BaseException as error:
            session.close()
            if isinstance(error, BackendError | OSError):
                raise ConnectError(f"{uri}: {error}") from error
            raise

    def connection(self, session: Session, shaper: Shaper | None) -> "LibvirtConnection":
        """Make what `open` gives."""
        raise NotImplementedError


class LibvirtConnection(Connection):
    """The domains of one libvirt driver. Without a shaper, libvirt's own doing is all that is done."""

    keeping: Keeping
    hypervisor: str
    """The hypervisor's name, for reports."""
    domain_types: Sequence[str]
    carries_mtu: bool
    """Whether libvirt gives a vif the MTU of its XML."""

    def __init__(self, session: Session, shaper: Shaper | None) -> None:
        self.session = session
        self.shaper = shaper

    @property
    def capabilities(self) -> Capabilities:
        """Everything that Open vSwitch and this kernel carry out, through libvirt's integers."""
        return Capabilities(
            shaping=Shaping.OVS_HTB,
            row_writer=self.keeping.row_writer,
            inbound=True,
            outbound=(self.shaper is None or self.shaper.sees_kernel) and policing_available(),
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
            opened = self.session.connection()
            return f"{self.hypervisor} {_figures(opened.getVersion())}, libvirt {_figures(opened.getLibVersion())}"

    def domains(self) -> Sequence[Domain]:
        """List all domains."""
        with translated():
            return [self._handle(each) for each in self.session.connection().listAllDomains(0)]

    def domain(self, name: str) -> Domain:
        """Find a domain."""
        with translated(name):
            return self._handle(self.session.connection().lookupByName(name))

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
        self.session.close()

    def handle(self, name: str, uuid: str) -> LibvirtDomain:
        """Make the Domain of a domain."""
        return LibvirtDomain(self, name, uuid)

    def launch(self, config: DomainConfig, launch: Callable[[], None]) -> None:
        """Start a domain and put its bandwidths into effect; after a failure nothing of it is left."""
        self.check_switch(config)
        try:
            launch()
        except VifkitError as error:
            self._after_failure(config, error)
            raise
        domain = self.handle(config.name, config.uuid)
        try:
            self.shape(self.wanted_of(domain.vifs()))
        except BaseException:
            with suppress(VifkitError):
                domain.stop()
            raise

    def check_switch(self, config: DomainConfig) -> None:
        """Look whether the ports of new vifs can be made, where that is ours to do."""
        vifs = [vif for vif in config.vifs if vif.on_openvswitch]
        if vifs and self.shaper:
            bridges = {vif.source for vif in vifs if vif.type == "bridge" and vif.source}
            self.shaper.check(bridges, {vif.target for vif in vifs if vif.target})

    def shape(self, wanted: dict[str, Bandwidth | None]) -> None:
        """Put bandwidths of ports into effect, where that is ours to do."""
        if self.shaper:
            self.shaper.shape(wanted)

    def collect(self, uuid: str) -> None:
        """Take away the rows that a domain's ports have left, where that is ours to do."""
        if self.shaper:
            self.shaper.collect(uuid)

    def wanted_of(self, vifs: Iterable[Vif]) -> dict[str, Bandwidth | None]:
        """Give what the ports of a running domain's vifs are to have: those that are to have something."""
        return {vif.target: vif.bandwidth for vif in vifs if vif.target and vif.on_openvswitch and vif.bandwidth}

    def accept_vifs(self, config: DomainConfig) -> None:
        """Refuse what is not declared, and warn of what does not do what it says."""
        capabilities = self.capabilities
        for vif in config.vifs:
            refuse_undeclared(vif.bandwidth, capabilities)
            if vif.mtu is not None and not capabilities.mtu:
                raise UnsupportedError("mtu", f"{self.hypervisor} by libvirt ignores an <mtu>, so none is accepted")
            warn(vif, vif.bandwidth, self.ovs_version, stacklevel=5)

    def _accept(self, xml: str) -> DomainConfig:
        config = parse_domain(xml)
        if config.type not in self.domain_types:
            wanted = " or ".join(map(repr, self.domain_types))
            raise InvalidXmlError("domain", f"the type {config.type!r} is another hypervisor's; here it is {wanted}")
        self.accept_vifs(config)
        return config

    def _refuse_rivals(self, config: DomainConfig) -> None:
        """Let nobody else have its name or UUID. Raises DomainExistsError."""
        opened: Any = self.session.connection()
        for look, key in ((opened.lookupByName, config.name), (opened.lookupByUUIDString, config.uuid)):
            with suppress(DomainNotFoundError), translated(config.name):
                found = look(key)
                if (found.name(), found.UUIDString()) != (config.name, config.uuid):
                    raise DomainExistsError(found.name())

    def _after_failure(self, config: DomainConfig, error: VifkitError) -> None:
        """Take away what a failed start has left; a switch that does not answer is a clearer reason than libvirt's."""
        try:
            self.collect(config.uuid)
        except SwitchUnavailableError as reason:
            raise reason from error

    def _handle(self, found: Any) -> LibvirtDomain:
        return self.handle(found.name(), found.UUIDString())

    def _highest_rate_bps(self) -> int | None:
        if self.shaper is None:
            return None
        theirs, libvirts = highest_rate_bps(self.shaper.version), bps_from_kBps(MAX_RATE_KBPS)
        return libvirts if theirs is None else min(theirs, libvirts)


def _figures(number: int) -> str:
    """Write libvirt's version numbers: 1,000,000 x major + 1,000 x minor + release (virGetVersion)."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
