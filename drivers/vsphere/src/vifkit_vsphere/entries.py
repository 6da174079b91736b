"""Virtual machines as domains; in a listing their devices are unread, and our line in their annotation is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vifkit import State, Vif
from vifkit_base.configs import as_machine, noted_vifs
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import Noted, noted

from . import hardware, names, shaping
from .networks import Group

DOMAIN_TYPE = "vmware"
_NEEDED = ("name", "config.uuid", "runtime.powerState")
PATHS = (*_NEEDED, "config.template", "config.annotation")
STATES = {"poweredOn": State.RUNNING, "poweredOff": State.SHUTOFF, "suspended": State.PAUSED}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a virtual machine without a look at its devices."""

    managed: Any
    name: str
    uuid: str
    state: State
    annotation: str

    @property
    def noted(self) -> Noted | None:
        """What we keep in its annotation."""
        return noted(self.annotation)

    @property
    def is_over(self) -> bool:
        """Tell whether it was only created, and has ended by itself."""
        return self.state is State.SHUTOFF and (kept := self.noted) is not None and kept.transient

    def machine(self, devices: Sequence[Any], groups: Mapping[str, Group]) -> Machine:
        """Make a domain of it, with port groups by key. Raises InvalidXmlError for what no domain can be."""
        kept, vifs = self.noted, []
        before = noted_vifs(kept)
        for mac, card in hardware.cards(devices).items():
            vif, source, held = before.get(mac, Vif(type="bridge")), hardware.network(card), None
            if (group := groups.get(source or "")) is not None:
                source = names.network_of(group.name, names.tag(self.uuid, mac))
                held = shaping.bandwidth(group.limits, vif.bandwidth)
            vifs.append(replace(vif, mac=mac, source=source, target=None, bandwidth=held))
        return as_machine(self.name, self.uuid, DOMAIN_TYPE, self.state, vifs, kept)


def entries(found: Sequence[tuple[Any, Mapping[str, Any]]]) -> list[Entry]:
    """Read virtual machines; a template is none, and neither is what is not all there, as its host is away."""
    return [
        Entry(
            managed,
            names.unescaped(has["name"]),
            has["config.uuid"].lower(),
            STATES[has["runtime.powerState"]],
            has.get("config.annotation", ""),
        )
        for managed, has in found
        if has.keys() >= set(_NEEDED) and not has.get("config.template")
    ]
