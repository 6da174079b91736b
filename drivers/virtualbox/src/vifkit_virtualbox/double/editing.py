"""`createvm`, `modifyvm`, `unregistervm` and extra data: what changes what is kept of a machine."""

from __future__ import annotations

import os
import time

from .machines import ADAPTERS, adapters, as_uuid, find, is_locked, put
from .saying import FILE_ERROR, INVALID_ARGUMENT, INVALID_OBJECT_STATE, failed, locked, not_understood, progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vifkit_base.doubles.state import Document

    from .machines import Machine

CREATE = "VBoxManage createvm <--name=name> [--basefolder=basefolder] [--groups=group-ID] [--register] [--uuid=uuid]"
KINDS = ("none", "null", "nat", "bridged", "intnet", "hostonly")
ADAPTER = ("--nic", "--bridgeadapter", "--macaddress", "--cableconnected")
"""Also written `--bridge-adapter` and so on."""


def options(arguments: list[str], known: dict[str, bool], usage: str) -> tuple[dict[str, str], list[str]]:
    """Read options by RTGetOpt's rules: `--name=value`, or the value as the next argument; True is one with a value."""
    found, rest, position = {}, [], 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        name, equals, value = argument.partition("=")
        if not argument.startswith("-"):
            rest.append(argument)
        elif name not in known:
            raise not_understood(f"Unknown option: {argument}", usage)
        elif not known[name]:
            found[name] = ""
        elif equals:
            found[name] = value
        elif position == len(arguments):
            raise not_understood(f"Missing argument to option: {name}", usage)
        else:
            found[name] = arguments[position]
            position += 1
    return found, rest


def create(document: Document, arguments: list[str]) -> str:
    """Make a machine (handleCreateVM in VBoxManageMisc.cpp)."""
    known = {"--name": True, "--uuid": True, "--groups": True, "--basefolder": True, "--ostype": True}
    found, rest = options(arguments, {**known, "--register": False, "--default": False}, CREATE)
    if rest:
        raise not_understood(f"Invalid parameter '{rest[0]}'", CREATE)
    name, uuid = found.get("--name", ""), as_uuid(found.get("--uuid", _new_uuid()))
    if not name:
        raise not_understood("Parameter --name is required", CREATE)
    if uuid is None:
        raise not_understood(f"Invalid UUID: {found['--uuid']}", CREATE)
    if "--register" not in found:
        raise not_understood("the double keeps registered machines only", CREATE)
    machines: dict[str, Machine] = document.setdefault("machines", {})
    folder = "".join(each if each.isalnum() or each in " ().-" else "_" for each in name)
    file = f"{found.get('--basefolder', '/root/VirtualBox VMs')}/{folder}/{folder}.vbox"
    context = "CreateMachine(bstrSettingsFile.raw(), bstrName.raw(), …, machine.asOutParam())"
    if file in document.setdefault("files", []):
        raise failed(f"Machine settings file '{file}' already exists", FILE_ERROR, context)
    if uuid in machines:
        other = machines[uuid]["name"]
        said = f"A registered machine with UUID {{{uuid}}} ('{other}') already exists"
        raise failed(said, INVALID_OBJECT_STATE, "RegisterMachine(machine)")
    machine = {
        "name": name,
        "uuid": uuid,
        "file": file,
        "groups": found.get("--groups", "/"),
        "description": "",
        "adapters": adapters(),
    }
    put(machine, "powered off")
    machines[uuid] = machine
    document["files"].append(file)
    return f"Virtual machine '{name}' is created and registered.\nUUID: {uuid}\nSettings file: '{file}'\n"


def _new_uuid() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def modify(document: Document, arguments: list[str]) -> str:
    """Change a machine that nobody has locked, in all that is asked or in nothing (handleModifyVM)."""
    usage = "VBoxManage modifyvm <uuid | vmname> [options]"
    if not arguments:
        raise not_understood("Not enough parameters", usage)
    named = {"--name": True, "--description": True, "--groups": True}
    asked = {each.partition("=")[0]: True for each in arguments[1:] if _adapter(each.partition("=")[0])}
    found, rest = options(arguments[1:], named | asked, usage)
    if rest:
        raise not_understood(f"Invalid parameter '{rest[0]}'", usage)
    machine = find(document, arguments[0])
    if is_locked(machine):
        raise locked(machine["name"])
    if machine["state"] == "saved":
        raise failed("The machine is not mutable (state is Saved)", INVALID_OBJECT_STATE)
    for option, value in found.items():
        what = _adapter(option)
        if not what:
            machine[option[2:]] = value
            continue
        number = option[len(option.rstrip("0123456789")) :]
        if not 1 <= int(number) <= ADAPTERS:
            raise not_understood(f"Invalid NIC number {number}", usage)
        _adapt(machine["adapters"][number], what, value)
    return ""


