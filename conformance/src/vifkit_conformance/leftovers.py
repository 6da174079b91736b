"""What a driver may leave behind: rows, ports, devices, namespaces, and copies of the process that it ran in."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .guest import is_ours
from .lab import CommandError, Lab
from .lab.command import run
from .lab.forks import end
from .observe import Observer
from .observe.commands import Commands

DEVICE_SECONDS = 2.0
"""How long a device may outlive the test that it was there for."""


@dataclass(frozen=True)
class Leftovers:
    """The things of a host by table and UUID or name."""

    things: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, seen: Observer) -> "Leftovers":
        """List what there is."""
        return cls(frozenset(seen.things()))

    @classmethod
    def after(cls, seen: Observer, before: "Leftovers") -> tuple["Leftovers", "Leftovers"]:
        """List what there is after a test, and what of it was not there before; a device is given a moment to go.

        Some drivers of Linux delete a device in a thread of the kernel, when its user has gone: Xen's netback does.
        """
        end = time.monotonic() + DEVICE_SECONDS
        while True:
            there = cls.of(seen)
            left = there - before
            if {kind for kind, _ in left.things} != {"device"} or time.monotonic() > end:
                return there, left
            time.sleep(0.05)

    def __sub__(self, other: "Leftovers") -> "Leftovers":
        return Leftovers(self.things - other.things)

    def __bool__(self) -> bool:
        return bool(self.things)

    def __str__(self) -> str:
        return ", ".join(f"{kind} {name}" for kind, name in sorted(self.things))

    def remove(self, seen: Observer) -> None:
        """Take them away, so that the next test starts clean; on a host that is no lab, only ports of the suite's."""
        if isinstance(seen, Lab):
            self._remove_all(seen)
        elif isinstance(seen, Commands):
            self._remove_ours(seen)

    def _remove_ours(self, host: Commands) -> None:
        for row in host.rows("Interface", "name", "external_ids"):
            if ("Port", row["name"]) in self.things and is_ours(row["external_ids"].get("attached-mac", "")):
                host.run("ovs-vsctl", "--if-exists", "del-port", row["name"])

    def _remove_all(self, lab: Lab) -> None:
        for kind, name in sorted(self.things):
            with suppress(CommandError):
                if kind == "Port":
                    lab.ovs.vsctl("--if-exists", "del-port", name)
                elif kind == "namespace":
                    run(["umount", name])
                    Path(name).unlink(missing_ok=True)
                elif kind == "fork":
                    end(name)
                elif kind == "device":
                    lab.host.run("ip", "link", "delete", name)
                else:
                    lab.ovs.vsctl("--if-exists", "destroy", kind, name)
