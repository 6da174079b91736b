"""What the cmdlets of the module Hyper-V do with virtual machines. Each is described on its page of the reference.

The texts of errors that the pages do not show are those that people have quoted: "Hyper-V was unable to find a virtual
machine …" and, as a warning, "The virtual machine is already in the specified state."
"""

from collections.abc import Iterator

from .binding import Bound
from .errors import Category, RefusedError, invalid_parameter, invalid_state
from .host import NO_MAC, Adapter, Host, VirtualMachine
from .resolving import Warn, by_name, machines_of, switch_name

LEAST_MEMORY_BYTES = 32 << 20


def get_vm(host: Host, bound: Bound, _given: object, _warn: Warn) -> Iterator[object]:
    """Find by names, which may have wildcards, or by Id; or list all."""
    if "Id" in bound:
        found = [each for each in host.machines if each.id == bound.arguments["Id"]]
        if not found:
            text = f'Hyper-V was unable to find a virtual machine with id "{bound.text("Id")}".'
            raise invalid_parameter(text)
        yield from found
    elif "Name" in bound:
        yield from by_name(host, bound)
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
    machine.adapters.append(Adapter(machine, switch=switch_name(host, bound.text("SwitchName"))))
    host.machines.append(machine)
    yield machine


def set_vm(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Change what is given; processors and memory only of one that is off."""
    for machine in machines_of(host, bound, given):
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
    for machine in machines_of(host, bound, given):
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
    for machine in machines_of(host, bound, given):
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
    for machine in machines_of(host, bound, given):
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


def _change(host: Host, bound: Bound, given: object, change: tuple[str, str]) -> Iterator[object]:
    before, after = change
    for machine in machines_of(host, bound, given):
        if machine.state != before:
            raise invalid_state()
        machine.state = after
        if bound.switch("Passthru"):
            yield machine


def _check_memory(memory: int) -> None:
    if memory < LEAST_MEMORY_BYTES or memory % (2 << 20):
        raise invalid_parameter("The memory is at least 32 MB, and a multiple of 2 MB.")
