"""What a host says of its virtual machines, in three lists, and what becomes of it: domains."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from vifkit import DomainConfig, InvalidXmlError, Vif, VifkitError, parse_domain
from vifkit_base.configs import as_machine
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import Noted, noted

from .remote import Command, Row, read, select
from .units import Limits, colons, state

TYPE = "hyperv"
_NOBODY = UUID(int=0)
_HELD = ("MaximumBandwidth", "MinimumBandwidthAbsolute")
MACHINE = [select("Name", "Id", "State", "Notes")]
ADAPTER = [select("VMId", "Id", "MacAddress", "SwitchName")]
# BandwidthSetting is an object of its own, of which remoting would send no more than its type's name. An adapter that
# was never given one has none, and is left out.
_EXPANDED = {"Property": [{"Name": "VifkitAdapter", "Expression": "Id"}], "ExpandProperty": "BandwidthSetting"}
BANDWIDTH: list[Command] = [("Select-Object", _EXPANDED), select("VifkitAdapter", *_HELD)]
"""Behind commands that find machines, or adapters: what `seen` puts together."""


@dataclass(frozen=True)
class Seen:
    """A virtual machine as it was last seen."""

    id: UUID
    notes: str
    machine: Machine
    limits: Mapping[str, Limits]
    """By MAC address."""


def seen(rows: Sequence[Row]) -> Iterator[Seen]:
    """Put together what was asked for: each list is known by what it selects. Raises ConnectError."""
    bandwidths = [row for row in rows if "VifkitAdapter" in row]
    limits = {read(row, "VifkitAdapter", ""): Limits(*(read(row, name, 0) for name in _HELD)) for row in bandwidths}
    adapters: dict[UUID, list[Row]] = {}
    for row in rows:
        if "MacAddress" in row:
            adapters.setdefault(read(row, "VMId", _NOBODY), []).append(row)
    names: set[str] = set()
    machines = [row for row in rows if "State" in row]
    for row in sorted(machines, key=lambda each: noted(read(each, "Notes", "")) is None):  # of one name, ours first
        id_, name = read(row, "Id", _NOBODY), read(row, "Name", "")
        yield _seen(row, id_, f"{name} ({id_})" if name in names else name, adapters.get(id_, []), limits)
        names.add(name)


def _seen(row: Row, id_: UUID, name: str, adapters: Sequence[Row], limits: Mapping[str, Limits]) -> Seen:
    notes = read(row, "Notes", "")
    kept = noted(notes)
    ours = _ours(kept, name)
    order = [vif.mac for vif in ours.vifs] if ours else []
    held: dict[str, Limits] = {}
    vifs: dict[str, Vif] = {}
    for adapter in adapters:
        mac = colons(read(adapter, "MacAddress", ""))
        if mac is not None and mac not in vifs:
            held[mac] = limits.get(read(adapter, "Id", ""), Limits())
            switch = read(adapter, "SwitchName", "") or None
            vifs[mac] = Vif(type="bridge", mac=mac, source=switch, bandwidth=held[mac].bandwidth())
    ordered = sorted(vifs.values(), key=lambda vif: order.index(vif.mac) if vif.mac in order else len(order))
    does, uuid = state(read(row, "State", "")), ours.uuid if ours else str(id_)
    try:
        machine = as_machine(name, uuid, TYPE, does, ordered, kept if ours else None)
    except InvalidXmlError:  # a name that no domain can have, or an address that no vif can
        machine = as_machine(str(id_), str(id_), TYPE, does, [], None)
    return Seen(id_, notes, machine, held)


def _ours(kept: Noted | None, name: str) -> DomainConfig | None:
    """Read a note of ours; one that a copy of the virtual machine has brought along is of another name."""
    with suppress(VifkitError):
        if kept is not None and (config := parse_domain(kept.xml)).name == name:
            parse_domain(kept.waiting or kept.xml)
            return config
    return None


def with_note(notes: str, written: str) -> str:
    """Put a note in the place of the one that is there, or behind what somebody has written."""
    kept, found = re.subn(r"vifkit1:\S*", lambda _: written, notes, count=1)
    return kept if found else f"{notes}\n{written}" if notes.strip() else written
