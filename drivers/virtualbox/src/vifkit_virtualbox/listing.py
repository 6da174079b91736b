"""Reads what `VBoxManage showvminfo` and `list --long vms` say: showVMInfo in VirtualBox's VBoxManageInfo.cpp.

That text is for people, and the only one that tells of all machines in one call. Its lines come in a fixed order, with
the description, which may say anything, behind all that is read here.
"""

import re
from dataclasses import dataclass

from vifkit import BackendError, State

# Names begin in column 30, or in column 18 before VirtualBox 6.0.
_HEAD = re.compile(
    r"^Name:(?: {24}| {12})(?P<name>(?!<inaccessible!>\n).*?)\n(?:(?:Enc|Cipher:|Password)[^\n]*\n)*Groups: ",
    re.MULTILINE | re.DOTALL,
)
_UUID = re.compile(r"^UUID: +([0-9a-f-]{36})$", re.MULTILINE)
_STATE = re.compile(r"^State: +([a-z -]+?) \(since ", re.MULTILINE)
_MEDIUM = re.compile(r"^.*\bUUID: [0-9a-f-]{36}.*$", re.MULTILINE)
_ADAPTER = re.compile(r"^NIC [0-9]+: +MAC: ([0-9A-Fa-f]{12}), Attachment: (.*?), Cable connected: ", re.MULTILINE)
_SHUT_OFF = ("powered off", "saved", "aborted", "aborted-saved", "teleported")
_PAUSED = ("paused", "teleporting (paused)", "teleporting paused vm")


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """An adapter that is there, with its MAC address as XML writes it."""

    mac: str
    kind: str
    """What VirtualBox calls its attachment: 'Bridged Interface', 'NAT', …"""
    source: str | None
    """What it is attached to."""

    @property
    def bridged_to(self) -> str | None:
        """The host's device that it is bridged to."""
        return self.source if self.kind == "Bridged Interface" else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A machine as VirtualBox tells of it."""

    name: str
    uuid: str
    state: State
    adapters: tuple[Adapter, ...]
    has_media: bool
    """Whether disks, images or snapshots are attached: VBoxManage would delete those with the machine."""


def machines(text: str) -> list[Listed]:
    """Read all machines that VirtualBox can read itself. Raises BackendError for what no VBoxManage says."""
    heads = list(_HEAD.finditer(text))
    strange = not heads and "<inaccessible!>" not in text and not text.lstrip().startswith("WARNING:")
    if (strange and text.strip()) or (heads and not text.endswith("\n")):
        raise BackendError("VBoxManage told of its machines in a way that is not understood")
    ends = [*(head.start() for head in heads), len(text)][1:]
    return [_machine(head["name"], text[head.end() : end]) for head, end in zip(heads, ends, strict=False)]


def _machine(name: str, text: str) -> Listed:
    text = text.partition("\nDescription:\n")[0]
    uuid, state = _UUID.search(text), _STATE.search(text)
    if uuid is None or state is None:
        raise BackendError(f"VBoxManage told of the machine {name!r} in a way that is not understood")
    media = {each[0] for each in _MEDIUM.finditer(text)} - {uuid[0]}
    return Listed(
        name=name,
        uuid=uuid[1],
        state=_state(state[1]),
        adapters=tuple(_adapter(*each.groups()) for each in _ADAPTER.finditer(text)),
        has_media=any(not line.startswith("Hardware UUID:") for line in media),
    )


def _adapter(digits: str, attachment: str) -> Adapter:
    kind, _, source = attachment.partition(" '")
    mac = ":".join(digits[at : at + 2] for at in range(0, 12, 2)).lower()
    return Adapter(mac=mac, kind=kind, source=source.rpartition("'")[0] or None)


def _state(said: str) -> State:
    if said in _SHUT_OFF:
        return State.SHUTOFF
    return State.PAUSED if said in _PAUSED else State.RUNNING
