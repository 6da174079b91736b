"""What every libvirt domain can do: come, run, change its bandwidths, and go."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import libvirt

from vifkit import (
    BackendError,
    Bandwidth,
    ConnectError,
    Domain,
    DomainConfig,
    DomainNotFoundError,
    InvalidBandwidthError,
    InvalidStateError,
    InvalidXmlError,
    State,
    Vif,
    VifkitError,
)

from .errors import LibvirtError, translated
from .keeping import flags_of
from .lifecycle import STATES

if TYPE_CHECKING:
    from .connection import LibvirtConnection


class BasicDomain(Domain):
    """Known by its UUID; holds nothing of libvirt's, so that a restart of libvirtd does not matter."""

    name = ""
    uuid = ""

    def __init__(self, connection: "LibvirtConnection", name: str, uuid: str) -> None:
        self.name = name
        self.uuid = uuid
        self._connection = connection

    def state(self) -> State:
        """Ask libvirt."""
        with self._libvirt() as domain:
            return STATES.get(domain.state()[0], State.RUNNING)

    def start(self) -> None:
        """Start it, and put into effect what libvirt has left out."""
        config = self.config(live=False)
        with self._libvirt(State.SHUTOFF) as domain:
            if domain.isActive():
                raise InvalidStateError(self.name, self.state().value, State.SHUTOFF.value)
        self._connection.launch(config, lambda: self._launch(0))

    def stop(self) -> None:
        """End it at once.

        A libvirtd that has just started may find the guest of a domain gone that it is asked to end, and then says
        that it did not run (qemuProcessReconnect): one that ran when we were asked has been stopped.
        """
        ran = False
        try:
            with self._libvirt(State.RUNNING) as domain:
                ran = bool(domain.isActive())
                domain.destroy()
        except (DomainNotFoundError, InvalidStateError):
            if not ran:
                with suppress(BackendError, ConnectError):
                    self._connection.sweep(self.uuid)  # it has ended by itself
                raise
        self._connection.sweep(self.uuid)

    def undefine(self) -> None:
        """Forget it, also where nobody understands it."""
        macs: set[str] = set()
        with suppress(InvalidXmlError, InvalidBandwidthError):
            macs = macs_of(self.config())
        with self._libvirt(State.SHUTOFF) as domain:
            if domain.isActive():
                raise InvalidStateError(self.name, self.state().value, State.SHUTOFF.value)
            domain.undefine()
        with suppress(BackendError, ConnectError):
            self._connection.sweep(self.uuid, macs)

    def xml(self) -> str:
        """Give the XML as it runs, or as it is kept."""
        return self.config().to_xml()

    def vifs(self) -> Sequence[Vif]:
        """List the vifs."""
        return self.config().vifs

    def bandwidth(self, mac: str) -> Bandwidth | None:
        """Give a vif's bandwidth."""
        return find(self.config(), mac).bandwidth or None

    def set_bandwidth(self, mac: str, bandwidth: Bandwidth | None) -> None:
        """Replace a vif's bandwidth, in libvirt's keeping and in effect."""
        connection = self._connection
        config = self.config()
        vif = find(config, mac)
        connection.judge(vif, bandwidth, stacklevel=3)
        with self._libvirt() as domain:
            running = bool(domain.isActive())
        shaped = [vif.target] if running and vif.target and vif.on_openvswitch and connection.shaper else []
        for port in shaped:
            assert connection.shaper is not None
            connection.shaper.refuse_foreign(port)
        try:
            self._record(mac.lower(), bandwidth)
            connection.shape(dict.fromkeys(shaped, bandwidth or None))
        except VifkitError as error:
            with suppress(VifkitError):
                self._record(mac.lower(), vif.bandwidth)
            connection.take_back(dict.fromkeys(shaped, vif.bandwidth or None), error)
            raise

    def shutdown(self) -> None:
        """Ask the guest to end."""
        with self._libvirt(State.RUNNING) as domain:
            domain.shutdown()

    def config(self, *, live: bool = True) -> DomainConfig:
        """Read the domain as it runs, or else as it is kept; `live` False is always as it is kept."""
        with self._libvirt() as domain:
            flags = 0 if live or not domain.isPersistent() else libvirt.VIR_DOMAIN_XML_INACTIVE
            xml = domain.XMLDesc(flags)
        return self._connection.keeping.incoming(xml)

    def _record(self, mac: str, bandwidth: Bandwidth | None) -> None:
        """Have libvirt keep a bandwidth, wherever it has the vif."""
        with self._libvirt() as domain:
            flags = self._flags(domain, mac)
            self._connection.keeping.record(domain, mac, bandwidth, flags)

    def _flags(self, domain: Any, mac: str) -> int:
        """Name what a change of a vif concerns: the definition may lack one that runs. Raises libvirtError."""
        flags = flags_of(domain)
        both = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
        if flags == both and mac not in {vif.mac for vif in self.config(live=False).vifs}:
            return int(libvirt.VIR_DOMAIN_AFFECT_LIVE)
        return flags

    def _launch(self, flags: int) -> None:
        with self._libvirt(State.SHUTOFF) as domain:
            domain.createWithFlags(flags)

    @contextmanager
    def _libvirt(self, wanted: State | None = None) -> Iterator[Any]:
        """Give libvirt's own handle, and translate what it raises; `wanted` is the state that is needed."""
        with translated(self.name):
            try:
                yield self._connection.look(lambda opened: opened.lookupByUUIDString(self.uuid))
            except libvirt.libvirtError as error:
                if wanted is None or error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                    raise
                is_now = self.state()
                if is_now is wanted:
                    raise LibvirtError(f"libvirt: {error.get_error_message()}", error.get_error_code()) from error
                raise InvalidStateError(self.name, is_now.value, wanted.value) from error


def find(config: DomainConfig, mac: str) -> Vif:
    """Find a vif. Raises LookupError."""
    for vif in config.vifs:
        if vif.mac == mac.lower():
            return vif
    raise LookupError(f"domain {config.name!r} has no vif with the MAC address {mac!r}")


def macs_of(config: DomainConfig) -> set[str]:
    """Give the MAC addresses of the vifs on Open vSwitch."""
    return {vif.mac for vif in config.vifs if vif.on_openvswitch and vif.mac}
