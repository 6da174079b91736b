"""Between the rows of an ovs.db.idl replica and those of `netqos.rows`. Hold the replica's lock meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

from .rows import MARK, InterfaceRow, Policing, PortRows, QosRow, QueueRow, WantedRows


def owner(row: Any) -> str:
    """Tell whose a QoS or Queue row is, by its external_ids: `netqos`, `libvirt`, or empty for anybody's."""
    ids = row.external_ids
    return "netqos" if MARK in ids else "libvirt" if {"vm-id", "ifname"} <= ids.keys() else ""


def owns(external_ids: Mapping[str, str], port: PortRows) -> bool:
    """Tell whether a row with these external_ids is this port's to change."""
    return QosRow(type="", other_config={}, external_ids=external_ids).belongs_to(port.name, port.vm_id)


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
        and queue is not None
        and queue.other_config == want.other_config
        and owns(queue.external_ids, port)
    )


def write_policing(interface: Any, rows: WantedRows) -> None:
    """Change an interface's policing and its mark, where they differ; within a transaction."""
    for column in ("ingress_policing_rate", "ingress_policing_burst"):
        if getattr(interface, column) != getattr(rows.policing, column):
            setattr(interface, column, getattr(rows.policing, column))
    have = interface.external_ids.get(MARK)
    if rows.outbound_mark is not None and have != rows.outbound_mark:
        interface.setkey("external_ids", MARK, rows.outbound_mark)
    elif rows.outbound_mark is None and have is not None:
        interface.delkey("external_ids", MARK)


def read_port(row: Any) -> PortRows:
    """Read a row of the table Port with all that it leads to."""
    qos = row.qos[0] if row.qos else None
    return PortRows(
        name=row.name,
        interfaces=tuple(_read_interface(each) for each in row.interfaces),
        qos=None
        if qos is None
        else QosRow(
            type=qos.type,
            other_config=qos.other_config,
            external_ids=qos.external_ids,
            queues={number: _read_queue(queue) for number, queue in qos.queues.items()},
            uuid=str(qos.uuid),
        ),
    )


def _read_queue(row: Any) -> QueueRow:
    return QueueRow(other_config=row.other_config, external_ids=row.external_ids, uuid=str(row.uuid))


def _read_interface(row: Any) -> InterfaceRow:
    return InterfaceRow(
        name=row.name,
        policing=Policing(
            ingress_policing_rate=row.ingress_policing_rate, ingress_policing_burst=row.ingress_policing_burst
        ),
        external_ids=row.external_ids,
        type=row.type,
        mtu=_first(row.mtu),
        link_speed=_first(row.link_speed),
        uuid=str(row.uuid),
    )


def _first(values: Sequence[int]) -> int | None:
    return values[0] if values else None
