"""A host read by what its own commands print."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

from netqos.link import Link
from vifkit_conformance.lab.schema import plain_row

from . import tc
from .observer import Observer, Row

NEEDED = ("ovs-vsctl", "ovsdb-client", "tc", "ip")
"""The commands that a host has to have; nothing of ours is among them."""

_SECONDS = 30


class Commands(Observer):
    """`run` runs a command there, given as its words, and returns what it printed, or raises LabError."""

    def __init__(self, run: Callable[..., str]) -> None:
        self.run = run

    def rows(self, table: str, *columns: str) -> list[Row]:
        """Ask ovs-vsctl."""
        named = [f"--columns={','.join(columns)}"] if columns else []
        options = ("--no-wait", f"--timeout={_SECONDS}", "--format=json", *named)
        shown = json.loads(self.run("ovs-vsctl", *options, "list", table))
        kinds = self._tables[table]["columns"]
        return [plain_row(kinds, dict(zip(shown["headings"], row, strict=True))) for row in shown["data"]]

    def devices(self) -> set[str]:
        """Ask ip."""
        return {each["ifname"] for each in self._links()}

    def link(self, name: str) -> Link | None:
        """Ask ip and tc. Rates are as exact as tc writes them: see `tc`."""
        shown = next((each for each in self._links() if each["ifname"] == name), None)
        if shown is None:
            return None
        qdiscs = tc.parse_json(self.run("tc", "-j", "qdisc", "show", "dev", name))
        tree = tc.tree(qdiscs, self.run("tc", "-d", "-raw", "class", "show", "dev", name))
        policers = (
            self.run("tc", "-j", "filter", "show", "dev", name, "parent", "ffff:") if tc.has_ingress(qdiscs) else ""
        )
        return Link(
            name=name,
            index=shown["ifindex"],
            mtu=shown["mtu"],
            tree=tree,
            policers=tuple(tc.filters(tc.parse_json(policers))),
        )

    def mounts(self) -> str:
        """Read the file."""
        return self.run("cat", "/proc/self/mountinfo")

    def _links(self) -> list[dict[str, Any]]:
        return tc.parse_json(self.run("ip", "-j", "link", "show"))

    @cached_property
    def _tables(self) -> dict[str, Any]:
        """The schema of the database that is there: a set of one is written as its only element."""
        tables: dict[str, Any] = json.loads(self.run("ovsdb-client", "get-schema"))["tables"]
        return tables
