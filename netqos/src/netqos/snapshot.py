"""The rows that matter here, read in one transaction and turned into those of `netqos.rows`.

OVSDB's notation for values is in RFC 7047, section 5.1.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from .rows import MARK, InterfaceRow, Policing, PortRows, QosRow, QueueRow
from .rpc import SCHEMA, Operation

COLUMNS = {
    SCHEMA: ("next_cfg", "cur_cfg", "ovs_version"),
    "Bridge": ("name", "datapath_type"),
    "Port": ("_uuid", "name", "interfaces", "qos"),
    "Interface": (
        "_uuid", "name", "mtu", "link_speed", "external_ids", "ingress_policing_rate", "ingress_policing_burst",
        "ingress_policing_kpkts_rate", "ingress_policing_kpkts_burst",
    ),
    "QoS": ("_uuid", "type", "other_config", "external_ids", "queues"),
    "Queue": ("_uuid", "other_config", "external_ids"),
}  # fmt: skip

OLDER = COLUMNS | {"Interface": tuple(name for name in COLUMNS["Interface"] if "kpkts" not in name)}
"""Those that there are before Open vSwitch 2.16; a server refuses to be asked for a column that it has not."""

Columns = Mapping[str, Sequence[str]]
Raw = dict[str, Any]


def selects(columns: Columns) -> list[Operation]:
    """Ask for all rows of tables."""
    return [{"op": "select", "table": table, "where": [], "columns": list(names)} for table, names in columns.items()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """A row that nothing refers to any more; `owner` is `netqos` or `libvirt`."""

    table: str
    uuid: str
    owner: str
    external_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The database at one moment: rows as OVSDB writes them, Port rows by name, all others by UUID.

    `bridges` has the datapath of each by name.
    """

    root: Raw
    bridges: dict[str, str]
    ports: dict[str, Raw]
    interfaces: dict[str, Raw]
    qos: dict[str, Raw]
    queues: dict[str, Raw]

    @classmethod
    def of(cls, tables: Iterable[Collection[Raw]]) -> "Snapshot":
        """Take the rows of each table of COLUMNS, in this order."""
        root, bridges, ports, *others = tables
        return cls(
            next(iter(root), {}),
            {row["name"]: row["datapath_type"] for row in bridges},
            {row["name"]: row for row in ports},
            *({row["_uuid"][1]: row for row in rows} for rows in others),
        )

    def port(self, name: str) -> PortRows:
        """Give a port with all that it leads to. Raises KeyError."""
        raw = self.ports[name]
        qos = [self.qos[uuid] for uuid in uuids(raw["qos"])]
        return PortRows(
            name=name,
            interfaces=tuple(_interface(self.interfaces[uuid]) for uuid in uuids(raw["interfaces"])),
            qos=self._qos(qos[0]) if qos else None,
            in_userspace=set(self.bridges.values()) == {"netdev"},
        )

    def changed(self, before: "Snapshot") -> set[str]:
        """Name the ports that are not as they were, in their own row or in one that they lead to."""
        tables = (self.interfaces, before.interfaces), (self.qos, before.qos), (self.queues, before.queues)
        rows = {uuid for now, then in tables for uuid, raw in now.items() if raw != then.get(uuid)}
        rows |= {uuid for uuid, raw in self.qos.items() if not rows.isdisjoint(queue_uuids(raw).values())}
        return {
            name
            for name, raw in self.ports.items()
            if raw != before.ports.get(name) or not rows.isdisjoint(uuids(raw["interfaces"]) + uuids(raw["qos"]))
        }

    def _qos(self, raw: Raw) -> QosRow:
        return QosRow(
            type=raw["type"],
            other_config=mapping(raw["other_config"]),
            external_ids=mapping(raw["external_ids"]),
            queues={number: _queue(self.queues[uuid]) for number, uuid in queue_uuids(raw).items()},
            uuid=raw["_uuid"][1],
        )

    def uses(self) -> Counter[str]:
        """Count by UUID how many ports use each QoS row, and how many QoS rows each Queue row."""
        used = Counter(uuid for raw in self.ports.values() for uuid in uuids(raw["qos"]))
        used.update(uuid for raw in self.qos.values() for uuid in queue_uuids(raw).values())
        return used

    def leaks(self, vm_ids: Collection[str] | None = None) -> list[Leak]:
        """List QoS and Queue rows, ours or libvirt's, that no port leads to; of these domains, by default of all.

        A queue that a row which is not listed refers to is not listed either: it could not be deleted.
        """
        used = {uuid for raw in self.ports.values() for uuid in uuids(raw["qos"])}
        found = [*_leaks("QoS", self.qos, used, vm_ids)]
        gone = {leak.uuid for leak in found}
        held = {queue for uuid, raw in self.qos.items() if uuid not in gone for queue in queue_uuids(raw).values()}
        return [*found, *_leaks("Queue", self.queues, held, vm_ids)]


def version(root: Raw) -> str:
    """Read what ovs-vswitchd says that it is; empty before it first ran."""
    said = root.get("ovs_version")
    return said if isinstance(said, str) else ""


def policing(raw: Raw) -> dict[str, int]:
    """Give the policing columns that an Interface row has."""
    return {field.name: raw[field.name] for field in fields(Policing) if field.name in raw}


def mapping(value: Any) -> dict[str, str]:
    """Read `["map", [[key, value], …]]`."""
    return dict(value[1])


def uuids(value: Any) -> list[str]:
    """Read `["uuid", …]`, or a set of them."""
    return [value[1]] if value[0] == "uuid" else [each[1] for each in value[1]]


def queue_uuids(raw: Raw) -> dict[int, str]:
    """Read the queues of a QoS row, by number."""
    return {number: reference[1] for number, reference in raw["queues"][1]}


def _leaks(table: str, rows: Mapping[str, Raw], used: set[str], vm_ids: Collection[str] | None) -> Iterator[Leak]:
    for uuid, raw in rows.items():
        if uuid not in used:
            ids = mapping(raw["external_ids"])
            owner = "netqos" if MARK in ids else "libvirt" if {"vm-id", "ifname"} <= ids.keys() else ""
            if owner and (vm_ids is None or ids.get("vm-id") in vm_ids):
                yield Leak(table=table, uuid=uuid, owner=owner, external_ids=ids)


def _queue(raw: Raw) -> QueueRow:
    return QueueRow(
        other_config=mapping(raw["other_config"]), external_ids=mapping(raw["external_ids"]), uuid=raw["_uuid"][1]
    )


def _interface(raw: Raw) -> InterfaceRow:
    return InterfaceRow(
        name=raw["name"],
        policing=Policing(**policing(raw)),
        external_ids=mapping(raw["external_ids"]),
        mtu=_optional(raw["mtu"]),
        link_speed=_optional(raw["link_speed"]),
        uuid=raw["_uuid"][1],
    )


def _optional(value: Any) -> int | None:
    return value if isinstance(value, int) else None
