"""Virtual machines as domains; in a listing their devices are unread, and our line in their annotation is read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from vifkit import DomainExistsError, DomainNotFoundError, InvalidStateError, State, Vif
from vifkit_base.configs import as_machine, noted_vifs
from vifkit_base.hypervisor import Machine
from vifkit_base.notes import NOTHING, Noted, in_text, noted, written

from . import hardware, names, shaping
from .api import vim, vmodl
from .networks import Group
from .session import FaultError

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
    noted: Noted
    """What we keep in its annotation."""

    @property
    def is_over(self) -> bool:
        """Tell whether it was only created, and has ended by itself."""
        return self.state is State.SHUTOFF and self.noted.transient

    def noting(self, **changes: Any) -> Any:
        """Specify an annotation with other configs in it; what is not given stays, and what a person has written."""
        kept = replace(self.noted, **{name: each.to_xml() for name, each in changes.items()})
        return vim.vm.ConfigSpec(annotation=in_text(self.annotation, written(kept)))

    def machine(self, devices: Sequence[Any], groups: Mapping[str, Group]) -> Machine:
        """Make a domain of it, with port groups by key. Raises InvalidXmlError for what no domain can be."""
        before, vifs = noted_vifs(self.noted), []
        for mac, card in hardware.cards(devices).items():
            vif, source, held = before.get(mac, Vif(type="bridge")), hardware.network(card), None
            if (group := groups.get(source or "")) is not None:
                source = names.network_of(group.name, names.tag(self.uuid, mac))
                held = shaping.bandwidth(group.limits, vif.bandwidth)
            vifs.append(replace(vif, mac=mac, source=source, target=None, bandwidth=held))
        return as_machine(self.name, self.uuid, DOMAIN_TYPE, self.state, vifs, self.noted)


def entries(found: Sequence[tuple[Any, Mapping[str, Any]]]) -> Iterator[Entry]:
    """Read virtual machines; a template is none, and neither is what is not all there, as its host is away."""
    for managed, has in found:
        if has.keys() >= set(_NEEDED) and not has.get("config.template"):
            name, uuid, state = (has[path] for path in _NEEDED)
            text = has.get("config.annotation", "")
            yield Entry(managed, names.unescaped(name), uuid.lower(), STATES[state], text, noted(text) or NOTHING)


@contextmanager
def about(name: str) -> Iterator[None]:
    """Say in the contract's words what a fault says of a virtual machine."""
    try:
        yield
    except FaultError as error:
        fault = error.fault
        if isinstance(fault, vmodl.fault.ManagedObjectNotFound):
            raise DomainNotFoundError(name) from error
        if isinstance(fault, vim.fault.InvalidPowerState):
            held = STATES[fault.existingState]
            wanted = State.SHUTOFF if held is State.RUNNING else State.RUNNING
            raise InvalidStateError(name, held.value, wanted.value) from error
        if isinstance(fault, vim.fault.DuplicateName) and not fault.name.startswith("vifkit-"):
            raise DomainExistsError(name) from error
        raise
