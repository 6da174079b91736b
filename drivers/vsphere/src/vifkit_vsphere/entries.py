"""Virtual machines as domains; in a listing their devices are unread, and our line in their annotation is read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from vifkit import State, Vif
from vifkit_base.configs import as_machine, noted_vifs
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import NOTHING, Noted, in_text, noted, written

from . import hardware, names, shaping
from .api import vim
from .networks import Group

DOMAIN_TYPE = "vmware"
_NEEDED = ("name", "config.uuid", "runtime.powerState")
PATHS = (*_NEEDED, "config.template", "config.annotation", "config.changeVersion")
STATES = {"poweredOn": State.RUNNING, "poweredOff": State.SHUTOFF, "suspended": State.PAUSED}


class Entry(NamedTuple):
    """What is known of a virtual machine without a look at its devices."""

    managed: Any
    name: str
    uuid: str
    state: State
    annotation: str
    version: str | None
    noted: Noted
    """What we keep in its annotation."""

    def noting(self, **changes: Any) -> Any:
        """Specify an annotation with other configs in it, for it as it was read.

        What is not given stays, and what a person has written. (`changeVersion` of VirtualMachineConfigSpec guards
        against what has changed since.)
        """
        kept = replace(self.noted, **{name: each.to_xml() for name, each in changes.items()})
        return vim.vm.ConfigSpec(annotation=in_text(self.annotation, written(kept)), changeVersion=self.version)

    def machine(self, devices: Sequence[Any], groups: Mapping[str, Group]) -> Machine:
        """Make a domain of it, with port groups by key. Raises InvalidXmlError for what no domain can be."""
        before, vifs = noted_vifs(self.noted), []
        for mac, card in hardware.cards(devices).items():
            vif, source, held = before.get(mac, Vif(type="bridge")), hardware.network(card), None
            if (group := groups.get(source or "")) is not None:
                source = group.name.removeprefix(names.own(self.uuid, mac))
                held = shaping.bandwidth(group.limits, vif.bandwidth)
            vifs.append(replace(vif, mac=mac, source=source, target=None, bandwidth=held))
        return as_machine(self.name, self.uuid, DOMAIN_TYPE, self.state, vifs, self.noted)


def entries(found: Iterable[tuple[Any, Mapping[str, Any]]]) -> Iterator[Entry]:
    """Read virtual machines; a template is none, and neither is what is not all there, as its host is away."""
    for managed, has in found:
        if has.keys() >= set(_NEEDED) and not has.get("config.template"):
            name, uuid, state = (has[path] for path in _NEEDED)
            plain, text = names.unescaped(name), has.get("config.annotation", "")
            known = name if "/" in plain else plain  # a domain's name has no '/'
            version, kept = has.get("config.changeVersion"), noted(text) or NOTHING
            yield Entry(managed, known, uuid.lower(), STATES[state], text, version, kept)
