"""Virtual machines, listed, made, changed and removed."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

from vifkit import Bandwidth, DomainConfig, DomainNotFoundError, InvalidXmlError
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.notes import in_text, note

from . import hardware, names
from .api import vim
from .entries import PATHS, Entry, entries
from .networks import Networks
from .session import Session, select


class VsphereHypervisor(Hypervisor):
    """A datacenter; new virtual machines go to one of its clusters or hosts, and to a datastore.

    Others who change it at the same time are kept out by the versions that vSphere gives what it keeps.
    """

    def __init__(self, session: Session, networks: Networks, datacenter: Any, resource: Any, datastore: str) -> None:
        super().__init__()
        self.session = session
        self.networks = networks
        self.datacenter = datacenter
        self.resource = resource
        self.datastore = datastore
        view = session.content.viewManager.CreateContainerView(datacenter, [vim.VirtualMachine], True)
        self._all = select(view, "view")

    def version(self) -> str:
        """Name the product, its version and its build."""
        return str(self.session.content.about.fullName)

    def close(self) -> None:
        """Log out."""
        self.session.close()

    def entries(self) -> Sequence[Entry]:
        """List all virtual machines, in one call."""
        return list(entries(self.session.read([self._all], vim.VirtualMachine, *PATHS)))

    def machines(self) -> Sequence[Machine]:
        """List all domains, with their vifs."""
        return self._machines(self.entries())

    def alike(self, name: str, uuid: str | None = None) -> Sequence[Machine]:
        """List the domains that have a name or a UUID, the others' devices unread."""
        return self._machines([each for each in self.entries() if each.name == name or each.uuid == uuid])

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a domain, or replace one; a vif with a bandwidth is on a port group of its own."""
        entry, spec = self._find(config), hardware.specification(config)
        spec.annotation = in_text(entry.annotation if entry else "", note(config, transient=transient))
        spec.changeVersion = entry and entry.version
        self._carry_out(entry, config, spec)

    def start(self, config: DomainConfig) -> DomainConfig:
        """Power it on."""
        self.session.wait(self._there(config).managed.PowerOnVM_Task())
        return config

    def stop(self, config: DomainConfig) -> None:
        """Power it off; one that was suspended as well."""
        self.session.wait(self._there(config).managed.PowerOffVM_Task())

    def undefine(self, config: DomainConfig) -> None:
        """Destroy it, its files and the port groups of its vifs."""
        self.session.wait(self._there(config).managed.Destroy_Task())
        self.networks.sweep([names.own(config.uuid, str(vif.mac)) for vif in config.vifs], ())

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a definition that waits in the annotation."""
        entry = self._there(config)
        self.session.wait(entry.managed.ReconfigVM_Task(entry.noting(waiting=config)))

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Change the policy of a vif's port group, or give it one of its own, or put it back on that of its network."""
        entry, changed = self._there(config), config.with_bandwidth(mac, bandwidth)
        self._carry_out(entry, changed, entry.noting(xml=changed), only=mac)

    def _carry_out(self, entry: Entry | None, config: DomainConfig, spec: Any, only: str | None = None) -> None:
        """Make a virtual machine, or change it and one adapter or all of them, in one call."""
        with ExitStack() as undo:
            cards = hardware.cards(entry.managed.config.hardware.device) if entry else {}
            if only is not None and only not in cards:  # somebody has removed it meanwhile
                raise LookupError(f"domain {config.name!r} has no vif with the MAC address {only!r}")
            vifs = {str(vif.mac): vif for vif in config.vifs if only in (None, vif.mac)}
            gone = sorted(cards.keys() - vifs) if only is None else []
            own, groups = {mac: names.own(config.uuid, mac) for mac in (*vifs, *gone)}, []
            for number, (mac, vif) in enumerate(vifs.items()):
                group = self.networks.place(own[mac], str(vif.source), vif.bandwidth, undo)
                groups.append(group.name)
                card = cards.get(mac) or hardware.new(config, mac, number)
                if mac not in cards or hardware.network(card) != group.key:
                    card.backing = self.networks.backing(group)
                    spec.deviceChange.append(hardware.change("edit" if mac in cards else "add", card))
            spec.deviceChange.extend(hardware.change("remove", cards[mac]) for mac in gone)
            if entry is not None:
                self.session.wait(entry.managed.ReconfigVM_Task(spec))
            else:
                spec.files = vim.vm.FileInfo(vmPathName=f"[{self.datastore}]")
                self.session.wait(self.datacenter.vmFolder.CreateVM_Task(config=spec, pool=self.resource.resourcePool))
            undo.pop_all()
        self.networks.sweep(list(own.values()), groups)

    def _find(self, config: DomainConfig) -> Entry | None:
        return next((each for each in self.entries() if (each.name, each.uuid) == (config.name, config.uuid)), None)

    def _there(self, config: DomainConfig) -> Entry:
        if (entry := self._find(config)) is None:
            raise DomainNotFoundError(config.name)
        return entry

    def _machines(self, listed: Sequence[Entry]) -> Sequence[Machine]:
        """Read virtual machines and their port groups; what no domain can be is left out."""
        there = {each.managed: each for each in listed}
        found = self.session.read(list(map(select, there)), vim.VirtualMachine, "config.hardware.device")
        groups = {each.key: each for each in self.networks.of(list(there))} if there else {}
        machines = []
        for managed, has in found:
            with suppress(InvalidXmlError):
                machines.append(there[managed].machine(has.get("config.hardware.device", ()), groups))
        return machines
