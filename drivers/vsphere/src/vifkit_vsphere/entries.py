"""Virtual machines as a listing knows them: their devices unread, and our line in their annotation read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vifkit import DomainConfig, State, parse_domain
from vifkit_base.notes import Noted, note, noted

from . import names
from .api import vim

SPARSE = ("name", "config.uuid", "config.template", "config.annotation", "runtime.powerState")
_NEEDED = {"name", "config.uuid", "runtime.powerState"}
WHOLE = (*SPARSE, "config.hardware.device")
STATES = {"poweredOn": State.RUNNING, "poweredOff": State.SHUTOFF, "suspended": State.PAUSED}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a virtual machine without a look at its devices; `noted` is what we keep in its annotation."""

    managed: Any
    name: str
    uuid: str
    state: State
    annotation: str
    noted: Noted | None

    @property
    def is_over(self) -> bool:
        """Tell whether it was only created, and has ended by itself."""
        return self.noted is not None and self.noted.transient and self.state is State.SHUTOFF

    def kept(
        self, config: DomainConfig | None = None, *, waiting: DomainConfig | None = None, transient: bool | None = None
    ) -> str:
        """Write the annotation anew: what is not given stays, and so does what a person has written."""
        had = self.noted or Noted(xml="", transient=False, waiting=None)
        if transient is None:
            transient = had.transient
            waiting = waiting or (parse_domain(had.waiting) if had.waiting else None)
        given = config or (parse_domain(had.xml) if had.xml else waiting)
        assert given is not None
        ours = note(given, transient=transient, waiting=waiting)
        mark = ours.partition(":")[0] + ":"  # a damaged line of ours goes as well
        return "\n".join([*(line for line in self.annotation.splitlines() if mark not in line), ours])


def entry_of(managed: Any, has: Mapping[str, Any]) -> Entry | None:
    """Read a virtual machine; a template is none, and neither is what is not all there, as its host is away."""
    if not isinstance(managed, vim.VirtualMachine) or has.get("config.template") or not has.keys() >= _NEEDED:
        return None
    annotation = has.get("config.annotation", "")
    return Entry(
        managed,
        names.unescaped(has["name"]),
        has["config.uuid"].lower(),
        STATES[has["runtime.powerState"]],
        annotation,
        noted(annotation),
    )
