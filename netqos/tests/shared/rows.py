"""Rows in a switch's database: those that the reference example makes, and those that others write."""

from collections.abc import Callable
from typing import Any

from netqos.ovsdb import Switch
from netqos.rpc import Operation
from vifkit import Bandwidth, Rate
from vifkit_conformance.lab import Lab, Link

Port = Callable[..., Link]
Row = dict[str, Any]

DOMAIN = "7714e6b5-4885-4140-bc59-2f77cc99b3b5"
REFERENCE = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
CONFIG = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
MARK = "average=512 peak=1024 burst=32"
CLASSES = {
    "class htb 1:fffe root rate 8192Kbit ceil 8192Kbit burst 1499b cburst 1499b",
    "class htb 1:1 parent 1:fffe prio 0 rate 4096Kbit ceil 8192Kbit burst 32Kb cburst 32Kb",
}


def inbound(average: int) -> Bandwidth:
    return Bandwidth(inbound=Rate(average=average))


def table(lab: Lab, name: str) -> dict[str, Row]:
    return {row["_uuid"]: row for row in lab.ovs.rows(name)}


def qos_of(lab: Lab, port: str) -> Row | None:
    """The QoS row of a port as the database has it."""
    (row,) = (row for row in lab.ovs.rows("Port") if row["name"] == port)
    return None if row["qos"] is None else table(lab, "QoS")[row["qos"]]


def interface(lab: Lab, name: str) -> Row:
    (row,) = (row for row in lab.ovs.rows("Interface") if row["name"] == name)
    return row


def classes(lab: Lab, device: str) -> set[str]:
    return {line.strip() for line in lab.host.run("tc", "class", "show", "dev", device).splitlines()}


def next_cfg(lab: Lab) -> int:
    (row,) = lab.ovs.rows("Open_vSwitch", "next_cfg")
    return int(row["next_cfg"])


def create(lab: Lab, port: str | None, *settings: str, queues: dict[int, list[str]] | None = None) -> str:
    """Write a QoS row as any other program might, and return its UUID."""
    words: list[str] = []
    for number, each in (queues or {}).items():
        words += ["--", f"--id=@q{number}", "create", "Queue", *each]
    keys = [f"queues:{number}=@q{number}" for number in queues or {}]
    set_port = ["--", "set", "Port", port, "qos=@qos"] if port else []
    made = lab.ovs.vsctl("--", "--id=@qos", "create", "QoS", "type=linux-htb", *settings, *keys, *words, *set_port)
    return made.splitlines()[0]


def clear(lab: Lab) -> None:
    """Take every port off br0, and delete every row: by hand, as ovs-vsctl takes some names of ports for others."""
    (own,) = (row["_uuid"] for row in lab.ovs.rows("Port", "_uuid", "name") if row["name"] == "br0")
    bridge = {"table": "Bridge", "where": [["name", "==", "br0"]], "row": {"ports": ["uuid", own]}}
    lab.ovs.transact(
        {"op": "update", **bridge},
        {"op": "update", "table": "Port", "where": [], "row": {"qos": ["set", []]}},
        {"op": "delete", "table": "QoS", "where": []},
        {"op": "delete", "table": "Queue", "where": []},
    )
    lab.ovs.wait_until_settled()


def libvirts(port: str, vm_id: str = DOMAIN) -> list[str]:
    return [f"external_ids:ifname={port}", f"external_ids:vm-id={vm_id}", "other_config:max-rate=1000000"]


class Rival(Switch):
    """A switch where a rival is quicker, each time until it has been so `times`."""

    def __init__(self, db: str, rival: Callable[[], object], times: int = 1) -> None:
        super().__init__(db)
        self._rival = rival
        self._left = times

    def _commit(self, edit: Any) -> None:
        def edit_late(snapshot: Any) -> list[Operation]:
            operations = list(edit(snapshot))
            if self._left:
                self._left -= 1
                self._rival()
            return operations

        super()._commit(edit_late)
