"""The machines that the double knows, and the guests that run."""

from __future__ import annotations

import time

from vifkit_base.doubles import guests

from .saying import E_FAIL, OBJECT_NOT_FOUND, failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vifkit_base.doubles.state import Document, Store

    Machine = dict[str, Any]
    Adapter = dict[str, str]

ADAPTERS = 8
"""What the chipset PIIX3 has (the manual's chapter 6, "Virtual Networking")."""


def as_uuid(text: str) -> str | None:
    """Read a UUID as VirtualBox does, with braces or without."""
    text = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    parts = text.lower().split("-")
    sound = [len(each) for each in parts] == [8, 4, 4, 4, 12] and not set("".join(parts)) - set("0123456789abcdef")
    return text.lower() if sound else None


def find(document: Document, wanted: str) -> Machine:
    """Find a machine by its UUID, or else by its name (VirtualBox::findMachine in VirtualBoxImpl.cpp)."""
    machines: dict[str, Machine] = document.setdefault("machines", {})
    uuid = as_uuid(wanted)
    for each in machines.values():
        if each["uuid"] == uuid or (uuid is None and each["name"] == wanted):
            return each
    named = f"with UUID {{{uuid}}}" if uuid else f"named '{wanted}'"
    raise failed(
        f"Could not find a registered machine {named}",
        OBJECT_NOT_FOUND,
        "FindMachine(Bstr(VMNameOrUuid).raw(), machine.asOutParam())",
    )


def adapters() -> dict[str, Adapter]:
    """The adapters of a new machine: the first is there, behind NAT."""
    return {str(number): {"kind": "nat" if number == 1 else "none"} for number in range(1, ADAPTERS + 1)}


def look(store: Store, document: Document) -> None:
    """See which guests have ended by themselves: their machines are aborted."""
    for each in document.setdefault("machines", {}).values():
        if is_up(each) and not guests.runs(each["pid"], store.path("alive")):
            put(each, "aborted")


def is_up(machine: Machine) -> bool:
    """Tell whether a machine has a process."""
    return machine["state"] in ("running", "paused")


def is_locked(machine: Machine) -> bool:
    """Tell whether somebody has a session: the machine's own process, which takes a moment to end, or another's."""
    return is_up(machine) or bool(machine.get("locked")) or time.time() < machine.get("unlocks", 0)


def put(machine: Machine, state: str) -> None:
    """Put a machine into a state."""
    machine["state"] = state
    machine["since"] = time.strftime("%Y-%m-%dT%H:%M:%S.000000000", time.gmtime())


def start(store: Store, machine: Machine) -> None:
    """Run a machine: its process, and in its namespace an adapter for each that is bridged."""
    pid = guests.start(store.path("alive"))
    try:
        for number, each in sorted(machine["adapters"].items()):
            if each["kind"] == "bridged":
                _attach(pid, f"eth{int(number) - 1}", each)
    except OSError:
        guests.end(pid, store.path("alive"))
        raise
    machine["pid"] = pid


def _attach(pid: int, device: str, adapter: Adapter) -> None:
    below, mac = adapter.get("bridge", ""), adapter["mac"]
    address = ":".join(mac[at : at + 2] for at in range(0, 12, 2))
    kind = ("type", "macvlan", "mode", "private")
    try:
        guests.command("ip", "link", "add", "link", below, "name", device, "address", address, "netns", str(pid), *kind)
    except OSError as error:
        said = f"Nonexistent host networking interface, name '{below}' (VERR_INTERNAL_ERROR)"
        raise failed(said, E_FAIL) from error
    guests.command("ip", "link", "set", device, "up", inside=pid)
