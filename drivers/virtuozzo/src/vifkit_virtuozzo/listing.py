"""Reads the JSON of `prlctl list -i -j`: PrlVm::append_configuration in OpenVZ's prlctl, src/PrlVm.cpp."""

import json
import re
from dataclasses import dataclass
from typing import Any

from vifkit import BackendError, State

_SHUT_OFF = ("stopped", "suspended", "mounted", "invalid", "compacting", "unknown")
_MAC = re.compile("[0-9A-Fa-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """An adapter, with its MAC address as XML writes it."""

    device: str
    """What prlctl calls it, such as net0."""
    mac: str
    network: str | None
    """Virtuozzo's virtual network."""
    host: str | None
    """The host's end while it runs, such as vme001c42e1a819."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A container or virtual machine as Virtuozzo tells of it."""

    name: str
    uuid: str
    kind: str
    """CT or VM."""
    state: State
    description: str
    adapters: tuple[Adapter, ...]
    has_disks: bool


def environments(text: str) -> list[Listed]:
    """Read all. Raises BackendError for what no prlctl says."""
    try:
        found = json.loads(text, strict=False)  # prlctl escapes some control characters, and writes others as they are
        if not isinstance(found, list):
            raise TypeError("no list")
        return [_environment(each) for each in found]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BackendError("prlctl told of its environments in a way that is not understood") from error


def _environment(told: dict[str, Any]) -> Listed:
    hardware: dict[str, dict[str, Any]] = told["Hardware"]
    adapters = (
        Adapter(
            device=str(name),
            mac=":".join(each["mac"][at : at + 2] for at in range(0, 12, 2)).lower(),
            network=_text(each.get("network")),
            host=_text(each.get("dev")),
        )
        for name, each in hardware.items()
        if re.fullmatch("net[0-9]+", name) and _MAC.fullmatch(each.get("mac", ""))
    )
    state = str(told["State"])
    return Listed(
        name=str(told["Name"]),
        uuid=str(told["ID"]).strip("{}").lower(),
        kind=str(told["Type"]),
        state=State.SHUTOFF if state in _SHUT_OFF else State.PAUSED if state == "paused" else State.RUNNING,
        description=str(told.get("Description", "")),
        adapters=tuple(sorted(adapters, key=lambda each: int(each.device[3:]))),
        has_disks=any(name.startswith("hdd") for name in hardware),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
