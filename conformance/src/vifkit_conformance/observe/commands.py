"""A host read by what its own commands print."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
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
        """Ask ovsdb-client."""
        everything = ("_uuid", *self._tables.get(table, {"columns": ()})["columns"])
        (shown,) = self._ask(_selecting({table: columns or everything}))
        return self._rows(shown, table)[table]

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
        """Ask ovsdb-client and ip; the pins are those that root sees who logs in."""
        wanted = {"QoS": ("_uuid",), "Queue": ("_uuid",), "Port": ("name",)}
        shown, links, mounts = self._ask(
            _selecting(wanted), ("ip", "-j", "link", "show"), ("cat", "/proc/self/mountinfo")
        )
        listed = self._rows(shown, *wanted)
        rows = {(table, row["_uuid"]) for table in ("QoS", "Queue") for row in listed[table]}
        named = {("Port", row["name"]) for row in listed["Port"]}
        devices = {("device", link["ifname"]) for link in tc.parse_json(links)}
        return rows | named | devices | {("namespace", path) for path in pinned(mounts)}

    def _ask(self, *commands: Sequence[str]) -> list[str]:
        """Run commands one after the other, by one journey there and back."""
        return self.run("sh", "-c", f" && printf '{_MARK}' && ".join(map(shlex.join, commands))).split(_MARK)

    def _rows(self, shown: str, *tables: str) -> dict[str, list[Row]]:
        answers = json.loads(shown)
        for answer in answers:
            if answer and "error" in answer:
                raise LabError(f"ovsdb-client: {answer['error']}: {answer.get('details', '')}")
        return {
            table: [plain_row(self._tables[table]["columns"], row) for row in answer["rows"]]
            for table, answer in zip(tables, answers, strict=True)
        }

    @cached_property
    def _tables(self) -> dict[str, Any]:
        """The schema of the database that is there: a set of one is written as its only element."""
        (schema,) = self._ask(("ovsdb-client", "get-schema"))
        tables: dict[str, Any] = json.loads(schema)["tables"]
        return tables


def _selecting(tables: Mapping[str, Sequence[str]]) -> list[str]:
    """Ask for columns of several tables at once."""
    selects = [
        {"op": "select", "table": table, "where": [], "columns": list(columns)} for table, columns in tables.items()
    ]
    return ["ovsdb-client", f"--timeout={_SECONDS}", "transact", json.dumps(["Open_vSwitch", *selects])]
