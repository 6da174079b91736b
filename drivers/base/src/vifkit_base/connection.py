"""What the contract asks of a connection, said in the verbs of a `Hypervisor`."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from netqos.guard import refuse_undeclared
from vifkit import (
    Bandwidth,
    ConnectError,
    Connection,
    Domain,
    DomainConfig,
    DomainExistsError,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    State,
    UnsupportedError,
    Vif,
    VifkitError,
    parse_domain,
)

from .domain import HypervisorDomain, find_vif
from .hypervisor import Hypervisor, Machine
from .overtaken import afresh

_A_NAME = re.compile(r"[^\0\ud800-\udfff]{1,30000}")
"""What a domain may be named as far as a system can be asked for it: nothing else fits a path or an argument."""


class HypervisorConnection(Connection):
    """The domains of one hypervisor. Who changes one holds its lock; what fails half way is undone first."""

    domain_types: tuple[str, ...]
    """The types of domain that it takes, as their XML names them."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self._hypervisor = hypervisor
        self._closed = False

    @property
    def hypervisor(self) -> Hypervisor:
        """The hypervisor, through which all goes. Raises ConnectError once the connection is closed."""
        if self._closed:
            raise ConnectError("the connection is closed: open another")
        return self._hypervisor

    @abstractmethod
    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a vif that cannot be, or a bandwidth that cannot be held on it, and warn of what it does not do.

        Raises UnsupportedError; warns BandwidthWarning.
        """

    @abstractmethod
    def put_into_effect(self, machine: Machine, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Have a vif's new bandwidth carried out and kept; after a failure all is as it was."""

    def check_domain(self, config: DomainConfig) -> None:
        """Refuse a domain that the hypervisor cannot keep, by its name for one, before anything is asked of it.

        Raises InvalidXmlError.
        """

    def bandwidth(self, machine: Machine, vif: Vif) -> Bandwidth | None:
        """Tell a vif's bandwidth. Raises BackendError where it has one that nobody knows any more."""
        del machine
        return vif.bandwidth or None

    def insist_on_note(self, machine: Machine) -> None:
        """Refuse to change a domain that cannot be changed without a note of ours. Raises UnsupportedError."""

    def version(self) -> str:
        """Name the hypervisor and its version."""
        return self.hypervisor.version()

    def domains(self) -> Sequence[Domain]:
        """List all domains."""
        return [self.handle(each.config) for each in afresh(self.hypervisor.machines) if not is_over(each)]

    def domain(self, name: str) -> Domain:
        """Find a domain."""
        return self.handle(self.machine(name).config)

    def define(self, xml: str) -> Domain:
        """Keep a domain."""
        hypervisor = self.hypervisor
        if not self.capabilities.persistent_domains:
            raise UnsupportedError("persistent_domains", "this hypervisor keeps no domain that does not run")
        config = self._accept(xml)
        with hypervisor.locked():
            afresh(lambda: self._define(config))
        return self.handle(config)

    def create(self, xml: str) -> Domain:
        """Start a domain that is gone when it stops."""
        hypervisor = self.hypervisor
        config = self._accept(xml)
        with hypervisor.locked():
            afresh(lambda: self._create(config))
        return self.handle(config)

    def close(self) -> None:
        """Let go of the hypervisor."""
        self._closed = True
        self._hypervisor.close()

    def handle(self, config: DomainConfig) -> Domain:
        """Make the Domain of a domain; a driver whose domains have more verbs makes its own."""
        return HypervisorDomain(self, config.name, config.uuid)

    def machine(self, name: str, uuid: str | None = None) -> Machine:
        """Look at a domain as it is now. Raises DomainNotFoundError, also where another has its name."""
        hypervisor = self.hypervisor
        found = afresh(lambda: hypervisor.machine(name)) if _A_NAME.fullmatch(name) else None
        if found is None or is_over(found) or uuid not in (None, found.config.uuid):
            raise DomainNotFoundError(name)
        return found

    def start(self, machine: Machine) -> None:
        """Start a domain, each vif with its bandwidth in effect; all of it or nothing."""
        insist_on(machine, State.SHUTOFF)
        self.hypervisor.start(self.ready(machine))

    def stop(self, machine: Machine) -> None:
        """End a domain; what was only created is forgotten, and a definition that waited comes into its own."""
        self.hypervisor.stop(machine.config)
        if machine.transient:
            self.hypervisor.undefine(machine.config)
        else:
            self.ready(machine)

    def undefine(self, machine: Machine) -> None:
        """Forget a domain."""
        insist_on(machine, State.SHUTOFF)
        self.hypervisor.undefine(machine.config)

    def update(self, machine: Machine, mac: str, bandwidth: Bandwidth | None) -> None:
        """Carry out a new bandwidth of one vif, and keep it."""
        vif = find_vif(machine.config, mac)
        self.insist_on_note(machine)
        refuse_undeclared(bandwidth, self.capabilities)
        if machine.state is not State.SHUTOFF and not self.capabilities.live_update:
            raise UnsupportedError("live_update", "the bandwidth of a running domain does not change: stop it first")
        self.check(vif, bandwidth)  # here, as its warnings count the calls up to the caller's
        looks = [machine]

        def carry_out() -> None:
            now = looks.pop() if looks else self.machine(machine.config.name, machine.config.uuid)
            self.put_into_effect(now, find_vif(now.config, mac), bandwidth or None)

        afresh(carry_out)

    def ready(self, machine: Machine) -> DomainConfig:
        """Let a definition that waited replace what has run; give what the domain has from now on."""
        waiting = machine.waiting
        if waiting is None:
            return machine.config
        afresh(lambda: self.hypervisor.define(waiting, transient=machine.transient))
        return waiting

    def keep_definition(self, machine: Machine, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Keep a bandwidth in the definition, where that has the vif."""
        definition = machine.definition
        if definition is not None and vif.mac in {each.mac for each in definition.vifs}:
            self.hypervisor.keep(definition.with_bandwidth(str(vif.mac), bandwidth), running=False)

    def _accept(self, xml: str) -> DomainConfig:
        """Read a domain, and refuse what is not declared. Raises InvalidXmlError, UnsupportedError."""
        config = parse_domain(xml)
        if config.type not in self.domain_types:
            wanted = " or ".join(map(repr, self.domain_types))
            raise InvalidXmlError("domain", f"the type {config.type!r} is another hypervisor's; here it is {wanted}")
        for vif in config.vifs:
            if vif.mtu is not None and not self.capabilities.mtu:
                raise UnsupportedError("mtu", "this driver gives no vif an <mtu> of its own, so none is accepted")
            refuse_undeclared(vif.bandwidth, self.capabilities)
            self.check(vif, vif.bandwidth)
        self.check_domain(config)
        return config

    def _define(self, config: DomainConfig) -> None:
        there = self._rival(config)
        if there is not None and there.state is not State.SHUTOFF:
            self.hypervisor.keep(config, running=False)
        else:
            self.hypervisor.define(config, transient=False)

    def _create(self, config: DomainConfig) -> None:
        there = self._rival(config)
        if there is not None:
            self.start(there)
            return
        with ExitStack() as undo:
            self.hypervisor.define(config, transient=True)
            undo.callback(self._forget, config)
            self.start(Machine(config=config, state=State.SHUTOFF, transient=True))
            undo.pop_all()

    def _rival(self, config: DomainConfig) -> Machine | None:
        """Find the domain itself, where it is known, and let nobody else have its name or UUID.

        One that was only created and has ended by itself is forgotten. Raises DomainExistsError.
        """
        found = None
        for other in self.hypervisor.alike(config.name, config.uuid):
            same = other.config.name == config.name, other.config.uuid == config.uuid
            if any(same) and is_over(other):
                self.hypervisor.undefine(other.config)
            elif all(same):
                found = other
            elif any(same):
                raise DomainExistsError(other.config.name)
        return found

    def _forget(self, config: DomainConfig) -> None:
        with suppress(VifkitError):
            self.hypervisor.undefine(config)


def insist_on(machine: Machine, wanted: State) -> None:
    """Raise InvalidStateError for a domain in another state."""
    if machine.state is not wanted:
        raise InvalidStateError(machine.config.name, machine.state.value, wanted.value)


def is_over(machine: Machine) -> bool:
    """Tell whether a domain was only created, and has ended by itself: nobody is to find it any more."""
    return machine.transient and machine.state is State.SHUTOFF
