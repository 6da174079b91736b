"""What iproute2 prints, read back. Pure.

`tc -j class show` is no JSON in iproute2 6.1, and where it is, a later one's JSON has the burst cut to microseconds.
The words of `tc -d -raw class show` are the same in all of them, and have `buffer` and `cbuffer` to the tick. A rate
is written in whole kilobits, and in whole megabits or gigabits from 1 Gbit/s on, whatever is below cut off
(print_color_rate in lib/json_print.c).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from netqos.htb import ROOT, HtbClass, Qdisc, Tree
from netqos.link import Filter
from vifkit_conformance.lab.errors import LabError

_RATES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZES = {"": 1, "K": 2**10, "M": 2**20}


def parse_json(text: str) -> list[dict[str, Any]]:
    """Read the output of `tc -j` or `ip -j`, in which nothing at all is an empty list. Raises LabError."""
    try:
        found: list[dict[str, Any]] = json.loads(text or "[]")
    except ValueError as error:
        raise LabError(f"this is no JSON of iproute2's: {text.strip()[:200]!r}") from error
    return found


def tree(qdiscs: list[dict[str, Any]], classes: str) -> Tree:
    """Make a device's tree of `tc -j qdisc show` and `tc -d -raw class show`."""
    root = next((_qdisc(each) for each in qdiscs if each.get("root")), None)
    if root is None or root.kind != "htb":
        return Tree(qdisc=root)
    found = {each.handle: each for each in map(htb_class, classes.splitlines())}
    return Tree(qdisc=root, classes=dict(sorted(found.items(), key=lambda item: item[0] != ROOT)))


def filters(shown: list[dict[str, Any]]) -> Iterator[Filter]:
    """Give the filters of `tc -j filter show`; an entry without options is the head of a list of them."""
    return (Filter(kind=each["kind"], pref=each["pref"]) for each in shown if each.get("options"))


def htb_class(line: str) -> HtbClass:
    """Read a line of `tc -d -raw class show`. Raises LabError for one that is not a class of HTB's."""
    found = re.fullmatch(r"class htb (?P<handle>\S+) (root|parent (?P<parent>\S+)) (?P<rest>.*?)\s*", line)
    if found is None:
        raise LabError(f"this is no class of HTB's: {line.strip()[:200]!r}")
    words = found["rest"].split()
    said: dict[str, str] = {}
    for key, value in zip(words[::2], words[1::2], strict=False):
        said.setdefault(key, value)  # mpu comes twice, the rate's first
    try:
        leaf = said["level"] == "0"
        return HtbClass(
            handle=found["handle"],
            parent=found["parent"] or "root",
            rate=_scaled(said["rate"], "bit", _RATES) // 8,
            ceil=_scaled(said["ceil"], "bit", _RATES) // 8,
            buffer=int(said["buffer"].strip("[]"), 16),
            cbuffer=int(said["cbuffer"].strip("[]"), 16),
            quantum=int(said["quantum"]) if leaf else None,
            prio=int(said["prio"]) if leaf else None,
            level=int(said["level"]),
            mpu=_scaled(said["mpu"], "b", _SIZES),
        )
    except (KeyError, ValueError) as error:
        raise LabError(f"this class of HTB's is not as tc writes it: {line.strip()!r}") from error


def _qdisc(shown: dict[str, Any]) -> Qdisc:
    if shown["kind"] != "htb":
        return Qdisc(kind=shown["kind"], handle=shown["handle"])
    options = shown["options"]
    return Qdisc(kind="htb", handle=shown["handle"], default=int(str(options["default"]), 0), r2q=options["r2q"])


def _scaled(word: str, unit: str, prefixes: dict[str, int]) -> int:
    found = re.fullmatch(rf"(\d+)([KMGT]?){unit}", word)
    if found is None:
        raise ValueError(word)
    return int(found[1]) * prefixes[found[2]]
