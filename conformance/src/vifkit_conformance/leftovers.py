"""What a driver may leave behind in a lab: rows, ports, devices and namespaces."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .lab import CommandError, Lab
from .lab.command import run


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
        return cls(frozenset(rows | ports | devices | {("namespace", path) for path in _pinned()}))

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
                elif kind == "namespace":
                    run(["umount", name])
                    Path(name).unlink(missing_ok=True)
                elif kind == "device":
                    lab.host.run("ip", "link", "delete", name)
                else:
                    lab.ovs.vsctl("--if-exists", "destroy", kind, name)


def _pinned() -> list[str]:
    """List the files, of our mount namespace, that pin a namespace as `ip netns add` does (proc(5), mountinfo)."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    files = [line.split()[4] for line in lines if line.partition(" - ")[2].startswith("nsfs ")]
    return [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), file) for file in files]
