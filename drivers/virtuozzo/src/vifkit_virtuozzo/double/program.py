"""The command line of prlctl."""

from __future__ import annotations

import os
import sys

from vifkit_base.doubles import voice
from vifkit_base.doubles.faults import fault, suffer
from vifkit_base.doubles.state import Store

from . import information
from .environments import LOCKED, NOT_FOUND, Refusal, as_uuid, find, is_up, look, start, stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vifkit_base.doubles.state import Document

    from .environments import Environment

VERSION = "prlctl version 7.0.222"
VERBS = ("start", "stop", "pause", "resume", "delete", "unregister")
DOING = {"start": "Starting", "stop": "Stopping", "pause": "Pause", "resume": "Resuming", "delete": "Removing"}
DONE = {
    "start": "has been successfully started.",
    "stop": "has been successfully stopped.",
    "pause": "has been successfully paused.",
    "resume": "has been successfully resumed.",
    "delete": "has been successfully removed.",
    "unregister": "has been successfully unregistered.",
}
NAMES = {"delete": "remove"}
WANTED = {"start": "stopped", "pause": "running", "resume": "paused", "delete": "stopped", "unregister": "stopped"}


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
        voice.error(f"{refusal}\n")
        return refusal.status
    return 0


def run(store: Store, document: Document, arguments: list[str]) -> str:
    """Carry out a command, and give what it says."""
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if verb == "--version":
        return f"{VERSION}\n"
    if verb == "list":
        return _list(document, rest)
    if verb == "create":
        return _create(document, rest)
    if verb == "set":
        return _set(document, rest)
    if verb in VERBS:
        return _control(store, document, verb, rest)
    raise Refusal(f"Unrecognized command: {verb}" if verb else "Usage: prlctl ACTION <ID | NAME> [OPTIONS]", 1)


def _list(document: Document, arguments: list[str]) -> str:
    flags, wanted = set(), ""
    for each in arguments:
        if not each.startswith("-") and not wanted:
            wanted = each
        elif each in ("-a", "--all", "-i", "--info", "-j", "--json", "-f", "--full"):
            flags.add(each.lstrip("-")[0])
        else:
            raise Refusal(f"Unrecognized option: {each}", 1)
    known = list(document["environments"].values())
    if wanted:
        known = [find(document, wanted)]
    elif not flags & {"a", "i"}:
        known = [each for each in known if is_up(each)]
    if "i" in flags and "j" not in flags:
        raise Refusal("the double tells details in JSON alone", 1)
    if "i" in flags:
        return information.as_json(known)
    return information.brief(known) if "j" in flags else information.table(known)


def _create(document: Document, arguments: list[str]) -> str:
    found, rest = _options(arguments, ("--vmtype", "--uuid", "--ostemplate", "--dst"), ("--no-hdd",))
    kind, uuid = found.get("--vmtype", "vm"), as_uuid(found.get("--uuid", _new_uuid()))
    if len(rest) != 1 or kind not in ("ct", "vm") or uuid is None:
        raise Refusal("An incorrect value is specified: Usage: prlctl create <ve_name> [--vmtype ct|vm]", 1)
    known = document["environments"]
    what = "VM" if kind == "vm" else "CT"
    if uuid in known or any(each["name"] == rest[0] for each in known.values()):
        raise Refusal(f"Failed to create the {what}: The virtual machine {rest[0]} already exists.")
    home = f"/vz/vmprivate/{uuid}" if kind == "vm" else f"/vz/private/{uuid}"
    if home in document.setdefault("homes", []):
        raise Refusal(f"Failed to create the {what}: The directory {home} already exists.")
    document["homes"].append(home)
    known[uuid] = {
        "uuid": uuid,
        "name": rest[0],
        "description": "",
        "type": what,
        "state": "stopped",
        "home": home,
        "disks": [] if "--no-hdd" in found else [f"{home}/root.hdd"],
        "nets": {"net0": {"network": "Bridged", "mac": _new_mac()}} if kind == "vm" else {},
    }
    if kind == "ct":
        return "Creating the Virtual Environment...\nThe Container has been successfully created.\n"
    return "Creating the virtual machine...\nThe VM has been successfully created.\n"


