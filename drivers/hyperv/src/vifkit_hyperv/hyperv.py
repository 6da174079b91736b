"""A Hyper-V host: the verbs of a hypervisor as commands of the module Hyper-V.

A virtual machine is addressed by its Id alone, and its commands get it from the pipeline: names may have wildcards, and
need not be unique. What Hyper-V has no field for is in a note among the machine's Notes, its UUID included.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from netqos.findings import Finding
from vifkit import BackendError, Bandwidth, DomainConfig, InvalidXmlError, Vif, VifkitError, parse_domain
from vifkit_base.configs import as_config
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.notes import Noted, note, noted

from . import hardware
from .remote import Command, Remote, Row, command, identifier, number, select, text
from .units import Limits, colons, digits, state

TYPE = "hyperv"
_MACHINE = ("Name", "Id", "State", "Notes")
_ADAPTER = ("VMId", "Id", "MacAddress", "SwitchName")
_LIMITS = ("VifkitAdapter", "MaximumBandwidth", "MinimumBandwidthAbsolute")
# BandwidthSetting is an object of its own, of which remoting would send no more than its type's name.
_EXPANDED = Command(
    "Select-Object",
    {"Property": [{"Name": "VifkitAdapter", "Expression": "Id"}], "ExpandProperty": "BandwidthSetting"},
)


@dataclass(frozen=True)
class Held:
    """What was last seen of a virtual machine, beside its Machine."""

    id: UUID
    notes: str = ""
    noted: Noted | None = None
    limits: dict[str, Limits] = field(default_factory=dict)
    """By MAC address."""
    config: DomainConfig | None = None


class HyperV(Hypervisor):
    """The virtual machines of one host."""

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self.remote = remote
        self._held: dict[str, Held] = {}  # by UUID

    def version(self) -> str:
        """Name the host's Windows."""
        (row,) = self.remote.run(
            [command("Get-CimInstance", ClassName="Win32_OperatingSystem"), select("Caption", "Version")]
        )
        return f"Hyper-V of {text(row, 'Caption')} {text(row, 'Version')}"

    def modes(self) -> dict[str, str]:
        """List the switches, with what a minimum bandwidth is on each: Absolute, Weight, None, Default."""
        rows = self.remote.run([command("Get-VMSwitch"), select("Name", "BandwidthReservationMode")])
        return {text(row, "Name"): text(row, "BandwidthReservationMode") for row in rows}

    def machines(self) -> Sequence[Machine]:
        """List all domains, in one call."""
        adapters = command("Get-VMNetworkAdapter", All=True)
        rows = self.remote.run(
            [command("Get-VM"), select(*_MACHINE)],
            [adapters, select(*_ADAPTER)],
            [adapters, _EXPANDED, select(*_LIMITS)],
        )
        self._held.clear()
        return list(self._machines(rows))

    def machine(self, name: str) -> Machine | None:
        """Find a domain, in one call; where its name is not that of just one virtual machine, among all."""
        found = [command("Get-VM"), Command("Where-Object", {"Property": "Name", "CEQ": True, "Value": name})]
        adapters = [*found, command("Get-VMNetworkAdapter")]
        rows = self.remote.run(
            [*found, select(*_MACHINE)], [*adapters, select(*_ADAPTER)], [*adapters, _EXPANDED, select(*_LIMITS)]
        )
        machines = list(self._machines(rows))
        return machines[0] if len(machines) == 1 else super().machine(name)

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a domain, or replace all of one that is shut off."""
        held = self._held.get(config.uuid)
        if held is not None:
            self._replace(held, config, transient=transient)
            return
        (row,) = self.remote.run(
            [
                command(
                    "New-VM",
                    Name=config.name,
                    MemoryStartupBytes=hardware.memory_bytes(config),
                    Generation=2,
                    NoVHD=True,
                ),
                select("Id"),
            ]
        )
        made = identifier(row, "Id")
        if made is None:
            raise BackendError(f"{self.remote.where}: New-VM made a virtual machine without an Id")
        held = Held(made, _with_note("", note(config, transient=transient)), config=config)
        try:
            self._furnish(held, config)
        except VifkitError:
            with suppress(VifkitError):
                self.remote.run([*_by(made), command("Remove-VM", Force=True)])
            raise
        self._remember(config, held, transient=transient)

    def start(self, config: DomainConfig) -> DomainConfig:
        """Start a domain; its vifs have no devices on the host that could be named."""
        self._act(config, command("Start-VM"))
        return config

    def stop(self, config: DomainConfig) -> None:
        """Turn a domain off."""
        self._act(config, command("Stop-VM", TurnOff=True, Force=True))

    def suspend(self, config: DomainConfig) -> None:
        """Pause a domain."""
        self._act(config, command("Suspend-VM"))

    def resume(self, config: DomainConfig) -> None:
        """Let a domain go on."""
        self._act(config, command("Resume-VM"))

    def undefine(self, config: DomainConfig) -> None:
        """Delete a virtual machine; Hyper-V leaves its disks, where somebody has given it some."""
        self._act(config, command("Remove-VM", Force=True))
        self._held.pop(config.uuid, None)

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a domain among the Notes: as it runs, or as what it is from its next start."""
        held = self._seen(config)
        was = held.noted
        if running:
            waiting = parse_domain(was.waiting) if was is not None and was.waiting else None
            kept = note(config, transient=was is not None and was.transient, waiting=waiting)
        else:
            kept = note(held.config or config, transient=False, waiting=config)
        self._act(config, command("Set-VM", Notes=_with_note(held.notes, kept)))

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Have an adapter hold a bandwidth, at once."""
        held = self._seen(config)
        told = Limits.of(bandwidth).arguments(held.limits.get(mac, Limits()))
        rows = self.remote.run(
            [
                *_by(held.id),
                command("Get-VMNetworkAdapter"),
                Command("Where-Object", {"Property": "MacAddress", "EQ": True, "Value": digits(mac)}),
                command("Set-VMNetworkAdapter", Passthru=True, **told),
                select("Id"),
            ],
            name=config.name,
        )
        if len(rows) != 1:
            raise BackendError(f"{self.remote.where}: {config.name!r} has {len(rows)} adapters of the address {mac}")

    def findings(self, uuid: str, mac: str) -> Iterator[Finding]:
        """Tell what a bandwidth, as it was last seen, does not say."""
        held = self._held.get(uuid)
        yield from (held.limits.get(mac, Limits()) if held else Limits()).findings()

    def close(self) -> None:
        """Close the shell."""
        self.remote.close()

    def _act(self, config: DomainConfig, action: Command) -> None:
        self.remote.run([*_by(self._seen(config).id), action], name=config.name)

    def _seen(self, config: DomainConfig) -> Held:
        held = self._held.get(config.uuid)
        if held is None:
            raise BackendError(f"{self.remote.where}: {config.name!r} was not looked for")
        return held

    def _replace(self, held: Held, config: DomainConfig, *, transient: bool) -> None:
        """Give a virtual machine other adapters and another note; after a failure those that it had."""
        after = Held(held.id, _with_note(held.notes, note(config, transient=transient)), config=config)
        try:
            self._furnish(after, config)
        except VifkitError:
            if held.config is not None:
                with suppress(VifkitError):
                    self._furnish(held, held.config)
            raise
        self._remember(config, after, transient=transient)

    def _furnish(self, held: Held, config: DomainConfig) -> None:
        """Give a virtual machine that is off its note, its processors, and its adapters with what they hold."""
        machine = _by(held.id)
        statements = [
            [*machine, command("Set-VM", Notes=held.notes, **hardware.arguments(config))],
            [*machine, command("Get-VMNetworkAdapter"), command("Remove-VMNetworkAdapter")],
        ]
        for place, vif in enumerate(config.vifs):
            added = {"StaticMacAddress": digits(str(vif.mac)), "Name": f"vif{place}", "Passthru": True}
            if vif.source is not None:
                added["SwitchName"] = vif.source
            line = [*machine, command("Add-VMNetworkAdapter", **added)]
            limits = Limits.of(vif.bandwidth)
            if limits != Limits():
                line.append(command("Set-VMNetworkAdapter", **limits.arguments(Limits())))
            else:
                line[-1] = command("Add-VMNetworkAdapter", **{**added, "Passthru": False})
            statements.append(line)
        self.remote.run(*statements, name=config.name)

    def _remember(self, config: DomainConfig, held: Held, *, transient: bool) -> None:
        limits = {str(vif.mac): Limits.of(vif.bandwidth) for vif in config.vifs}
        kept = Noted(xml=config.to_xml(), transient=transient, waiting=None)
        self._held[config.uuid] = Held(held.id, held.notes, kept, limits, config)

    def _machines(self, rows: Sequence[Row]) -> Iterator[Machine]:
        """Put together what three pipelines gave, which are told apart by what they select."""
        limits = {
            text(row, "VifkitAdapter"): Limits(number(row, "MaximumBandwidth"), number(row, "MinimumBandwidthAbsolute"))
            for row in rows
            if "VifkitAdapter" in row
        }
        adapters: dict[UUID | None, list[Row]] = {}
        for row in rows:
            if "MacAddress" in row:
                adapters.setdefault(identifier(row, "VMId"), []).append(row)
        names: set[str] = set()
        machines = [row for row in rows if "State" in row]
        for row in sorted(machines, key=lambda each: noted(text(each, "Notes")) is None):  # ours first
            id_ = identifier(row, "Id")
            if id_ is None:
                continue
            name = text(row, "Name")
            unique = name if name not in names else f"{name} ({id_})"
            names.add(unique)
            yield self._machine(row, id_, unique, adapters.get(id_, []), limits)

    def _machine(self, row: Row, id_: UUID, name: str, adapters: Sequence[Row], limits: dict[str, Limits]) -> Machine:
        notes = text(row, "Notes")
        kept = noted(notes)
        ours = _ours(kept, name)
        place = {vif.mac: number for number, vif in enumerate(ours.vifs)} if ours else {}
        held: dict[str, Limits] = {}
        vifs: dict[str, Vif] = {}
        for adapter in adapters:
            mac = colons(text(adapter, "MacAddress"))
            if mac is not None and mac not in vifs:
                held[mac] = limits.get(text(adapter, "Id"), Limits())
                switch = text(adapter, "SwitchName") or None
                vifs[mac] = Vif(type="bridge", mac=mac, source=switch, bandwidth=held[mac].bandwidth())
        ordered = sorted(vifs.values(), key=lambda vif: place.get(vif.mac, len(place)))
        uuid, xml = (ours.uuid, ours.to_xml()) if ours else (str(id_), None)
        try:
            config = as_config(name, uuid, TYPE, ordered, xml)
        except InvalidXmlError:  # a name that no domain can have, or an address that no vif can
            config = as_config(str(id_), uuid, TYPE, [], xml)
        self._held[config.uuid] = Held(id_, notes, kept if ours else None, held, config)
        waiting = parse_domain(kept.waiting) if ours and kept and kept.waiting else None
        return Machine(
            config=config,
            state=state(text(row, "State")),
            transient=bool(ours and kept and kept.transient),
            waiting=waiting,
        )


def _by(id_: UUID) -> list[Command]:
    return [command("Get-VM", Id=id_)]


def _ours(kept: Noted | None, name: str) -> DomainConfig | None:
    """Read a note of ours: one that a copy of the virtual machine has brought along is another name's."""
    if kept is None:
        return None
    with suppress(VifkitError):
        config = parse_domain(kept.xml)
        if kept.waiting is not None:
            parse_domain(kept.waiting)
        return config if config.name == name else None
    return None


def _with_note(notes: str, written: str) -> str:
    """Put a note in the place of the one that is there, or behind what somebody has written."""
    kept, found = re.subn(r"vifkit1:\S*", lambda _: written, notes, count=1)
    return kept if found else f"{notes}\n{written}" if notes.strip() else written
