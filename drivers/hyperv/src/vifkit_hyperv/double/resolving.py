"""What a cmdlet's arguments, or the objects of the pipeline, mean: machines, adapters, switches."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from .binding import Bound
from .errors import Category, RefusedError, invalid_parameter
from .host import Adapter, Host, VirtualMachine

Warn = Callable[[str], None]
"""Takes a warning."""


def by_name(host: Host, bound: Bound, parameter: str = "Name") -> list[VirtualMachine]:
    """Find machines by names; a name without wildcards must be one."""
    names = bound.arguments[parameter]
    assert isinstance(names, list)
    found = []
    for name in names:
        same = [each for each in host.machines if fnmatchcase(each.name.lower(), str(name).lower())]
        if not same and not re.search(r"[*?\[]", str(name)):
            raise invalid_parameter(f'Hyper-V was unable to find a virtual machine with name "{name}".')
        found += same
    return found


def machines_of(host: Host, bound: Bound, given: object, by: str = "Name") -> list[VirtualMachine]:
    """Give the machine that comes from the command before, or those that are named."""
    if isinstance(given, VirtualMachine):
        if given not in host.machines:
            raise invalid_parameter(f'Hyper-V was unable to find a virtual machine with id "{given.id}".')
        return [given]
    if given is None and by in bound:
        return by_name(host, bound, by)
    raise _unbound()


def adapter_of(given: object) -> Adapter:
    """Give the adapter that comes from the command before."""
    if isinstance(given, Adapter):
        return given
    raise _unbound()


def _unbound() -> RefusedError:
    text = (
        "The input object cannot be bound to any parameters for the command either because the command does not take "
        "pipeline input or the input and its properties do not match any of the parameters that take pipeline input."
    )
    return RefusedError("InputObjectNotBound", text, Category.INVALID_ARGUMENT, "ParameterBindingException")


def switch_name(host: Host, name: str | None) -> str | None:
    """Give the name of a switch that there is, None for none."""
    if name is not None and name not in [each.name for each in host.switches]:
        raise invalid_parameter(f'Hyper-V was unable to find a virtual switch with name "{name}".')
    return name
