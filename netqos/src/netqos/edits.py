"""The operations that make the rows of a port what is wanted (RFC 7047, section 5.2). Pure.

Each edit begins by waiting, for no time at all, that what it was built on is still so: a rival's change in
between makes the transaction fail as a whole.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vifkit import Bandwidth

from .rows import MARK, InterfaceRow, PortRows, QosRow, WantedRows, translate
from .rpc import Operation
from .snapshot import Raw, Snapshot, policing


@dataclass(frozen=True, kw_only=True, slots=True)
class Plug:
    """A device that is to become a port of a bridge, with its bandwidth.

    `external_ids` are the interface's: `attached-mac`, `iface-id` and `vm-id`, as libvirt writes them.
    """

    bridge: str
    port: str
    external_ids: Mapping[str, str] = field(default_factory=dict)
    bandwidth: Bandwidth | None = None


def holds(port: PortRows, wanted: WantedRows) -> bool:
    """Tell whether the rows are as wanted, marks included."""
    for interface in port.interfaces:
        if interface.policing != wanted.policing or interface.external_ids.get(MARK) != wanted.outbound_mark:
            return False
    have, want = port.qos, wanted.qos
    if have is None or want is None:
        return have is want
    queue = have.queues.get(0)
    return (
        have.type == want.type
        and have.other_config == want.other_config
        and want.external_ids.items() <= have.external_ids.items()
        and (
            queue is not None and queue.other_config == want.other_config and owns(queue.external_ids, port)
            if want.queues
            else queue is None
        )
    )


def owns(external_ids: Mapping[str, str], port: PortRows) -> bool:
    """Tell whether a row with these external_ids is this port's to change."""
    return QosRow(type="", other_config={}, external_ids=external_ids).belongs_to(port.name, port.vm_id)


def change(snapshot: Snapshot, port: PortRows, wanted: WantedRows, uses: Counter[str]) -> Iterator[Operation]:
    """Make a port's rows what is wanted."""
    raw = snapshot.ports[port.name]
    yield _unless_changed("Port", raw, "qos")
    for interface in port.interfaces:
        row = snapshot.interfaces[interface.uuid or ""]
        yield _unless_changed("Interface", row, *policing(row))
        yield from _police(interface, wanted)
    if wanted.qos is None:
        yield from drop_qos(snapshot, port, uses)
    elif port.qos is None or port.foreign or uses[port.qos.uuid or ""] > 1:  # a row that others share is theirs too
        name = f"qos{raw['_uuid'][1].replace('-', '')}"
        yield from _insert_qos(name, wanted.qos)
        yield _update("Port", raw["_uuid"], {"qos": ["named-uuid", name]})
    else:
        yield from _rewrite_qos(snapshot.qos[port.qos.uuid or ""], port, port.qos, wanted.qos, uses)


def drop_qos(snapshot: Snapshot, port: PortRows, uses: Counter[str]) -> Iterator[Operation]:
    """Take the QoS row off a port; delete it, and its queues, if they are the port's and nobody else uses them."""
    if port.qos is None or port.qos.uuid is None:
        return
    yield _update("Port", snapshot.ports[port.name]["_uuid"], {"qos": ["set", []]})
    if port.foreign or uses[port.qos.uuid] > 1:
        return
    yield delete("QoS", port.qos.uuid)
    for queue in port.qos.queues.values():
        if owns(queue.external_ids, port) and queue.uuid is not None and uses[queue.uuid] == 1:
            yield delete("Queue", queue.uuid)


def plug(number: int, wanted: Plug) -> Iterator[Operation]:
    """Add a port, the `number`-th of its transaction, to a bridge."""
    rows = translate(wanted.bandwidth, wanted.port, wanted.external_ids.get("vm-id"))
    ids = dict(wanted.external_ids) | ({MARK: rows.outbound_mark} if rows.outbound_mark else {})
    interface = {"name": wanted.port, "external_ids": _map(ids), **rows.policing.columns()}
    port: Raw = {"name": wanted.port, "interfaces": ["named-uuid", f"interface{number}"]}
    this = {"table": "Bridge", "where": [["name", "==", wanted.bridge]]}
    yield {"op": "wait", "columns": ["name"], "until": "==", "rows": [{"name": wanted.bridge}], "timeout": 0, **this}
    if rows.qos is not None:
        yield from _insert_qos(f"qos{number}", rows.qos)
        port["qos"] = ["named-uuid", f"qos{number}"]
    yield _insert("Interface", f"interface{number}", interface)
    yield _insert("Port", f"port{number}", port)
    yield {"op": "mutate", "mutations": [["ports", "insert", ["named-uuid", f"port{number}"]]], **this}


