"""Reads and writes the rows that make a bandwidth: any number of ports in one transaction."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vifkit import Bandwidth, ForeignQosError, PortExistsError, PortNotFoundError

from .idl import Idl, NothingToDo
from .rowio import holds, owner, owns, read_port, write_policing
from .rows import MARK, Policing, PortRows, QosRow, translate

COLUMNS = {
    "Open_vSwitch": ("next_cfg", "cur_cfg", "ovs_version"),
    "Bridge": ("name", "ports"),
    "Port": ("name", "interfaces", "qos"),
    "Interface": (
        "name", "type", "mtu", "link_speed", "external_ids", "ingress_policing_rate", "ingress_policing_burst",
    ),
    "QoS": ("type", "other_config", "external_ids", "queues"),
    "Queue": ("other_config", "external_ids"),
}  # fmt: skip


def default_db() -> str:
    """The local server, where Open vSwitch's own tools look for it (OVS_RUNDIR, else /var/run/openvswitch)."""
    return f"unix:{os.environ.get('OVS_RUNDIR', '/var/run/openvswitch')}/db.sock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """A row that nothing refers to any more; `owner` is `netqos` or `libvirt`."""

    table: str
    uuid: str
    owner: str
    external_ids: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plug:
    """A device that is to become a port of a bridge, with its bandwidth.

    `external_ids` are the interface's: `attached-mac`, `iface-id` and `vm-id`, as libvirt writes them.
    """

    bridge: str
    port: str
    external_ids: Mapping[str, str] = field(default_factory=dict)
    bandwidth: Bandwidth | None = None


class Switch:
    """One Open vSwitch, by its database; a context manager.

    `timeout` in seconds bounds each wait. Raises SwitchUnavailableError.
    """

    def __init__(self, db: str | None = None, *, timeout: float = 10) -> None:
        self._idl = Idl(db or default_db(), COLUMNS, timeout)

    def __enter__(self) -> "Switch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._idl.close()

    @property
    def version(self) -> str:
        """The version of ovs-vswitchd as it says itself, such as `3.1.0`; empty before it first ran."""
        with self._idl.lock():
            said: list[str] = self._idl.root.ovs_version
        return said[0] if said else ""

    def ports(self, names: Collection[str] | None = None) -> dict[str, PortRows]:
        """Read ports by name, all by default. Raises PortNotFoundError for a name that no bridge has."""
        with self._idl.lock():
            return {name: read_port(row) for name, row in self._find(names).items()}

    def apply(self, wanted: Mapping[str, Bandwidth | None], *, adopt: Collection[str] = ()) -> list[str]:
        """Put bandwidths (None clears) into effect in one transaction, and list the ports that it changed.

        Where nothing differs there is no transaction. A foreign QoS on a port named in `adopt` is taken
        off the port, its row left alone. On return ovs-vswitchd has acted. Raises PortNotFoundError,
        ForeignQosError, SwitchUnavailableError; then no row was changed, unless it says `committed`.
        """
        changed: list[str] = []

        def edit(txn: Any) -> None:
            rows = self._find(wanted.keys())
            ports = self._differing(rows, wanted, adopt)
            changed[:] = ports
            if not ports:
                raise NothingToDo
            uses = self._uses()
            for name, port in ports.items():
                self._write(txn, rows[name], port, wanted[name], uses)

        self._idl.commit(edit)
        return changed

    def plug(self, *plugs: Plug) -> None:
        """Add devices to bridges with their bandwidths in one transaction.

        Raises PortNotFoundError for an unknown bridge, PortExistsError if a bridge has such a port already,
        SwitchUnavailableError.
        """

        def edit(txn: Any) -> None:
            bridges = {row.name: row for row in self._idl.rows("Bridge")}
            taken = {row.name for row in self._idl.rows("Port")}
            for plug in plugs:
                if plug.bridge not in bridges:
                    raise PortNotFoundError(plug.bridge, f"no bridge is named {plug.bridge!r}")
                if plug.port in taken:
                    raise PortExistsError(plug.port)
                bridges[plug.bridge].addvalue("ports", self._insert_port(txn, plug))

            if not plugs:
                raise NothingToDo

        self._idl.commit(edit)

    def unplug(self, ports: Iterable[str]) -> None:
        """Take ports off their bridges with every row of theirs that is ours or their domain's; one transaction.

        A port that is not there is none to remove. Raises SwitchUnavailableError.
        """
        names = set(ports)

        def edit(txn: Any) -> None:
            found = [(bridge, row) for bridge in self._idl.rows("Bridge") for row in bridge.ports if row.name in names]
            if not found:
                raise NothingToDo
            uses = self._uses()
            for bridge, row in found:
                self._drop_qos(row, read_port(row), uses)
                bridge.delvalue("ports", row)

        self._idl.commit(edit)

    def refresh(self) -> None:
        """Have ovs-vswitchd go over all ports again, which mends classes that somebody changed behind it."""
        self._idl.commit(lambda txn: None)

    def leaks(self) -> list[Leak]:
        """List QoS and Queue rows, ours or libvirt's, that no port leads to."""
        with self._idl.lock():
            return [
                Leak(table=table, uuid=str(row.uuid), owner=owner(row), external_ids=dict(row.external_ids))
                for table, row in self._leaked()
            ]

    def collect(self) -> list[Leak]:
        """Delete the leaked rows in one transaction, and list them. Raises SwitchUnavailableError."""
        found: list[Leak] = []

        def edit(txn: Any) -> None:
            found[:] = self.leaks()
            if not found:
                raise NothingToDo
            for _, row in self._leaked():
                row.delete()

        self._idl.commit(edit)
        return found

    def _find(self, names: Collection[str] | None) -> dict[str, Any]:
        rows = {row.name: row for row in self._idl.rows("Port")}
        if names is None:
            return rows
        for name in names:
            if name not in rows:
                raise PortNotFoundError(name)
        return {name: rows[name] for name in names}

    def _differing(
        self, rows: Mapping[str, Any], wanted: Mapping[str, Bandwidth | None], adopt: Collection[str]
    ) -> dict[str, PortRows]:
        """Read the ports that are not as wanted. Raises ForeignQosError."""
        differing = {}
        for name, row in rows.items():
            port = read_port(row)
            if port.qos is not None and port.foreign and name not in adopt:
                # A port that is to have no limit is as wanted, whoever shapes it.
                if wanted[name] is None and all(each.policing == Policing() for each in port.interfaces):
                    continue
                raise ForeignQosError(
                    name, f"the QoS row {port.qos.uuid} of port {name!r} is not ours; it is left alone"
                )
            if not holds(port, translate(wanted[name], name, port.vm_id)):
                differing[name] = port
        return differing

    def _write(self, txn: Any, row: Any, port: PortRows, bandwidth: Bandwidth | None, uses: Counter[Any]) -> None:
        rows = translate(bandwidth, port.name, port.vm_id)
        for interface in row.interfaces:
            write_policing(interface, rows)
        row.verify("qos")
        if rows.qos is None:
            self._drop_qos(row, port, uses)
        elif port.qos is None or port.foreign:
            row.qos = [self._insert_qos(txn, rows.qos)]
        else:
            self._rewrite_qos(txn, row.qos[0], port, rows.qos)

    def _insert_port(self, txn: Any, plug: Plug) -> Any:
        rows = translate(plug.bandwidth, plug.port, plug.external_ids.get("vm-id"))
        ids = dict(plug.external_ids) | ({MARK: rows.outbound_mark} if rows.outbound_mark else {})
        policing = asdict(rows.policing)
        interface = self._idl.insert(txn, "Interface", name=plug.port, external_ids=ids, **policing)
        qos = {"qos": [self._insert_qos(txn, rows.qos)]} if rows.qos else {}
        return self._idl.insert(txn, "Port", name=plug.port, interfaces=[interface], **qos)

    def _insert_qos(self, txn: Any, wanted: QosRow) -> Any:
        config, ids = dict(wanted.other_config), dict(wanted.external_ids)
        queue = self._idl.insert(txn, "Queue", other_config=config, external_ids=ids)
        return self._idl.insert(txn, "QoS", type=wanted.type, other_config=config, external_ids=ids, queues={0: queue})

    def _rewrite_qos(self, txn: Any, qos: Any, port: PortRows, wanted: QosRow) -> None:
        ids = {**qos.external_ids, **wanted.external_ids}
        qos.type, qos.other_config, qos.external_ids = wanted.type, dict(wanted.other_config), ids
        queue = qos.queues.get(0)
        if queue is not None and owns(queue.external_ids, port):
            queue.other_config, queue.external_ids = dict(wanted.other_config), ids
        else:
            made = self._idl.insert(txn, "Queue", other_config=dict(wanted.other_config), external_ids=ids)
            qos.queues = {**qos.queues, 0: made}

    def _drop_qos(self, row: Any, port: PortRows, uses: Counter[Any]) -> None:
        """Take the QoS row off the port; delete it, and its queues, if they are ours and nobody else uses them."""
        if port.qos is None:
            return
        qos = row.qos[0]
        row.qos = []
        if port.foreign or uses[qos.uuid] > 1:
            return
        for queue in qos.queues.values():
            if owns(queue.external_ids, port) and uses[queue.uuid] == 1:
                queue.delete()
        qos.delete()

    def _uses(self) -> Counter[Any]:
        """Count by UUID how many ports use each QoS row, and how many QoS rows each Queue row."""
        used: Counter[Any] = Counter(qos.uuid for port in self._idl.rows("Port") for qos in port.qos)
        used.update(queue.uuid for qos in self._idl.rows("QoS") for queue in qos.queues.values())
        return used

    def _leaked(self) -> list[tuple[str, Any]]:
        used = {qos.uuid for port in self._idl.rows("Port") for qos in port.qos}
        qoses = [row for row in self._idl.rows("QoS") if row.uuid not in used and owner(row)]
        gone = {row.uuid for row in qoses}
        held = {q.uuid for row in self._idl.rows("QoS") if row.uuid not in gone for q in row.queues.values()}
        queues = [row for row in self._idl.rows("Queue") if row.uuid not in held and owner(row)]
        return [("QoS", row) for row in qoses] + [("Queue", row) for row in queues]
