"""A host read by what its own commands print."""

import json
import shlex
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from netqos.link import Link
from vifkit_conformance.lab.errors import LabError
from vifkit_conformance.lab.schema import plain_row

from . import tc
from .observer import Observer, Row, pinned

NEEDED = ("ovs-vsctl", "ovsdb-client", "tc", "ip")
"""The commands that a host has to have; nothing of ours is among them."""

_SECONDS = 30
_MARK = "\x1e"  # ASCII's record separator


class Commands(Observer):
    """`run` runs a command there, given as its words, and returns what it printed, or raises LabError."""

    def __init__(self, run: Callable[..., str]) -> None:
        self.run = run

    def rows(self, table: str, *columns: str) -> list[Row]:
        """Ask ovs-vsctl."""
        (shown,) = self._ask(_listing(table, *columns))
        return self._rows(table, shown)

    def link(self, name: str) -> Link | None:
        """Ask ip and tc. Rates are as exact as tc writes them: see `tc`."""
        try:
            links, qdiscs, classes, filters = self._ask(
                ("ip", "-j", "link", "show", "dev", name),
                ("tc", "-j", "qdisc", "show", "dev", name),
                ("tc", "-d", "-raw", "class", "show", "dev", name),
                ("tc", "-d", "-raw", "filter", "show", "dev", name, "parent", "ffff:"),
            )
        except LabError:
            if ("device", name) in self.things():
                raise
            return None
        (link,) = tc.parse_json(links)
        return Link(
            name=name,
            index=link["ifindex"],
            mtu=link["mtu"],
            tree=tc.tree(tc.parse_json(qdiscs), classes),
            policers=tuple(tc.filters(filters)),
        )

    def things(self) -> set[tuple[str, str]]:
        """Ask ovs-vsctl and ip; the pins are those that root sees who logs in."""
        qos, queues, ports, links, mounts = self._ask(
            *(_listing(table, "_uuid") for table in ("QoS", "Queue")),
            _listing("Port", "name"),
            ("ip", "-j", "link", "show"),
            ("cat", "/proc/self/mountinfo"),
        )
        rows = {
            (table, row["_uuid"])
            for table, shown in (("QoS", qos), ("Queue", queues))
            for row in self._rows(table, shown)
        }
        named = {("Port", row["name"]) for row in self._rows("Port", ports)}
        devices = {("device", link["ifname"]) for link in tc.parse_json(links)}
        return rows | named | devices | {("namespace", path) for path in pinned(mounts)}

    def _ask(self, *commands: Sequence[str]) -> list[str]:
        """Run commands one after the other, by one journey there and back."""
        return self.run("sh", "-c", f" && printf '{_MARK}' && ".join(map(shlex.join, commands))).split(_MARK)

    def _rows(self, table: str, shown: str) -> list[Row]:
        listed = json.loads(shown)
        kinds = self._tables[table]["columns"]
        return [plain_row(kinds, dict(zip(listed["headings"], row, strict=True))) for row in listed["data"]]

    @cached_property
    def _tables(self) -> dict[str, Any]:
        """The schema of the database that is there: a set of one is written as its only element."""
        (schema,) = self._ask(("ovsdb-client", "get-schema"))
        tables: dict[str, Any] = json.loads(schema)["tables"]
        return tables


def _listing(table: str, *columns: str) -> list[str]:
    named = [f"--columns={','.join(columns)}"] if columns else []
    return ["ovs-vsctl", "--no-wait", f"--timeout={_SECONDS}", "--format=json", *named, "list", table]
