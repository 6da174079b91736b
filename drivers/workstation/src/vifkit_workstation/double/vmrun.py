"""vmrun for VMware Workstation, as far as a driver of machines goes. Nothing runs.

What it knows is what VMware documents: commands, options and usage by vmrun's own help (vmrun 1.17, "Using vmrun to
Control Virtual Machines", VMware), the rules of power operations by the VIX API reference (VixVM_PowerOn,
VixVM_PowerOff, VixVM_Suspend, VixVM_Pause), the texts of errors by its Vix_GetErrorText. It says them on standard
output and ends with 255. All else it refuses. Only the standard library is used, and little of it, as each call is a
process.
"""

import fcntl
import marshal
import os
import sys
import time

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without the cost of its module
if TYPE_CHECKING:
    from typing import Any

VERSION = "vmrun version 1.17.0 build-24832109"
USAGE = f"""{VERSION}

Usage: vmrun [AUTHENTICATION-FLAGS] COMMAND [PARAMETERS]



AUTHENTICATION-FLAGS
--------------------
These must appear before the command and any command parameters.

   -T <hostType> (ws|fusion||player)
   -vp <password for encrypted virtual machine>
   -gu <userName in guest OS>
   -gp <password in guest OS>



POWER COMMANDS           PARAMETERS           DESCRIPTION
--------------           ----------           -----------
start                    Path to vmx file     Start a VM or Team
                         [gui|nogui]

stop                     Path to vmx file     Stop a VM or Team
                         [hard|soft]

reset                    Path to vmx file     Reset a VM or Team
                         [hard|soft]

suspend                  Path to vmx file     Suspend a VM or Team
                         [hard|soft]

pause                    Path to vmx file     Pause a VM

unpause                  Path to vmx file     Unpause a VM



GENERAL COMMANDS         PARAMETERS           DESCRIPTION
----------------         ----------           -----------
list                                          List all running VMs

deleteVM                 Path to vmx file     Delete a VM
"""
MODES = {
    "start": ("gui", "nogui"), "stop": ("hard", "soft"), "reset": ("hard", "soft"), "suspend": ("hard", "soft"),
    "pause": (), "unpause": (), "deleteVM": (),
}  # fmt: skip
NOT_ON = "The virtual machine is not powered on: {}"
IS_ON = "The virtual machine should not be powered on. It is already running."
IN_USE = "The file is already in use"


class Refusal(Exception):
    """What it says instead of doing something."""


def main(directory: str, arguments: list[str]) -> int:
    """Do what a call asks for, with the state that is kept in a directory. Gives the exit status."""
    try:
        command, operands = parse(arguments)
        with open(f"{directory}/lock", "w") as lock:  # noqa: PTH123  pathlib costs more than all else
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open(f"{directory}/calls", "a") as calls:  # noqa: PTH123
                calls.write(f"{command}\n")
            orders = load(f"{directory}/orders").get(command, {})
            if "say" not in orders or orders.get("does"):
                said = perform(directory, command, operands)
            if "say" in orders:
                said = orders["say"] * orders.get("times", 1)
        time.sleep(orders.get("seconds", 0))
        sys.stdout.write(said)
        sys.stdout.flush()
        if orders.get("dies"):
            os.kill(os.getpid(), 9)
        return int(orders.get("status", 0))
    except Refusal as refusal:
        sys.stdout.write(f"{refusal}\n")
        return 255


