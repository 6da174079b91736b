"""The command line of VBoxManage."""

from __future__ import annotations

import sys
import time

from vifkit_base.doubles import guests, voice
from vifkit_base.doubles.faults import fault, suffer
from vifkit_base.doubles.state import Store

from . import editing, information
from .editing import options
from .machines import find, is_locked, is_up, look, put, start
from .saying import E_FAIL, INVALID_OBJECT_STATE, INVALID_VM_STATE, Refusal, failed, not_understood, progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vifkit_base.doubles.state import Document

VERSION = "7.0.20r163906"
UNLOCKING_SECONDS = 0.05
"""How long a machine's process is there after it was powered off, and keeps the lock."""


def main(directory: str, arguments: list[str]) -> int:
    """Carry out one call, and give its exit status."""
    status, output, errors = answer(directory, arguments)
    sys.stdout.write(output)
    sys.stderr.write(errors)
    return status


def answer(directory: str, arguments: list[str]) -> tuple[int, str, str]:
    """Carry out one call: its exit status, standard output and standard error."""
    voice.begin()
    found = fault(directory, arguments[0] if arguments else "")
    status = suffer(found)
    if status is None:
        status = _carry_out(directory, arguments)
        status = found.get("status", status) if found else status
    return status, *voice.end()


def _carry_out(directory: str, arguments: list[str]) -> int:
    store = Store(directory)
    try:
        with store as document:
            look(store, document)
            voice.out(run(store, document, arguments))
    except Refusal as refusal:
        voice.error(f"{refusal}")
        return refusal.status
    return 0


def run(store: Store, document: Document, arguments: list[str]) -> str:
    """Carry out a command, and give what it says."""
    if not arguments:
        raise not_understood("No command specified")
    verb, rest = arguments[0], arguments[1:]
    if verb in ("--version", "-V", "-v"):
        return f"{VERSION}\n"
    if verb == "list":
        return _list(document, rest)
    if verb == "showvminfo":
        return _show(document, rest)
    if verb == "startvm":
        return _start(store, document, rest)
    if verb == "controlvm":
        return _control(store, document, rest)
    verbs = {
        "createvm": editing.create,
        "modifyvm": editing.modify,
        "unregistervm": editing.unregister,
        "setextradata": editing.set_extra_data,
        "getextradata": editing.get_extra_data,
    }
    if verb not in verbs:
        raise not_understood(f"Invalid command '{verb}'")
    return verbs[verb](document, rest)


def _list(document: Document, arguments: list[str]) -> str:
    usage = "VBoxManage list [--long] [--sorted] [vms | runningvms]"
    found, rest = options(arguments, {"--long": False, "-l": False, "--sorted": False, "-s": False}, usage)
    if rest not in (["vms"], ["runningvms"]):
        raise not_understood(f"Unknown subcommand '{rest[0]}'." if rest else "Missing subcommand.", usage)
    machines = [each for each in document["machines"].values() if rest == ["vms"] or is_up(each)]
    write = information.details if {"--long", "-l"} & found.keys() else information.compact
    return "".join(map(write, machines))


def _show(document: Document, arguments: list[str]) -> str:
    usage = "VBoxManage showvminfo <uuid | vmname> [--details]"
    _, rest = options(arguments, {"--details": False}, usage)
    if len(rest) != 1:
        raise not_understood(f"Invalid parameter '{rest[1]}'" if rest else "VM name or UUID required", usage)
    return information.details(find(document, rest[0]))


def _start(store: Store, document: Document, arguments: list[str]) -> str:
    usage = "VBoxManage startvm <uuid | vmname>... [--type=gui | headless | sdl | separate]"
    found, rest = options(arguments, {"--type": True}, usage)
    if len(rest) != 1 or found.get("--type") != "headless":
        raise not_understood("at least one VM name or uuid required", usage)
    machine = find(document, rest[0])
    if is_locked(machine):
        said = f"The machine '{machine['name']}' is already locked by a session (or being locked or unlocked)"
        raise failed(said, INVALID_OBJECT_STATE, "LaunchVMProcess(a->session, sessionType.raw(), …)")
    voice.out(f'Waiting for VM "{rest[0]}" to power on...\n')
    try:
        start(store, machine)
    except OSError as error:
        name = machine["name"]
        said = f"The virtual machine '{name}' has terminated unexpectedly during startup with exit code 1 (0x1)"
        raise failed(said, E_FAIL) from error
    put(machine, "running")
    return f'VM "{rest[0]}" has been successfully started.\n'


def _control(store: Store, document: Document, arguments: list[str]) -> str:
    usage = "VBoxManage controlvm <uuid | vmname> <pause | resume | reset | poweroff | savestate>"
    if len(arguments) < 2:
        raise not_understood("Not enough parameters.", usage)
    if len(arguments) > 2 or arguments[1] not in ("pause", "resume", "reset", "poweroff", "savestate"):
        raise not_understood(f"Invalid parameter '{arguments[-1]}'", usage)
    machine, verb = find(document, arguments[0]), arguments[1]
    if not is_up(machine):
        raise failed(f"Machine '{machine['name']}' is not currently running.")
    if verb == "pause":
        if machine["state"] == "paused":
            raise failed("Invalid machine state: Paused", INVALID_VM_STATE, "Pause()")
        put(machine, "paused")
    elif verb == "resume":
        if machine["state"] != "paused":
            said = "Cannot resume the machine as it is not paused (machine state: Running)"
            raise failed(said, INVALID_VM_STATE, "Resume()")
        put(machine, "running")
    elif verb != "reset":
        guests.end(machine["pid"], store.path("alive"))
        put(machine, "powered off" if verb == "poweroff" else "saved")
        machine["unlocks"] = time.time() + UNLOCKING_SECONDS
        progress()
    return ""
