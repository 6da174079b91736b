"""A wanted tree beside the live one, line by line, for every reader of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tree = Mapping[str, Any]

UNITS = {
    "rate": "bytes/s",
    "ceil": "bytes/s",
    "buffer": "ticks",
    "cbuffer": "ticks",
    "quantum": "bytes",
    "mpu": "bytes",
}
_QDISC = ("kind", "handle", "default", "r2q")
_CLASS = ("parent", "rate", "ceil", "buffer", "cbuffer", "quantum", "prio", "level", "mpu")
_ABSENT: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Line:
    """One field of the qdisc or of a class; None is a value that is not there, and `wanted` of a tree that is not."""

    field: str
    wanted: Any
    live: Any
    differs: bool


@dataclass(frozen=True)
class Part:
    """The qdisc, or a class by its handle, with its fields."""

    name: str
    lines: Sequence[Line]

    @property
    def differs(self) -> bool:
        """Whether any field does."""
        return any(line.differs for line in self.lines)


def parts(wanted: Tree | None, live: Tree) -> list[Part]:
    """Put two trees side by side; without a wanted one nothing differs."""
    return [
        Part(name, [_line(field, *both, compared=wanted is not None) for field in fields])
        for name, fields, both in _pairs(wanted, live)
    ]


def _pairs(wanted: Tree | None, live: Tree) -> Iterator[tuple[str, Sequence[str], tuple[Tree, Tree]]]:
    qdiscs = tuple((tree or _ABSENT).get("qdisc") or _ABSENT for tree in (wanted, live))
    if any(qdiscs):
        yield "qdisc", _QDISC, (qdiscs[0], qdiscs[1])
    classes = [{each["handle"]: each for each in (tree or _ABSENT).get("classes", ())} for tree in (wanted, live)]
    for handle in dict.fromkeys([*classes[0], *classes[1]]):
        yield f"class {handle}", _CLASS, (classes[0].get(handle, _ABSENT), classes[1].get(handle, _ABSENT))


def _line(field: str, wanted: Tree, live: Tree, *, compared: bool) -> Line:
    have, want = live.get(field), wanted.get(field)
    return Line(field, want, have, compared and have != want)