def parse(arguments: list[str]) -> tuple[str, list[str]]:
    """Read the options, the command and its parameters."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        if rest[0] != "-T" or len(rest) == 1 or rest[1] not in ("ws", "fusion", "player"):
            raise Refusal(f"Invalid argument: {rest[0]}\n{USAGE}")
        del rest[:2]
    if not rest:
        raise Refusal(USAGE)
    command, operands = rest[0], rest[1:]
    if command == "list" and not operands:
        return command, []
    modes = MODES.get(command)
    if modes is None or not operands or operands[1:] not in [[], *([each] for each in modes)]:
        raise Refusal(f"Error: Unrecognized command: {' '.join(rest)}\n{USAGE}")
    return command, operands


def perform(directory: str, command: str, operands: list[str]) -> str:
    """Change the state as a command does, and give what it says."""
    running: dict[str, dict[str, str]] = load(f"{directory}/running")
    if command == "list":
        return "".join(f"{line}\n" for line in [f"Total running VMs: {len(running)}", *running])
    vmx = os.path.abspath(operands[0])  # noqa: PTH100
    if not os.path.isfile(vmx):  # noqa: PTH113
        raise Refusal(f"Error: Cannot open VM: {vmx}, The virtual machine cannot be found")
    if command in ("start", "deleteVM"):
        if vmx in running:
            raise Refusal(f"Error: {IS_ON}")
        is_held(directory, vmx)
        (start if command == "start" else delete)(directory, vmx, running)
    elif vmx not in running:
        raise Refusal(f"Error: {NOT_ON.format(vmx)}")
    elif command in ("pause", "unpause"):
        running[vmx]["paused"] = "yes" if command == "pause" else ""
    elif command != "reset":
        end(vmx, running, sleeps=command == "suspend")
    save(f"{directory}/running", running)
    return ""


def is_held(directory: str, vmx: str) -> None:
    """Refuse a machine that somebody else has open; a lock of ours is left of a machine that has died."""
    for each in os.listdir(f"{vmx}.lck") if os.path.isdir(f"{vmx}.lck") else ():  # noqa: PTH112, PTH208
        with open(f"{vmx}.lck/{each}") as lock:  # noqa: PTH123
            if lock.read() != directory:
                raise Refusal(f"Error: {IN_USE}")


def start(directory: str, vmx: str, running: dict[str, dict[str, str]]) -> None:
    """Power a machine on, or wake it: what its .vmx file says now is what it has until it ends."""
    running[vmx] = read(vmx)
    if running[vmx].get("checkpoint.vmstate"):
        write(vmx, "")
    os.makedirs(f"{vmx}.lck", exist_ok=True)  # noqa: PTH103
    for name, text in ((f"{vmx}.lck/M00001.lck", directory), (f"{os.path.dirname(vmx)}/vmware.log", "on\n")):  # noqa: PTH120
        with open(name, "w") as file:  # noqa: PTH123
            file.write(text)


def end(vmx: str, running: dict[str, dict[str, str]], *, sleeps: bool) -> None:
    """Power a machine off, or have it sleep."""
    del running[vmx]
    if sleeps:
        name = os.path.basename(vmx).removesuffix(".vmx") + ".vmss"  # noqa: PTH119
        with open(f"{os.path.dirname(vmx)}/{name}", "w"):  # noqa: PTH120, PTH123
            write(vmx, name)
    os.unlink(f"{vmx}.lck/M00001.lck")  # noqa: PTH108
    os.rmdir(f"{vmx}.lck")  # noqa: PTH106


def delete(_directory: str, vmx: str, _running: dict[str, dict[str, str]]) -> None:
    """Delete a machine with its files."""
    where = os.path.dirname(vmx)  # noqa: PTH120
    for each in os.listdir(where):  # noqa: PTH208
        os.unlink(f"{where}/{each}")  # noqa: PTH108
    os.rmdir(where)  # noqa: PTH106


def read(vmx: str) -> dict[str, str]:
    """Read a .vmx file as VMware does, by its own means and not the driver's: a key that is there twice is refused."""
    found: dict[str, str] = {}
    with open(vmx, "rb") as file:  # noqa: PTH123
        for number, line in enumerate(file.read().decode("latin-1").splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            key, equals, value = (part.strip() for part in line.partition("="))
            value = value.removeprefix('"').removesuffix('"')
            if not equals or not key or " " in key or '"' in value or key.lower() in found:
                why = f'Variable "{key}" is already defined.' if key.lower() in found else "Syntax error."
                raise Refusal(f"Error: Cannot open VM: {vmx}, line {number}: {why}")
            found[key.lower()] = value
    return found


def write(vmx: str, state: str) -> None:
    """Note in a .vmx file where the machine sleeps; empty for one that is awake."""
    with open(vmx, "rb+") as file:  # noqa: PTH123
        lines = [each for each in file.read().splitlines() if not each.lower().startswith(b"checkpoint.vmstate ")]
        lines.append(f'checkpoint.vmState = "{state}"'.encode())
        file.seek(0)
        file.write(b"\n".join(lines) + b"\n")
        file.truncate()


def load(name: str) -> "dict[str, Any]":
    """Read a file of ours."""
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            kept: dict[str, Any] = marshal.load(file)  # noqa: S302  it is our own
            return kept
    except FileNotFoundError:
        return {}


def save(name: str, kept: "dict[str, Any]") -> None:
    """Write a file of ours."""
    with open(name, "wb") as file:  # noqa: PTH123
        marshal.dump(kept, file)
