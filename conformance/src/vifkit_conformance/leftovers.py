"""What a driver may leave behind in a lab: rows, ports and devices."""

import json
from contextlib import suppress
from dataclasses import dataclass

from .lab import CommandError, Lab


@dataclass(frozen=True)
class Leftovers:
    """The things of a lab by table and UUID or name."""

    things: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, lab: Lab) -> "Leftovers":
        """List what there is."""
        rows = {(table, row["_uuid"]) for table in ("QoS", "Queue") for row in lab.ovs.rows(table, "_uuid")}
        ports = {("Port", row["name"]) for row in lab.ovs.rows("Port", "name")}
        devices = {("device", link["ifname"]) for link in json.loads(lab.host.run("ip", "-json", "link"))}
        return cls(frozenset(rows | ports | devices))

    def __sub__(self, other: "Leftovers") -> "Leftovers":
        return Leftovers(self.things - other.things)

    def __bool__(self) -> bool:
        return bool(self.things)

    def __str__(self) -> str:
        return ", ".join(f"{kind} {name}" for kind, name in sorted(self.things))

    def remove(self, lab: Lab) -> None:
        """Take them away, so that the next test starts clean."""
        for kind, name in sorted(self.things):
            with suppress(CommandError):
                if kind == "Port":
                    lab.ovs.vsctl("--if-exists", "del-port", name)
                elif kind == "device":
                    lab.host.run("ip", "link", "delete", name)
                else:
                    lab.ovs.vsctl("--if-exists", "destroy", kind, name)
