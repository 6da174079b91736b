"""The containers and virtual machines that the double knows, and the guests that run."""

from __future__ import annotations

from vifkit_base.doubles import guests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vifkit_base.doubles.state import Document, Store

    Environment = dict[str, Any]

NOT_FOUND = (
    "Failed to get VM config: The virtual machine could not be found. The virtual machine is not registered in the "
    "virtual machine directory on this server. Contact your Virtuozzo administrator for assistance."
)
LOCKED = "Operation with the Container {uuid} is failed: Container already locked"


class Refusal(Exception):
    """What ends a call; `status` is the program's."""

    def __init__(self, text: str, status: int = 255) -> None:
        super().__init__(text)
        self.status = status


def as_uuid(text: str) -> str | None:
    """Read a UUID as prlctl does, with braces or without."""
    text = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    parts = text.lower().split("-")
    sound = [len(each) for each in parts] == [8, 4, 4, 4, 12] and not set("".join(parts)) - set("0123456789abcdef")
    return text.lower() if sound else None


def find(document: Document, wanted: str) -> Environment:
    """Find one by its id, or else by its name (PrlSrv::get_vm_config)."""
    known: dict[str, Environment] = document.setdefault("environments", {})
    uuid = as_uuid(wanted)
    if uuid in known:
        return known[uuid]
    for each in known.values():
        if each["name"] == wanted:
            return each
    raise Refusal(NOT_FOUND)


def is_up(environment: Environment) -> bool:
    """Tell whether it has a process."""
    return environment["state"] in ("running", "paused")


def look(store: Store, document: Document) -> None:
    """See which guests have ended by themselves."""
    for each in document.setdefault("environments", {}).values():
        if is_up(each) and not guests.runs(each["pid"], store.path("alive")):
            each["state"] = "stopped"
            _drop_devices(each)


def device(mac: str) -> str:
    """The host's end of an adapter, as Virtuozzo names it."""
    return "vme" + mac.lower()


def start(store: Store, environment: Environment) -> None:
    """Run one: its process, and a pair for each adapter."""
    pid = guests.start(store.path("alive"))
    try:
        for number, mac in enumerate(each["mac"] for _, each in sorted(environment["nets"].items())):
            _pair(pid, f"eth{number}", mac)
    except OSError:
        guests.end(pid, store.path("alive"))
        _drop_devices(environment)
        raise
    environment["pid"] = pid


def stop(store: Store, environment: Environment) -> None:
    """End one, and its devices."""
    guests.end(environment["pid"], store.path("alive"))
    _drop_devices(environment)


def _pair(pid: int, inside: str, mac: str) -> None:
    host, address = device(mac), ":".join(mac[at : at + 2] for at in range(0, 12, 2))
    peer = ("peer", "name", inside, "address", address, "netns", str(pid))
    guests.command("ip", "link", "add", host, "type", "veth", *peer)
    for name, where in ((host, None), (inside, pid)):
        # Open vSwitch's datapath in user space passes on checksums that were left to hardware, unfilled.
        guests.command("ethtool", "-K", name, "tx", "off", inside=where)
        guests.command("ip", "link", "set", name, "up", inside=where)


def _drop_devices(environment: Environment) -> None:
    for each in environment["nets"].values():
        try:
            guests.command("ip", "link", "delete", device(each["mac"]))
        except OSError:
            continue  # it went with its other end
