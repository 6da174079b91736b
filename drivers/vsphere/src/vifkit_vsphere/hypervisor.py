"""Virtual machines as domains: read, made, changed and removed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from vifkit import (
    Bandwidth,
    DomainConfig,
    DomainExistsError,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    State,
    Vif,
    VifkitError,
    parse_domain,
)
from vifkit_base.configs import as_config
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.notes import note

from . import hardware, names, shaping
from .api import vim, vmodl
from .entries import SPARSE, STATES, WHOLE, Entry, entry_of
from .networks import Group, Networks
from .session import FaultError, Session, obj

DOMAIN_TYPE = "vmware"


@dataclass(frozen=True, slots=True)
class Place:
    """Where virtual machines are looked for, and where new ones go."""

    root: Any
    folder: Any
    pool: Any
    datastore: str


class VsphereHypervisor(Hypervisor):
    """A vCenter's datacenter, or an ESX."""

    def __init__(self, session: Session, place: Place, networks: Networks) -> None:
        super().__init__()
        self.session = session
        self.place = place
        self.networks = networks
        self._view: Any = None

    def version(self) -> str:
        """Name the product, its version and its build."""
        return str(self.session.content.about.fullName)

    def close(self) -> None:
        """Log out."""
        self.session.close()

    def entries(self) -> Sequence[Entry]:
        """List all virtual machines in two calls, and one more the first time; templates are none."""
        found = self.session.read([self._all()], {vim.VirtualMachine: SPARSE})
        return [entry for entry in (entry_of(*each) for each in found) if entry is not None]

    def machines(self) -> Sequence[Machine]:
        """List all domains, with their vifs."""
        return self._machines([self._all((vim.VirtualMachine, "network"))])

    def alike(self, config: DomainConfig) -> Sequence[Machine]:
        """List the domains that have a name or a UUID, the others unread."""
        there = [each for each in self.entries() if each.name == config.name or each.uuid == config.uuid]
        return self._machines([obj(each.managed, (vim.VirtualMachine, "network")) for each in there])

    def machine(self, name: str) -> Machine | None:
        """Find a domain."""
        there = [obj(each.managed, (vim.VirtualMachine, "network")) for each in self.entries() if each.name == name]
        with _about(name), suppress(DomainNotFoundError):
            return next(iter(self._machines(there)), None)
        return None

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a domain, or replace one; a vif with a bandwidth is on a port group of its own."""
        spec, entry = hardware.specification(config), self._find(config)
        with ExitStack() as undo, _about(config.name):
            if entry is not None:
                spec.annotation = entry.kept(config, transient=transient)
                self._reconfigure(entry, config, spec, undo)
                return
            spec.annotation = note(config, transient=transient)
            spec.files = vim.vm.FileInfo(vmPathName=f"[{self.place.datastore}]")
            for number, vif in enumerate(config.vifs):
                backing = self.networks.backing(self._group(config, vif, undo))
                spec.deviceChange.append(hardware.added(config, str(vif.mac), number, backing))
            self.session.run(self.place.folder.CreateVM_Task(config=spec, pool=self.place.pool))
            undo.pop_all()

    def start(self, config: DomainConfig) -> DomainConfig:
        """Power it on."""
        with _about(config.name):
            self.session.run(self._there(config).managed.PowerOnVM_Task())
        return config

    def stop(self, config: DomainConfig) -> None:
        """Power it off; one that was suspended as well."""
        with _about(config.name):
            self.session.run(self._there(config).managed.PowerOffVM_Task())

    def undefine(self, config: DomainConfig) -> None:
        """Destroy it, its files and the port groups of its vifs."""
        with _about(config.name):
            self.session.run(self._there(config).managed.Destroy_Task())
        self.networks.sweep([names.tag(config.uuid, str(vif.mac)) for vif in config.vifs], ())

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep what it runs as, or the definition that waits, in the annotation."""
        entry = self._there(config)
        kept = entry.kept(config) if running else entry.kept(waiting=config)
        with _about(config.name):
            self.session.run(entry.managed.ReconfigVM_Task(vim.vm.ConfigSpec(annotation=kept)))

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Change the policy of a vif's port group, or give it one of its own, or put it back on that of its network."""
        entry = self._there(config)
        changed = config.with_bandwidth(mac, bandwidth)
        with ExitStack() as undo, _about(config.name):
            self._reconfigure(entry, changed, vim.vm.ConfigSpec(annotation=entry.kept(changed)), undo, only=mac)

    def _reconfigure(
        self, entry: Entry, config: DomainConfig, spec: Any, undo: ExitStack, only: str | None = None
    ) -> None:
        """Change one adapter, or make all as the domain has them, and what else is specified, in one call."""
        cards = hardware.cards(self.session.get(entry.managed, "config.hardware.device")["config.hardware.device"])
        if only is not None and only not in cards:  # somebody has removed it meanwhile
            raise LookupError(f"domain {config.name!r} has no vif with the MAC address {only!r}")
        groups = {str(vif.mac): self._group(config, vif, undo) for vif in config.vifs if only in (None, vif.mac)}
        for number, (mac, group) in enumerate(groups.items()):
            if mac not in cards:
                spec.deviceChange.append(hardware.added(config, mac, number, self.networks.backing(group)))
            elif self.networks.key(cards[mac].backing) != group.key:
                spec.deviceChange.append(hardware.moved(cards[mac], self.networks.backing(group)))
        gone = cards.keys() - groups.keys() if only is None else set()
        spec.deviceChange.extend(hardware.removed(cards[mac]) for mac in sorted(gone))
        self.session.run(entry.managed.ReconfigVM_Task(spec))
        undo.pop_all()
        tags = [names.tag(config.uuid, mac) for mac in groups.keys() | gone]
        self.networks.sweep(tags, [group.name for group in groups.values()])

    def _group(self, config: DomainConfig, vif: Vif, undo: ExitStack) -> Group:
        return self.networks.place(names.tag(config.uuid, str(vif.mac)), str(vif.source), vif.bandwidth, undo)

    def _all(self, *more: tuple[Any, str]) -> Any:
        if self._view is None:
            manager = self.session.content.viewManager
            self._view = manager.CreateContainerView(self.place.root, [vim.VirtualMachine], True)
        return obj(self._view, (vim.view.ContainerView, "view"), *more, skip=True)

    def _find(self, config: DomainConfig) -> Entry | None:
        return next((each for each in self.entries() if (each.name, each.uuid) == (config.name, config.uuid)), None)

    def _there(self, config: DomainConfig) -> Entry:
        entry = self._find(config)
        if entry is None:
            raise DomainNotFoundError(config.name)
        return entry

    def _machines(self, objects: Sequence[Any]) -> Sequence[Machine]:
        """Read virtual machines and their port groups; what no domain can be is left out."""
        if not objects:
            return []
        properties = {vim.VirtualMachine: WHOLE, **self.networks.properties}
        found = self.session.read([*objects, *self.networks.sources()], properties)
        groups = self.networks.groups(found)
        machines = []
        for managed, has in found:
            entry = entry_of(managed, has)
            if entry is not None:
                with suppress(InvalidXmlError):
                    machines.append(self._machine(entry, has.get("config.hardware.device", ()), groups))
        return machines

    def _machine(self, entry: Entry, devices: Sequence[Any], groups: Mapping[str, Group]) -> Machine:
        noted_vifs: dict[str | None, Vif] = {}
        waiting = None
        if entry.noted is not None:
            with suppress(VifkitError):
                noted_vifs = {vif.mac: vif for vif in parse_domain(entry.noted.xml).vifs}
                waiting = parse_domain(entry.noted.waiting) if entry.noted.waiting else None
        vifs = []
        for mac, card in hardware.cards(devices).items():
            before = noted_vifs.get(mac, Vif(type="bridge"))
            group = groups.get(self.networks.key(card.backing))
            source = names.network_of(group.name, names.tag(entry.uuid, mac)) if group else hardware.network(card)
            held = shaping.bandwidth(group.limits, before.bandwidth) if group else None
            vifs.append(replace(before, mac=mac, source=source, target=None, bandwidth=held))
        noted_xml = entry.noted.xml if entry.noted else None
        config = as_config(entry.name, entry.uuid, DOMAIN_TYPE, vifs, noted_xml)
        transient = entry.noted is not None and entry.noted.transient
        return Machine(config=config, state=entry.state, transient=transient, waiting=waiting)


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Say in the contract's words what a fault says of a virtual machine."""
    try:
        yield
    except FaultError as error:
        fault = error.fault
        if isinstance(fault, vmodl.fault.ManagedObjectNotFound):
            raise DomainNotFoundError(name) from error
        if isinstance(fault, vim.fault.InvalidPowerState):
            held = STATES[fault.existingState]
            wanted = State.SHUTOFF if held is State.RUNNING else State.RUNNING
            raise InvalidStateError(name, held.value, wanted.value) from error
        if isinstance(fault, vim.fault.DuplicateName) and not fault.name.startswith("vifkit-"):
            raise DomainExistsError(name) from error
        raise
