"""Hypervisors whose domains pause, and go on: their connection gives `PausableDomain` as its handles."""

from abc import abstractmethod

from vifkit import Domain, DomainConfig, State

from .connection import HypervisorConnection, insist_on
from .domain import HypervisorDomain
from .hypervisor import Hypervisor


class PausingHypervisor(Hypervisor):
    """One with two more verbs."""

    @abstractmethod
    def pause(self, config: DomainConfig) -> None:
        """Pause a domain that runs."""

    @abstractmethod
    def go_on(self, config: DomainConfig) -> None:
        """Let a paused domain go on."""


class PausableDomain(HypervisorDomain):
    """A guest that pauses."""

    def __init__(self, connection: HypervisorConnection, hypervisor: PausingHypervisor, name: str, uuid: str) -> None:
        super().__init__(connection, name, uuid)
        self._hypervisor = hypervisor

    def suspend(self) -> None:
        """Pause it."""
        with self._hypervisor.locked():
            machine = self.machine()
            insist_on(machine, State.RUNNING)
            self._hypervisor.pause(machine.config)

    def resume(self) -> None:
        """Let it go on."""
        with self._hypervisor.locked():
            machine = self.machine()
            insist_on(machine, State.PAUSED)
            self._hypervisor.go_on(machine.config)


def pausable(connection: HypervisorConnection, hypervisor: PausingHypervisor, config: DomainConfig) -> Domain:
    """Make the handle of a domain."""
    return PausableDomain(connection, hypervisor, config.name, config.uuid)
