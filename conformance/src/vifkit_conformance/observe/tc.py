"""What iproute2 prints, read back. Pure.

`tc -j class show` is no JSON in iproute2 6.1, and where it is, a later one's JSON has the burst cut to microseconds.
The words of `tc -d -raw class show` have `buffer` and `cbuffer` to the tick. A rate is cut there to whole kilobits/s
from 1 Mbit/s on, and to whole megabits/s from 1 Gbit/s on (print_color_rate in lib/json_print.c).

`tc -j filter show` of 6.1 leaves rate and burst of a police action out; the words of `tc -d -raw filter show` have
the burst to the tick, the rate as above, its MTU cut to kibibytes, a burst of packets to whole packets, and no mpu.
What is cut so that it cannot be told is None.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from netqos.htb import ROOT, HtbClass, Qdisc, Tree
from netqos.policing import PREFS, Filter, Police
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
_FILTER = re.compile(
    r"filter (parent \S+ |ingress )?protocol \S+ pref (?P<pref>\d+) (?P<kind>\S+) (chain \d+ )?"
    r"((handle|fh) (?P<handle>\S+))?"
)
_POLICE = re.compile(
    r" police 0x[0-9a-f]+ rate (?P<rate>\d+[KMGT]?)bit burst \S+ mtu \S+ \[(?P<burst>[0-9a-f]+)\] "
    r"(peakrate (?P<peakrate>\d+[KMGT]?)bit )?(avrate \S+ )?(pkts_rate (?P<pkts_rate>\d+) pkts_burst \d+ )?"
    r"action (?P<exceed>\w+)(/(?P<conform>\w+))? "
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


def filters(shown: str) -> Iterator[Filter]:
    """Give the filters of `tc -d -raw filter show`; one without a handle is the head of a list of them."""
    for said in re.split(r"^(?=filter )", shown, flags=re.MULTILINE)[1:]:
        found = _FILTER.match(said)
        if found is None:
            raise LabError(f"this is no filter as tc writes it: {said.strip()[:200]!r}")
        if found["handle"]:
            police = tuple(map(_police, _POLICE.finditer(said))) if found["kind"] in PREFS else ()
            handle = int(found["handle"], 16) if found["kind"] in PREFS else None
            yield Filter(kind=found["kind"], pref=int(found["pref"]), handle=handle, actions=police)


def _police(found: re.Match[str]) -> Police:
    return Police(
        rate=_scaled(found["rate"], _RATES) // 8,
        burst=int(found["burst"], 16),
        mtu=None,
        mpu=None,
        peakrate=_scaled(found["peakrate"] or "0", _RATES) // 8,
        pkts_rate=int(found["pkts_rate"] or 0),
        pkts_burst=None,
        exceed=found["exceed"],
        conform=found["conform"] or "pass",
    )


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