def _adapter(option: str) -> str:
    """Give what an option says of an adapter, 'nic' of --nic1; nothing for an option that says nothing of one."""
    name = option.rstrip("0123456789")
    plain = "--" + name[2:].replace("-", "")
    return plain[2:] if name != option and plain in ADAPTER else ""


def _adapt(adapter: dict[str, str], what: str, value: str) -> None:
    if what == "nic":
        if value not in KINDS:
            raise not_understood(f"Invalid type '{value}' specified for NIC")
        adapter["kind"] = value
        adapter.setdefault("mac", "080027" + os.urandom(3).hex().upper())
    elif what == "bridgeadapter":
        adapter["bridge"] = "" if value == "none" else value
    elif what == "macaddress":
        if len(value) != 12 or set(value) - set("0123456789abcdefABCDEF") or int(value[1], 16) & 1:
            raise failed("Invalid MAC address format", INVALID_ARGUMENT)
        adapter["mac"] = value.upper()
    elif value not in ("on", "off"):
        raise not_understood(f"Invalid value '{value}' for a cable")


def unregister(document: Document, arguments: list[str]) -> str:
    """Forget a machine; with `--delete` its files go, and the disks that are its own (handleUnregisterVM)."""
    usage = "VBoxManage unregistervm <uuid | vmname> [--delete] [--delete-all]"
    found, rest = options(arguments, {"--delete": False, "--delete-all": False}, usage)
    if len(rest) != 1:
        raise not_understood("VM name required" if not rest else f"Invalid parameter '{rest[1]}'", usage)
    machine = find(document, rest[0])
    if is_locked(machine):
        said = f"Cannot unregister the machine '{machine['name']}' while it is locked"
        raise failed(said, INVALID_OBJECT_STATE, "Unregister(CleanupMode_DetachAllReturnHardDisksOnly, …)")
    del document["machines"][machine["uuid"]]
    if found:
        document["files"].remove(machine["file"])
        document.setdefault("deleted disks", []).extend(machine.get("disks", []))
        progress()
    return ""


def extra_data(document: Document, whose: str) -> tuple[dict[str, str], Machine | None]:
    """Find the extra data of a machine, or the global."""
    if whose == "global":
        data: dict[str, str] = document.setdefault("extra", {})
        return data, None
    machine = find(document, whose)
    own: dict[str, str] = machine.setdefault("extra", {})
    return own, machine


def set_extra_data(document: Document, arguments: list[str]) -> str:
    """Keep a value, or none any more (handleSetExtraData)."""
    usage = "VBoxManage setextradata <global | uuid | vmname> <keyword> [value]"
    if len(arguments) < 2:
        raise not_understood("Not enough parameters", usage)
    if len(arguments) > 3:
        raise not_understood("Too many parameters", usage)
    data, machine = extra_data(document, arguments[0])
    if machine is not None and (machine.get("locked") or time.time() < machine.get("unlocks", 0)):
        raise locked(machine["name"])
    if len(arguments) == 3 and arguments[2]:
        data[arguments[1]] = arguments[2]
    else:
        data.pop(arguments[1], None)
    return ""


def get_extra_data(document: Document, arguments: list[str]) -> str:
    """Tell a value, or all (handleGetExtraData)."""
    if not 1 <= len(arguments) <= 2:
        usage = "VBoxManage getextradata <global | uuid | vmname> <keyword | enumerate>"
        raise not_understood("Incorrect number of parameters", usage)
    data, _ = extra_data(document, arguments[0])
    if len(arguments) == 1 or arguments[1] == "enumerate":
        return "".join(f"Key: {key}, Value: {value}\n" for key, value in sorted(data.items()))
    return f"Value: {data[arguments[1]]}\n" if arguments[1] in data else "No value set!\n"
