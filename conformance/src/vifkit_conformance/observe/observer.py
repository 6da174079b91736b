"""What can be seen of a host."""

from abc import ABC, abstractmethod
from typing import Any

from netqos.link import Link

Row = dict[str, Any]


class Observer(ABC):
    """Reads a host, and changes nothing there. Raises LabError where it does not answer."""

    @abstractmethod
    def rows(self, table: str, *columns: str) -> list[Row]:
        """Return a table's rows as plain Python (see `lab.schema.plain_row`), all columns or those named."""

    @abstractmethod
    def devices(self) -> set[str]:
        """Name every network device."""

    @abstractmethod
    def link(self, name: str) -> Link | None:
        """Return a device with its qdisc, its classes and its ingress filters; None if there is none of this name."""

    @abstractmethod
    def mounts(self) -> str:
        """Return what is mounted, as /proc/self/mountinfo says it (proc(5))."""
