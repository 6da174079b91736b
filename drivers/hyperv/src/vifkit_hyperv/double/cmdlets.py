"""What the cmdlets of the module Hyper-V do. Each is described on its page of the module's documentation.

The texts of errors that the pages do not show are those that people have quoted: "Hyper-V was unable to find a virtual
machine …" and, as a warning, "The virtual machine is already in the specified state."
"""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from .binding import Bound
from .errors import Category, RefusedError, invalid_parameter, invalid_state
from .host import NO_MAC, Adapter, BandwidthSetting, Host, VirtualMachine

MOST_ADAPTERS = 64
"""Of one virtual machine: "Plan for Hyper-V scalability in Windows Server", Windows Server 2019 and later."""
LEAST_MEMORY_BYTES = 32 << 20

Warn = Callable[[str], None]


def get_vm(host: Host, bound: Bound, _given: object, _warn: Warn) -> Iterator[object]:
    """Find by names, which may have wildcards, or by Id; or list all."""
    if "Id" in bound:
        found = [each for each in host.machines if each.id == bound.arguments["Id"]]
        if not found:
            text = f'Hyper-V was unable to find a virtual machine with id "{bound.text("Id")}".'
            raise invalid_parameter(text)
        yield from found
    elif "Name" in bound:
        yield from _by_name(host, bound)
    else:
        yield from list(host.machines)


def new_vm(host: Host, bound: Bound, _given: object, _warn: Warn) -> Iterator[object]:
    """Make one, with one adapter as every new one has."""
    generation = bound.number("Generation") or 1
    if generation not in (1, 2):
        raise invalid_parameter("The generation of a virtual machine is 1 or 2.")
    memory = bound.number("MemoryStartupBytes") or 512 << 20
    _check_memory(memory)
    name = bound.text("Name") or "New virtual machine"
    machine = VirtualMachine(name, generation=generation, memory_bytes=memory)
    machine.adapters.append(Adapter(machine, switch=_switch(host, bound.text("SwitchName"))))
    host.machines.append(machine)
    yield machine


