"""What the contract asks of a domain: a handle that looks afresh at every call, as the domain may vanish."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vifkit import Bandwidth, Domain, DomainConfig, DomainNotFoundError, InvalidStateError, State, Vif

if TYPE_CHECKING:
    from .connection import SkeletonConnection
    from .hypervisor import Hypervisor


class SkeletonDomain(Domain):
    """One guest, by its UUID."""

    name = ""
    uuid = ""

    def __init__(self, connection: "SkeletonConnection", config: DomainConfig) -> None:
        self.name = config.name
        self.uuid = config.uuid
        self._connection = connection

    @property
    def _hypervisor(self) -> "Hypervisor":
        return self._connection.hypervisor

    def state(self) -> State:
        """Tell what the domain is doing."""
        self._config()
        return State.RUNNING if self._hypervisor.is_running(self.uuid) else State.SHUTOFF

    def start(self) -> None:
        """Start it."""
        with self._hypervisor.locked():
            self._connection.start(self._config())

    def stop(self) -> None:
        """End it at once."""
        with self._hypervisor.locked():
            config = self._config()
            if not self._hypervisor.is_running(self.uuid):
                raise InvalidStateError(self.name, State.SHUTOFF.value, State.RUNNING.value)
            self._connection.stop(config)

    def undefine(self) -> None:
        """Forget it."""
        with self._hypervisor.locked():
            if self.state() is not State.SHUTOFF:
                raise InvalidStateError(self.name, State.RUNNING.value, State.SHUTOFF.value)
            self._hypervisor.undefine(self.uuid)

    def xml(self) -> str:
        """Give the XML as it runs, or as it is defined."""
        return self._config().to_xml()

    def vifs(self) -> Sequence[Vif]:
        """List the vifs."""
        return self._config().vifs

    def bandwidth(self, mac: str) -> Bandwidth | None:
        """Give a vif's bandwidth."""
        return find_vif(self._config(), mac).bandwidth or None

    def set_bandwidth(self, mac: str, bandwidth: Bandwidth | None) -> None:
        """Replace a vif's bandwidth."""
        with self._hypervisor.locked():
            self._connection.update(self._config(), mac, bandwidth)

    def _config(self) -> DomainConfig:
        for config in self._hypervisor.domains():
            if config.uuid == self.uuid:
                return config
        raise DomainNotFoundError(self.name)


def find_vif(config: DomainConfig, mac: str) -> Vif:
    """Find a vif of a domain. Raises LookupError."""
    for vif in config.vifs:
        if vif.mac == mac.lower():
            return vif
    raise LookupError(f"domain {config.name!r} has no vif with the MAC address {mac!r}")
