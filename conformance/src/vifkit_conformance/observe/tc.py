"""What iproute2 prints, read back. Pure.

`tc -j class show` is no JSON in iproute2 6.1, and where it is, a later one's JSON has the burst cut to microseconds.
The words of `tc -d -raw class show` have `buffer` and `cbuffer` to the tick. A rate is cut there to whole kilobits/s
from 1 Mbit/s on, and to whole megabits/s from 1 Gbit/s on (print_color_rate in lib/json_print.c).
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
_CLASS = re.compile(
    r"class htb (?P<handle>\S+) (root|parent (?P<parent>\S+)) (leaf \S+ )?"
    r"(prio (?P<prio>\d+) quantum (?P<quantum>\d+) )?"
    r"rate (?P<rate>\d+[KMGT]?)bit .*?ceil (?P<ceil>\d+[KMGT]?)bit "
    r".*?mpu (?P<mpu>\d+[KM]?)b .*level (?P<level>\d+) "
    r"buffer \[(?P<buffer>[0-9a-f]+)\] cbuffer \[(?P<cbuffer>[0-9a-f]+)\]\s*"
)


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
    found = _CLASS.fullmatch(line)
    if found is None:
        raise LabError(f"this is no class of HTB's as tc writes it: {line.strip()[:200]!r}")
    level = int(found["level"])
    return HtbClass(
        handle=found["handle"],
        parent=found["parent"] or "root",
        rate=_scaled(found["rate"], _RATES) // 8,
        ceil=_scaled(found["ceil"], _RATES) // 8,
        buffer=int(found["buffer"], 16),
        cbuffer=int(found["cbuffer"], 16),
        quantum=int(found["quantum"]) if level == 0 else None,
        prio=int(found["prio"]) if level == 0 else None,
        level=level,
        mpu=_scaled(found["mpu"], _SIZES),
    )


def _qdisc(shown: dict[str, Any]) -> Qdisc:
    if shown["kind"] != "htb":
        return Qdisc(kind=shown["kind"], handle=shown["handle"])
    options = shown["options"]
    return Qdisc(kind="htb", handle=shown["handle"], default=int(str(options["default"]), 0), r2q=options["r2q"])


def _scaled(word: str, prefixes: dict[str, int]) -> int:
    return int(word.rstrip("KMGT")) * prefixes[word.lstrip("0123456789")]