def set_vm(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Change what is given; processors and memory only of one that is off."""
    for machine in _machines(host, bound, given):
        if {"ProcessorCount", "MemoryStartupBytes"} & bound.arguments.keys() and machine.state != "Off":
            raise invalid_state()
        memory = bound.number("MemoryStartupBytes")
        if memory is not None:
            _check_memory(memory)
            machine.memory_bytes = memory
        machine.processors = bound.number("ProcessorCount") or machine.processors
        machine.notes = bound.text("Notes") if "Notes" in bound else machine.notes  # type: ignore[assignment]
        machine.name = bound.text("NewVMName") or machine.name
        if bound.switch("Passthru"):
            yield machine


def start_vm(host: Host, bound: Bound, given: object, warn: Warn) -> Iterator[object]:
    """Start; an adapter without an address gets one of the host's pool."""
    for machine in _machines(host, bound, given):
        if machine.state in ("Running", "Paused"):
            warn("The virtual machine is already in the specified state.")
        else:
            machine.state = "Running"
            for adapter in machine.adapters:
                if adapter.dynamic and adapter.mac == NO_MAC:
                    adapter.mac = host.next_mac()
        if bound.switch("Passthru"):
            yield machine


def stop_vm(host: Host, bound: Bound, given: object, warn: Warn) -> Iterator[object]:
    """Turn off or save; no guest of the double's can be asked to shut down."""
    for machine in _machines(host, bound, given):
        if not (bound.switch("TurnOff") or bound.switch("Save")):
            raise RefusedError("OperationFailed", f"'{machine.name}' failed to shut down.", Category.INVALID_OPERATION)
        if machine.state == "Off":
            warn("The virtual machine is already in the specified state.")
        machine.state = "Off" if bound.switch("TurnOff") else "Saved"
        if bound.switch("Passthru"):
            yield machine


def suspend_vm(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Pause one that runs."""
    yield from _change(host, bound, given, ("Running", "Paused"))


def resume_vm(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Let one that is paused go on."""
    yield from _change(host, bound, given, ("Paused", "Running"))


def remove_vm(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Delete one that does not run. Without -Force it asks, and nobody is there to answer."""
    for machine in _machines(host, bound, given):
        if not bound.switch("Force"):
            text = (
                "A command that prompts the user failed because the host program or the command type does not support "
                "user interaction."
            )
            raise RefusedError("InvalidOperation", text, Category.INVALID_OPERATION, "HostException")
        if machine.state not in ("Off", "Saved"):
            raise invalid_state()
        host.machines.remove(machine)
        if bound.switch("Passthru"):
            yield machine


def get_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """List the adapters of virtual machines, or of all."""
    found = host.adapters() if bound.switch("All") else [
        adapter for machine in _machines(host, bound, given, by="VMName") for adapter in machine.adapters
    ]  # fmt: skip
    name = bound.text("Name")
    yield from [each for each in found if name is None or fnmatchcase(each.name.lower(), name.lower())]


def add_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Add one; to a machine that runs only where it is of generation 2."""
    for machine in _machines(host, bound, given, by="VMName"):
        if machine.state != "Off" and machine.generation != 2:
            raise invalid_state()
        if len(machine.adapters) >= MOST_ADAPTERS:
            raise invalid_parameter("The maximum number of network adapters is reached.")
        if "StaticMacAddress" in bound and bound.switch("DynamicMacAddress"):
            raise invalid_parameter("A static and a dynamic MAC address are both given.")
        mac = _mac(bound)
        adapter = Adapter(
            machine,
            name=bound.text("Name") or "Network Adapter",
            mac=mac or NO_MAC,
            dynamic=mac is None,
            switch=_switch(host, bound.text("SwitchName")),
        )
        machine.adapters.append(adapter)
        if bound.switch("Passthru"):
            yield adapter


def remove_vm_network_adapter(_host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Remove adapters that come from a command before."""
    adapter = _adapter(given)
    adapter.vm.adapters.remove(adapter)
    if bound.switch("Passthru"):
        yield adapter


def connect_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Connect adapters that come from a command before to a switch."""
    adapter = _adapter(given)
    adapter.switch = _switch(host, bound.text("SwitchName"))
    if bound.switch("Passthru"):
        yield adapter


def set_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Set bandwidths, in bits/s rounded to the nearest multiple of eight, and addresses.

    On a switch of the mode None there is no minimum (New-VMSwitch, -MinimumBandwidthMode). That the mode must be of
    the minimum's own kind is this double's reading of that page: it does not tell what happens.
    """
    adapter = _adapter(given)
    mode = next((each.mode for each in host.switches if each.name == adapter.switch), "Default")
    minimum, weight = bound.number("MinimumBandwidthAbsolute"), bound.number("MinimumBandwidthWeight")
    if (minimum is not None and mode != "Absolute") or (weight is not None and mode in ("None", "Absolute")):
        raise invalid_parameter(
            "The minimum bandwidth mode of the virtual switch does not allow this minimum bandwidth."
        )
    if weight is not None and weight > 100:
        raise invalid_parameter("The minimum bandwidth weight is from 0 to 100.")
    mac = _mac(bound)
    if mac is not None and adapter.vm.state != "Off":
        raise invalid_state()
    maximum = bound.number("MaximumBandwidth")
    if any(value is not None and value < 0 for value in (maximum, minimum)):
        raise invalid_parameter("A bandwidth is not negative.")
    if not (maximum is None and minimum is None and weight is None):
        held = adapter.bandwidth = adapter.bandwidth or BandwidthSetting(str(adapter))
        held.maximum = held.maximum if maximum is None else _eight(maximum)
        held.absolute = held.absolute if minimum is None else _eight(minimum)
        held.weight = held.weight if weight is None else weight
    if mac is not None:
        adapter.mac, adapter.dynamic = mac, False
    if bound.switch("Passthru"):
        yield adapter


def get_vm_switch(host: Host, bound: Bound, _given: object, _warn: Warn) -> Iterator[object]:
    """List switches."""
    name = bound.text("Name")
    yield from [each for each in host.switches if name is None or fnmatchcase(each.name.lower(), name.lower())]


def _by_name(host: Host, bound: Bound, parameter: str = "Name") -> list[VirtualMachine]:
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


def _machines(host: Host, bound: Bound, given: object, by: str = "Name") -> list[VirtualMachine]:
    """Give the machine that comes from the command before, or those that are named."""
    if isinstance(given, VirtualMachine):
        if given not in host.machines:
            raise invalid_parameter(f'Hyper-V was unable to find a virtual machine with id "{given.id}".')
        return [given]
    if given is None and by in bound:
        return _by_name(host, bound, by)
    raise _unbound()


def _adapter(given: object) -> Adapter:
    if isinstance(given, Adapter):
        return given
    raise _unbound()


def _unbound() -> RefusedError:
    text = (
        "The input object cannot be bound to any parameters for the command either because the command does not take "
        "pipeline input or the input and its properties do not match any of the parameters that take pipeline input."
    )
    return RefusedError("InputObjectNotBound", text, Category.INVALID_ARGUMENT, "ParameterBindingException")


def _change(host: Host, bound: Bound, given: object, change: tuple[str, str]) -> Iterator[object]:
    before, after = change
    for machine in _machines(host, bound, given):
        if machine.state != before:
            raise invalid_state()
        machine.state = after
        if bound.switch("Passthru"):
            yield machine


def _switch(host: Host, name: str | None) -> str | None:
    if name is not None and name not in [each.name for each in host.switches]:
        raise invalid_parameter(f'Hyper-V was unable to find a virtual switch with name "{name}".')
    return name


def _mac(bound: Bound) -> str | None:
    text = bound.text("StaticMacAddress")
    if text is None:
        return None
    mac = re.sub("[-:]", "", text).upper()
    if not re.fullmatch("[0-9A-F]{12}", mac):
        raise invalid_parameter(f"The MAC address '{text}' is not valid.")
    return mac


def _check_memory(memory: int) -> None:
    if memory < LEAST_MEMORY_BYTES or memory % (2 << 20):
        raise invalid_parameter("The memory is at least 32 MB, and a multiple of 2 MB.")


def _eight(bps: int) -> int:
    return (bps + 4) // 8 * 8
