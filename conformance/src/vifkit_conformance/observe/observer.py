"""What can be seen of a host."""

import re
from abc import ABC, abstractmethod
from typing import Any

from netqos.link import Link

Row = dict[str, Any]


class Observer(ABC):
    """Reads a host, and changes nothing there. Raises LabError where it does not answer."""

    has_htb: bool = True
    """Whether the kernel has HTB, as far as that can be known without a change."""
    police_lacks: str = ""
    """What the kernel lacks to police, likewise; nothing if it has all."""

    @abstractmethod
    def rows(self, table: str, *columns: str) -> list[Row]:
        """Return a table's rows as plain Python (see `lab.schema.plain_row`), all columns or those named."""

    @abstractmethod
    def link(self, name: str) -> Link | None:
        """Return a device with its qdisc, its classes and its ingress filters; None if there is none of this name."""

    @abstractmethod
    def things(self) -> set[tuple[str, str]]:
        """List what a driver may leave behind: QoS and Queue rows, ports, devices and pinned namespaces.

        Each is its table or kind (`device`, `namespace`) with its UUID or name.
        """


def pinned(mounts: str) -> list[str]:
    """List the files that pin a namespace as `ip netns add` does; `mounts` is a mountinfo (proc(5))."""
    files = [line.split()[4] for line in mounts.splitlines() if line.partition(" - ")[2].startswith("nsfs ")]
    return [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), file) for file in files]
