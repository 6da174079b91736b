"""Virtual machines, listed, made, changed and removed."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property
from typing import Any

from vifkit import Bandwidth, DomainConfig, DomainNotFoundError, InvalidXmlError
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.notes import Noted, in_text, written

from . import hardware, names
from .api import vim
from .entries import PATHS, Entry, about, entries
from .networks import Networks
from .session import Session, select


class VsphereHypervisor(Hypervisor):
    """A datacenter; new virtual machines go to one of its clusters or hosts, and to a datastore."""

    def __init__(self, session: Session, networks: Networks, datacenter: Any, resource: Any, datastore: str) -> None:
        super().__init__()
        self.session = session
        self.networks = networks
        self.datacenter = datacenter
        self.resource = resource
        self.datastore = datastore

    def version(self) -> str:
        """Name the product, its version and its build."""
        return str(self.session.content.about.fullName)

    def close(self) -> None:
        """Log out."""
        self.session.close()

    def entries(self) -> Sequence[Entry]:
        """List all virtual machines in two calls, and in one from then on."""
        return list(entries(self.session.read([self._all], vim.VirtualMachine, *PATHS)))

    def machines(self) -> Sequence[Machine]:
        """List all domains, with their vifs."""
        return self._machines(lambda _: True)

    def alike(self, config: DomainConfig) -> Sequence[Machine]:
        """List the domains that have a name or a UUID, the others' devices unread."""
        return self._machines(lambda each: each.name == config.name or each.uuid == config.uuid)

    def machine(self, name: str) -> Machine | None:
        """Find a domain."""
        with about(name), suppress(DomainNotFoundError):
            return next(iter(self._machines(lambda each: each.name == name)), None)
        return None

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a domain, or replace one; a vif with a bandwidth is on a port group of its own."""
        entry, spec = self._find(config), hardware.specification(config)
        kept = Noted(xml=config.to_xml(), transient=transient, waiting=None)
        spec.annotation = in_text(entry.annotation if entry else "", written(kept))
        self._carry_out(entry, config, spec)

    def start(self, config: DomainConfig) -> DomainConfig:
        """Power it on."""
        self._run(config, lambda entry: entry.managed.PowerOnVM_Task())
        return config

    def stop(self, config: DomainConfig) -> None:
        """Power it off; one that was suspended as well."""
        self._run(config, lambda entry: entry.managed.PowerOffVM_Task())

    def undefine(self, config: DomainConfig) -> None:
        """Destroy it, its files and the port groups of its vifs."""
        self._run(config, lambda entry: entry.managed.Destroy_Task())
        self.networks.sweep([names.tag(config.uuid, str(vif.mac)) for vif in config.vifs], ())

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a definition that waits in the annotation."""
        self._run(config, lambda entry: entry.managed.ReconfigVM_Task(entry.noting(waiting=config)))

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Change the policy of a vif's port group, or give it one of its own, or put it back on that of its network."""
        entry, changed = self._there(config), config.with_bandwidth(mac, bandwidth)
        self._carry_out(entry, changed, entry.noting(xml=changed), only=mac)

    def _carry_out(self, entry: Entry | None, config: DomainConfig, spec: Any, only: str | None = None) -> None:
        """Make a virtual machine, or change it and one adapter or all of them, in one call."""
        with ExitStack() as undo, about(config.name):
            cards = hardware.cards(entry.managed.config.hardware.device) if entry else {}
            if only is not None and only not in cards:  # somebody has removed it meanwhile
                raise LookupError(f"domain {config.name!r} has no vif with the MAC address {only!r}")
            vifs = {str(vif.mac): vif for vif in config.vifs if only in (None, vif.mac)}
            groups = []
            for number, (mac, vif) in enumerate(vifs.items()):
                tag = names.tag(config.uuid, mac)
                group = self.networks.place(tag, str(vif.source), vif.bandwidth, undo)
                groups.append(group.name)
                if mac not in cards:
                    spec.deviceChange.append(hardware.added(config, mac, number, self.networks.backing(group)))
                elif hardware.network(cards[mac]) != group.key:
                    spec.deviceChange.append(hardware.moved(cards[mac], self.networks.backing(group)))
            gone = sorted(cards.keys() - vifs) if only is None else []
            spec.deviceChange.extend(hardware.removed(cards[mac]) for mac in gone)
            if entry is not None:
                self.session.wait(entry.managed.ReconfigVM_Task(spec))
            else:
                spec.files = vim.vm.FileInfo(vmPathName=f"[{self.datastore}]")
                pool = self.resource.resourcePool
                self.session.wait(self.datacenter.vmFolder.CreateVM_Task(config=spec, pool=pool))
            undo.pop_all()
            self.networks.sweep([names.tag(config.uuid, mac) for mac in (*vifs, *gone)], groups)

    def _run(self, config: DomainConfig, verb: Callable[[Entry], Any]) -> None:
        with about(config.name):
            self.session.wait(verb(self._there(config)))

    @cached_property
    def _all(self) -> Any:
        manager = self.session.content.viewManager
        return select(manager.CreateContainerView(self.datacenter, [vim.VirtualMachine], True), "view")

    def _find(self, config: DomainConfig) -> Entry | None:
        return next((each for each in self.entries() if (each.name, each.uuid) == (config.name, config.uuid)), None)

    def _there(self, config: DomainConfig) -> Entry:
        entry = self._find(config)
        if entry is None:
            raise DomainNotFoundError(config.name)
        return entry

    def _machines(self, wanted: Callable[[Entry], bool]) -> Sequence[Machine]:
        """Read virtual machines and their port groups; what no domain can be is left out."""
        there = {each.managed: each for each in self.entries() if wanted(each)}
        found = self.session.read(list(map(select, there)), vim.VirtualMachine, "config.hardware.device")
        groups = {each.key: each for each in self.networks.of(list(there))} if found else {}
        machines = []
        for managed, has in found:
            with suppress(InvalidXmlError):
                machines.append(there[managed].machine(has.get("config.hardware.device", ()), groups))
        return machines