def _set(document: Document, arguments: list[str]) -> str:
    values = ("--name", "--description", "--device-add", "--device-del", "--network", "--mac", "--ifname")
    found, rest = _options(arguments, values, ())
    if len(rest) != 1 or {"--device-add", "--device-del"} <= found.keys() or found.get("--device-add", "net") != "net":
        raise Refusal("An incorrect option is specified: Usage: prlctl set <ve_id | ve_name> [OPTIONS]", 1)
    one = find(document, rest[0])
    _insist_unlocked(one, "Failed to configure the virtual machine: ")
    said = ""
    if "--device-add" in found:
        said = _add(document, one, found.get("--network", "Bridged"), found.get("--mac", _new_mac()))
    if "--device-del" in found:
        name = found["--device-del"]
        if name not in one["nets"]:
            raise Refusal(f"The {name} device does not exist.\nFailed to configure the virtual machine.")
        del one["nets"][name]
        said = f"Remove the {name} device.\n"
    one["name"] = found.get("--name", one["name"])
    one["description"] = found.get("--description", one["description"])
    return f"{said}\nThe {one['type']} has been successfully configured.\n"


def _add(document: Document, one: Environment, network: str, mac: str) -> str:
    plain = mac.replace(":", "").upper()
    if len(plain) != 12 or set(plain) - set("0123456789ABCDEF"):
        raise Refusal(
            f"An incorrect value {mac} is specified: the MAC address\nFailed to configure the virtual machine."
        )
    taken = {each["mac"] for other in document["environments"].values() for each in other["nets"].values()}
    if plain in taken:
        raise Refusal(f"The MAC address {plain} is used already.\nFailed to configure the virtual machine.")
    name = next(f"net{number}" for number in range(64) if f"net{number}" not in one["nets"])
    one["nets"][name] = {"network": network, "mac": plain}
    return f"Creating {name} (+) dev='vme{plain.lower()}' network='{network}' mac={plain} card=virtio\n"


def _control(store: Store, document: Document, verb: str, arguments: list[str]) -> str:
    found, rest = _options(arguments, (), ("--kill",) if verb == "stop" else ("--force",) if verb == "delete" else ())
    if len(rest) != 1:
        raise Refusal(f"Usage: prlctl {verb} <ve_id | ve_name>", 1)
    one = find(document, rest[0])
    failed = f"Failed to {NAMES.get(verb, verb)} the {one['type']}: "
    _insist_unlocked(one, failed)
    wanted = WANTED.get(verb)
    if verb == "stop" and not is_up(one):
        raise Refusal(f'{failed}The virtual machine "{one["name"]}" is not running.')
    if wanted and one["state"] != wanted:
        said = f'The virtual machine "{one["name"]}" is not {wanted}.'
        raise Refusal(f"{failed}{said} This operation can be performed for {wanted} virtual machines only.")
    if verb == "start":
        try:
            start(store, one)
        except OSError as error:
            raise Refusal(f"{failed}{error}") from error
    elif verb == "stop":
        stop(store, one)
    elif verb in ("delete", "unregister"):
        del document["environments"][one["uuid"]]
        if verb == "delete":
            document["homes"].remove(one["home"])
            document.setdefault("deleted disks", []).extend(one["disks"])
    one["state"] = {"start": "running", "pause": "paused", "resume": "running"}.get(verb, "stopped")
    done = "has been forcibly stopped" if "--kill" in found else DONE[verb]
    doing = f"{DOING[verb]} the {one['type']}...\n" if verb in DOING else ""
    return f"{doing}The {one['type']} {done}\n"


def _insist_unlocked(one: Environment, failed: str) -> None:
    if one.get("locked"):
        raise Refusal(failed + LOCKED.format(uuid=one["uuid"]))
    if one.get("gone"):
        raise Refusal(NOT_FOUND)


def _options(arguments: list[str], values: tuple[str, ...], flags: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    found, rest, position = {}, [], 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if not argument.startswith("-"):
            rest.append(argument)
        elif argument in flags:
            found[argument] = ""
        elif argument in values and position < len(arguments):
            found[argument] = arguments[position]
            position += 1
        else:
            raise Refusal(f"Unrecognized option: {argument}", 1)
    return found, rest


def _new_uuid() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _new_mac() -> str:
    return "001C42" + os.urandom(3).hex().upper()
