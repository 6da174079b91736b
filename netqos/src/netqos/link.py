"""An interface as the kernel has it. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .htb import Tree


@dataclass(frozen=True, slots=True)
class Counters:
    """What a class has sent since it was made."""

    bytes: int = 0
    packets: int = 0
    dropped: int = 0
    overlimits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A filter on a port's ingress, by kind (`matchall`, `basic`, …) and preference."""

    kind: str
    pref: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One interface as the kernel has it; `mtu` in bytes."""

    name: str
    index: int
    mtu: int
    tree: Tree = field(default_factory=Tree)
    counters: Mapping[str, Counters] = field(default_factory=dict)
    policers: tuple[Filter, ...] = ()
