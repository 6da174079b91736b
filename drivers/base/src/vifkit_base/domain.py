"""What the contract asks of a domain: a handle that looks afresh at every call, as the domain may vanish."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vifkit import Bandwidth, Domain, DomainConfig, InvalidStateError, State, Vif

from .overtaken import afresh

if TYPE_CHECKING:
    from .connection import HypervisorConnection
    from .hypervisor import Machine


class HypervisorDomain(Domain):
    """One guest, by its name and UUID."""

    name = ""
    uuid = ""

    def __init__(self, connection: "HypervisorConnection", name: str, uuid: str) -> None:
        self.name = name
        self.uuid = uuid
        self._connection = connection

    def state(self) -> State:
        """Tell what the domain is doing."""
        return self.machine().state

    def start(self) -> None:
        """Start it."""
        with self._connection.hypervisor.locked():
            afresh(lambda: self._connection.start(self.machine()))

    def stop(self) -> None:
        """End it at once."""
        with self._connection.hypervisor.locked():
            afresh(self._stop)

    def undefine(self) -> None:
        """Forget it."""
        with self._connection.hypervisor.locked():
            afresh(lambda: self._connection.undefine(self.machine()))

    def xml(self) -> str:
        """Give the XML as it runs, or as it is kept."""
        return self._config().to_xml()

    def vifs(self) -> Sequence[Vif]:
        """List the vifs."""
        return self._config().vifs

    def bandwidth(self, mac: str) -> Bandwidth | None:
        """Give a vif's bandwidth."""
        machine = self.machine()
        return self._connection.bandwidth(machine, find_vif(_told(machine), mac))

    def set_bandwidth(self, mac: str, bandwidth: Bandwidth | None) -> None:
        """Replace a vif's bandwidth."""
        with self._connection.hypervisor.locked():
            self._connection.update(self.machine(), mac, bandwidth)

    def machine(self) -> "Machine":
        """Look at it as it is now. Raises DomainNotFoundError."""
        return self._connection.machine(self.name, self.uuid)

    def _stop(self) -> None:
        machine = self.machine()
        if machine.state is State.SHUTOFF:
            raise InvalidStateError(self.name, State.SHUTOFF.value, State.RUNNING.value)
        self._connection.stop(machine)

    def _config(self) -> DomainConfig:
        return _told(self.machine())


def _told(machine: "Machine") -> DomainConfig:
    """Give what is told of a domain: where it does not run, the definition that waits."""
    if machine.state is State.SHUTOFF and machine.waiting is not None:
        return machine.waiting
    return machine.config


def find_vif(config: DomainConfig, mac: str) -> Vif:
    """Find a vif of a domain. Raises LookupError."""
    for vif in config.vifs:
        if vif.mac == mac.lower():
            return vif
    raise LookupError(f"domain {config.name!r} has no vif with the MAC address {mac!r}")
