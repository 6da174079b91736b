"""An interface as the kernel has it. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .htb import Tree
from .policing import Filter

POLICE = "police"
"""The key of the counters of Open vSwitch's police action, beside the handles of the classes."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a class has sent since it was made, or a police action has seen."""

    bytes: int = 0
    packets: int = 0
    dropped: int = 0
    overlimits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One interface as the kernel has it; `mtu` in bytes."""

    name: str
    index: int
    mtu: int
    tree: Tree = field(default_factory=Tree)
    counters: Mapping[str, Counters] = field(default_factory=dict)
    policers: tuple[Filter, ...] = ()
