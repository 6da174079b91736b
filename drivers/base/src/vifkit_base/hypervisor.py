"""What a driver writes: the verbs of its own hypervisor. All that the contract asks beside them is in `connection`."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from vifkit import Bandwidth, DomainConfig, State, UnsupportedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A domain as its hypervisor has it now."""

    config: DomainConfig
    """The domain with its bandwidths; while it runs, `target` names the host's device of each vif that has one."""
    state: State
    transient: bool = False
    """Whether it was created and not defined: it goes when it stops."""
    waiting: DomainConfig | None = None
    """The definition that replaces `config` at the next start, where another was given while it ran."""
    noted: bool = True
    """Whether there is a note of ours with it: others may have made the machine, or have written over the note."""

    @property
    def definition(self) -> DomainConfig | None:
        """What it starts with the next time; None where it is not to start again."""
        return None if self.transient else self.waiting or self.config


class Hypervisor(ABC):
    """One hypervisor, on a connection of its own.

    Every verb may raise ConnectError, AccessDeniedError, BackendError, and DomainNotFoundError where the domain has
    gone meanwhile; or OvertakenError, after which all begins again with a new look. None of them leaves half of its
    work behind.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @abstractmethod
    def version(self) -> str:
        """Name the hypervisor and its version."""

    @abstractmethod
    def machines(self) -> Sequence[Machine]:
        """List all domains, in as few calls as can be."""

    def machine(self, name: str) -> Machine | None:
        """Find a domain; override it where one costs less than all."""
        return next((each for each in self.alike(name) if each.config.name == name), None)

    def alike(self, name: str, uuid: str | None = None) -> Sequence[Machine]:
        """List the domains that have a name or a UUID, and maybe others; override it where that costs less than all."""
        del name, uuid
        return self.machines()

    def locked(self) -> AbstractContextManager[object]:
        """Keep others out while a domain changes: the threads of this connection, unless a driver can do more."""
        return self._lock

    @abstractmethod
    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a domain, or replace one that is shut off, with the bandwidths that the hypervisor holds itself."""

    @abstractmethod
    def start(self, config: DomainConfig) -> DomainConfig:
        """Start a domain that is defined; give it as it runs."""

    @abstractmethod
    def stop(self, config: DomainConfig) -> None:
        """End a domain at once, and take the devices away that were made for it."""

    @abstractmethod
    def undefine(self, config: DomainConfig) -> None:
        """Forget a domain that is shut off."""

    @abstractmethod
    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a changed domain: as it runs, or as its definition, which one that is running has at its next start."""

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Have the hypervisor hold a vif's bandwidth, running or not: for those that shape by themselves."""
        raise UnsupportedError("inbound", f"the hypervisor of {config.name!r} shapes nothing by itself: {mac}")

    def close(self) -> None:  # noqa: B027  most have nothing to let go of
        """Let go of it; may be called again."""
