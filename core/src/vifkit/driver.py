"""The contract. One small class a level; what not every hypervisor does is a protocol of one method."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from .bandwidth import Bandwidth
from .capabilities import Capabilities
from .domain_xml import Vif

Credentials = Callable[[str], str]
"""Gives the secret for a prompt ('username', 'password', …) when it is needed, and not before."""


class State(Enum):
    """What a domain is doing."""

    RUNNING = "running"
    PAUSED = "paused"
    SHUTOFF = "shut off"


class Domain(ABC):
    """One guest. It may vanish at any time: every method but `name` and `uuid` may raise DomainNotFoundError."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name, unique in its connection."""

    @property
    @abstractmethod
    def uuid(self) -> str:
        """The UUID: 36 characters, lower case."""

    @abstractmethod
    def state(self) -> State:
        """Tell what the domain is doing."""

    @abstractmethod
    def start(self) -> None:
        """Start it, each vif plugged and its bandwidth in effect on return; nothing stays after a failure.

        Raises InvalidStateError if it is running, ForeignQosError, SwitchUnavailableError, BackendError.
        """

    @abstractmethod
    def stop(self) -> None:
        """End it at once. Its ports, and the rows that made its bandwidths, are gone on return.

        A domain that was created and not defined is gone as well. Raises InvalidStateError if it is shut off.
        """

    @abstractmethod
    def undefine(self) -> None:
        """Forget it. Raises InvalidStateError if it is not shut off."""

    @abstractmethod
    def xml(self) -> str:
        """Give the domain XML as it is now, bandwidths and host devices of the vifs included."""

    @abstractmethod
    def vifs(self) -> Sequence[Vif]:
        """List the vifs, in the order of the XML; `target` names the host's device while it runs."""

    @abstractmethod
    def bandwidth(self, mac: str) -> Bandwidth | None:
        """Give the bandwidth of a vif, None for none. Raises LookupError for an unknown MAC address."""

    @abstractmethod
    def set_bandwidth(self, mac: str, bandwidth: Bandwidth | None) -> None:
        """Replace a vif's whole bandwidth, of a running domain too: in effect, and in `xml()`, on return.

        None clears it. Warns BandwidthWarning. Raises UnsupportedError for what the capabilities do not
        declare, LookupError for an unknown MAC address, ForeignQosError, SwitchUnavailableError.
        """


class Connection(ABC):
    """An open hypervisor; a context manager.

    Once it is closed, each of its methods but `close`, and each of its domains', raises ConnectError, and changes
    nothing; `name` and `uuid` of a domain are told all the same, and `capabilities` may be.
    """

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What holds here and now."""

    @abstractmethod
    def version(self) -> str:
        """Name the hypervisor and its version, for reports."""

    @abstractmethod
    def domains(self) -> Sequence[Domain]:
        """List all domains, running or not."""

    @abstractmethod
    def domain(self, name: str) -> Domain:
        """Find a domain. Raises DomainNotFoundError."""

    @abstractmethod
    def define(self, xml: str) -> Domain:
        """Keep a domain without starting it; the same name and UUID again replaces what was kept.

        Warns BandwidthWarning. Raises InvalidXmlError, InvalidBandwidthError, UnsupportedError,
        DomainExistsError if another domain has this name or UUID.
        """

    @abstractmethod
    def create(self, xml: str) -> Domain:
        """Start a domain that is gone when it stops; where it is defined already, start that definition.

        Warns and raises as `define` and `Domain.start` do.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the hypervisor; domains go on. To close twice is allowed, and all else is over."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Driver(ABC):
    """A hypervisor's entry: stateless, made without arguments, found by the entry points `vifkit.drivers`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The driver's name, as `--driver` takes it."""

    @property
    @abstractmethod
    def schemes(self) -> Sequence[str]:
        """The URI schemes that it opens."""

    @abstractmethod
    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError, and ValueError for a URI that is not understood."""


@runtime_checkable
class SupportsShutdown(Protocol):
    """A domain whose guest can be asked to end."""

    def shutdown(self) -> None:
        """Ask the guest to end; it may take its time, or refuse."""


@runtime_checkable
class SupportsReboot(Protocol):
    """A domain that can restart in place."""

    def reboot(self) -> None:
        """Restart the guest; bandwidths stay in effect."""


@runtime_checkable
class SupportsSuspend(Protocol):
    """A domain that can be paused."""

    def suspend(self) -> None:
        """Pause it; bandwidths stay in effect. Raises InvalidStateError if it is not running."""


@runtime_checkable
class SupportsResume(Protocol):
    """A domain that can go on after a pause."""

    def resume(self) -> None:
        """Let it go on. Raises InvalidStateError if it is not paused."""


@runtime_checkable
class SupportsHotplug(Protocol):
    """A domain that gains vifs while it runs."""

    def attach_vif(self, xml: str) -> None:
        """Plug an `<interface>`, its bandwidth in effect on return. Raises as `Connection.define`."""


@runtime_checkable
class SupportsUnplug(Protocol):
    """A domain that loses vifs while it runs."""

    def detach_vif(self, mac: str) -> None:
        """Unplug a vif; its port and rows are gone on return. Raises LookupError for an unknown MAC address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VifStatistics:
    """What a guest has received and sent by one vif since it was plugged; bytes are those of layer 2."""

    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int


@runtime_checkable
class SupportsStatistics(Protocol):
    """A domain that counts what its vifs carry."""

    def statistics(self, mac: str) -> VifStatistics:
        """Count. Raises LookupError for an unknown MAC address, InvalidStateError if it is shut off."""


@runtime_checkable
class SupportsEvents(Protocol):
    """A connection that tells when a domain starts or stops."""

    def subscribe(self, callback: Callable[[str, State], None]) -> Callable[[], None]:
        """Call back with name and new state, from another thread; the function returned ends it."""


@runtime_checkable
class SupportsMigration(Protocol):
    """A domain that can move, running, to another host."""

    def migrate(self, destination: Connection) -> Domain:
        """Move it; its bandwidths are in effect there, and nothing stays here, on return."""
