"""What the figures are held against: the least that could be done, written by hand, and what others do."""

import json
import socket
import struct
import subprocess
from typing import Any

from vifkit_conformance.lab import Lab

RTM_GETTCLASS, NLM_F_REQUEST_DUMP = 42, 0x301
DONE = struct.pack("=IH", 20, 3)  # NLMSG_DONE


class Rpc:
    """JSON-RPC to ovsdb-server: a socket and the standard library."""

    def __init__(self, db: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(db.removeprefix("unix:"))
        self.buffer = ""

    def __enter__(self) -> "Rpc":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def transact(self, *operations: dict[str, Any]) -> list[Any]:
        request = {"method": "transact", "params": ["Open_vSwitch", *operations], "id": 0}
        self.socket.sendall(json.dumps(request).encode())
        chunks: list[str] = []
        while True:
            chunks.append(self.socket.recv(1 << 20).decode())
            if not chunks[-1].rstrip().endswith("}"):
                continue
            try:
                answer = json.loads("".join(chunks))
            except ValueError:
                continue
            results: list[Any] = answer["result"]
            assert not any("error" in each for each in results if each), results
            return results


def apply(rpc: Rpc, ports: list[str], rate: str = "4096000") -> None:
    """Shape every port in one transaction, and wait for ovs-vswitchd: the floor of an apply."""
    config = ["map", [["min-rate", rate], ["max-rate", "8192000"], ["burst", "262144"]]]
    operations: list[dict[str, Any]] = []
    for number, port in enumerate(ports):
        ids = ["map", [["ifname", port]]]
        queue, qos = f"k{number}", f"q{number}"
        operations += [
            {"op": "insert", "table": "Queue", "uuid-name": queue, "row": {
                "other_config": config, "external_ids": ids}},
            {"op": "insert", "table": "QoS", "uuid-name": qos, "row": {
                "type": "linux-htb", "other_config": config, "external_ids": ids,
                "queues": ["map", [[0, ["named-uuid", queue]]]]}},
            {"op": "update", "table": "Port", "where": [["name", "==", port]], "row": {"qos": ["named-uuid", qos]}},
        ]  # fmt: skip
    settle(rpc, operations)


def update(rpc: Rpc, ports: list[str], rate: str) -> None:
    """Change the rows of every port in one transaction, and wait for ovs-vswitchd."""
    config = ["map", [["min-rate", rate], ["max-rate", "8192000"], ["burst", "262144"]]]
    operations: list[dict[str, Any]] = []
    for port in ports:
        where = [["external_ids", "includes", ["map", [["ifname", port]]]]]
        operations += [
            {"op": "update", "table": table, "where": where, "row": {"other_config": config}}
            for table in ("QoS", "Queue")
        ]
    settle(rpc, operations)


def clear(rpc: Rpc) -> None:
    """Take all shaping away."""
    settle(rpc, [
        {"op": "update", "table": "Port", "where": [], "row": {"qos": ["set", []]}},
        {"op": "delete", "table": "QoS", "where": []},
        {"op": "delete", "table": "Queue", "where": []},
    ])  # fmt: skip


def settle(rpc: Rpc, operations: list[dict[str, Any]]) -> None:
    """Run operations in one transaction, and wait until ovs-vswitchd has acted."""
    table: dict[str, Any] = {"table": "Open_vSwitch", "where": []}
    bump = {"op": "mutate", "mutations": [["next_cfg", "+=", 1]], **table}
    *_, answer = rpc.transact(*operations, bump, {"op": "select", "columns": ["next_cfg"], **table})
    wanted = answer["rows"][0]
    rpc.transact(
        {"op": "wait", "timeout": 120_000, "columns": ["cur_cfg"], "until": "==",
         "rows": [{"cur_cfg": wanted["next_cfg"]}], **table}
    )  # fmt: skip


def libvirt_apply(lab: Lab, ports: list[str]) -> None:
    """Shape ports one by one, each by the three runs of ovs-vsctl that libvirt makes (virnetdevopenvswitch.c)."""
    config = ["other_config:min-rate=4096000", "other_config:max-rate=8192000", "other_config:burst=262144"]
    for port in ports:
        ids = ["external-ids:vm-id=7714e6b5-4885-4140-bc59-2f77cc99b3b5", f"external-ids:ifname={port}"]
        for table in ("qos", "queue"):
            lab.ovs.vsctl("--no-heading", "--columns=_uuid", "find", table, *ids)
        lab.ovs.vsctl(
            *("set", "port", port, "qos=@qos1"),
            *("--", "--id=@qos1", "create", "qos", "type=linux-htb", *config, "queues:0=@queue0", *ids),
            *("--", "--id=@queue0", "create", "queue", *config, *ids),
        )


def tc_batch(lab: Lab, ports: list[str]) -> str:
    """Read all classes by one process of tc."""
    text = "".join(f"class show dev {port}\n" for port in ports)
    command = lab.host.command(["tc", "-d", "-batch", "-"])
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def raw_dumps(netlink: socket.socket, indexes: list[int]) -> int:
    """Dump every interface's classes and read nothing of them: the floor of a read, in bytes received."""
    received = 0
    for index in indexes:
        netlink.send(struct.pack("=IHHIIBxxxiIII", 36, RTM_GETTCLASS, NLM_F_REQUEST_DUMP, 1, 0, 0, index, 0, 0, 0))
        done = False
        while not done:
            data = netlink.recv(1 << 17)
            received += len(data)
            # A dump ends with a message of its own, of 20 bytes, alone in its packet or behind the classes.
            done = data[-20:-14] == DONE
    return received