def label(snapshot: Snapshot, port: PortRows, external_ids: Mapping[str, str]) -> Iterator[Operation]:
    """Write external_ids to the interface of a port, beside those that it has."""
    for interface in port.interfaces:
        if not external_ids.items() <= interface.external_ids.items():
            ids = _map({**interface.external_ids, **external_ids})
            yield _unless_changed("Interface", snapshot.interfaces[interface.uuid or ""], "external_ids")
            yield _update("Interface", ["uuid", interface.uuid], {"external_ids": ids})


def unplug(snapshot: Snapshot, names: list[str], uses: Counter[str]) -> Iterator[Operation]:
    """Take ports off whatever bridge has them, with the rows that are theirs."""
    for name in names:
        yield _unless_changed("Port", snapshot.ports[name], "qos")
        yield from drop_qos(snapshot, snapshot.port(name), uses)
    gone = ["set", [snapshot.ports[name]["_uuid"] for name in names]]
    yield {"op": "mutate", "table": "Bridge", "where": [], "mutations": [["ports", "delete", gone]]}


def delete(table: str, uuid: str) -> Operation:
    """Delete a row; the server refuses while another refers to it."""
    return {"op": "delete", "table": table, "where": [["_uuid", "==", ["uuid", uuid]]]}


def _rewrite_qos(raw: Raw, port: PortRows, have: QosRow, want: QosRow, uses: Counter[str]) -> Iterator[Operation]:
    ids = {**have.external_ids, **want.external_ids}
    row: Raw = {"type": want.type, "other_config": _map(want.other_config), "external_ids": _map(ids)}
    shared = {"other_config": row["other_config"], "external_ids": row["external_ids"]}
    yield _unless_changed("QoS", raw, "external_ids", "queues")
    queue = have.queues.get(0)
    ours = queue.uuid if queue is not None and owns(queue.external_ids, port) else None
    others = [each for each in raw["queues"][1] if each[0] != 0]
    if not want.queues:
        row["queues"] = ["map", others]
        if ours is not None and uses[ours] == 1:
            yield delete("Queue", ours)
    elif ours is not None:
        yield _update("Queue", ["uuid", ours], shared)
    else:
        name = f"queue{raw['_uuid'][1].replace('-', '')}"
        yield _insert("Queue", name, shared)
        row["queues"] = ["map", [*others, [0, ["named-uuid", name]]]]
    yield _update("QoS", raw["_uuid"], row)


def _insert_qos(name: str, want: QosRow) -> Iterator[Operation]:
    row = {"other_config": _map(want.other_config), "external_ids": _map(want.external_ids)}
    if want.queues:
        yield _insert("Queue", f"queue_{name}", row)
    queues = ["map", [[number, ["named-uuid", f"queue_{name}"]] for number in want.queues]]
    yield _insert("QoS", name, {**row, "type": want.type, "queues": queues})


def _police(interface: InterfaceRow, wanted: WantedRows) -> Iterator[Operation]:
    this = ["uuid", interface.uuid]
    have, want = asdict(interface.policing), asdict(wanted.policing)
    if have != want:  # only what differs: an older database has no columns for packets, and there they are 0
        yield _update("Interface", this, {name: value for name, value in want.items() if value != have[name]})
    if interface.external_ids.get(MARK) != wanted.outbound_mark:
        mutations: list[Any] = [["external_ids", "delete", ["set", [MARK]]]]
        if wanted.outbound_mark is not None:
            mutations.append(["external_ids", "insert", _map({MARK: wanted.outbound_mark})])
        yield {"op": "mutate", "table": "Interface", "where": [["_uuid", "==", this]], "mutations": mutations}


def _unless_changed(table: str, raw: Raw, *columns: str) -> Operation:
    row = {column: raw[column] for column in columns}
    this = {"table": table, "where": [["_uuid", "==", raw["_uuid"]]]}
    return {"op": "wait", "columns": list(columns), "until": "==", "rows": [row], "timeout": 0, **this}


def _insert(table: str, name: str, row: Raw) -> Operation:
    return {"op": "insert", "table": table, "uuid-name": name, "row": row}


def _update(table: str, uuid: Any, row: Raw) -> Operation:
    return {"op": "update", "table": table, "where": [["_uuid", "==", uuid]], "row": row}


def _map(values: Mapping[str, str]) -> list[Any]:
    return ["map", [[key, value] for key, value in values.items()]]
