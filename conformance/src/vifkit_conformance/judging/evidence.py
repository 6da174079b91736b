"""What the suite saw in the test that runs now: for the report, and for who reads a failure.

Each entry is a dictionary of plain values, so that it passes from a worker to who has started it:

    {"kind": "xml", "text": the domain's XML}
    {"kind": "rows", "port": name, "qos": row or None, "queue": row or None, "policing_kbps": n, "policing_burst_kb": n}
    {"kind": "tree", "wanted": tree or None, "live": tree, "differences": [a line each]}
    {"kind": "refused", "capability": name}, {"kind": "undeclared", "capability": name}
    {"kind": "inapplicable"}, {"kind": "unjudged"}
    {"kind": "rate", "what": a few words, "samples": [[seconds, bits/s], ...],
     "average_bps": n or None, "peak_bps": n or None, "offered_bps": n}

where a tree is {"qdisc": {"kind", "handle", "default", "r2q"} or None, "classes": [{"handle", "parent", "rate", "ceil",
"buffer", "cbuffer", "quantum", "prio", "level", "mpu"}, ...]}, with the units of `netqos.htb.HtbClass`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netqos.htb import Tree
    from vifkit_conformance.lab import Measurement

Entry = dict[str, Any]

_BIN_SECONDS = 0.04
_entries: list[Entry] = []


def begin() -> None:
    """Forget what the last test saw."""
    _entries.clear()


def seen() -> list[Entry]:
    """Give what this test has seen so far."""
    return list(_entries)


def note(kind: str, **what: object) -> None:
    """Add an entry."""
    _entries.append({"kind": kind, **what})


def note_tree(wanted: "Tree | None", live: "Tree", differences: Sequence[str]) -> None:
    """Add a comparison; it takes the place of one with the same tree just before, so that only the last look counts."""
    entry = {"kind": "tree", "wanted": wanted and tree(wanted), "live": tree(live), "differences": list(differences)}
    if _entries and _entries[-1]["kind"] == "tree" and _entries[-1]["wanted"] == entry["wanted"]:
        _entries.pop()
    _entries.append(entry)


def note_rate(
    what: str,
    measured: "Measurement",
    offered_bps: float,
    average_bps: int | None = None,
    peak_bps: int | None = None,
) -> None:
    """Add a measurement, in steps of 40 ms, with the limits that it has to keep."""
    note(
        "rate",
        what=what,
        samples=_binned(measured.samples),
        offered_bps=int(offered_bps),
        average_bps=average_bps,
        peak_bps=peak_bps,
    )


def tree(held: "Tree") -> dict[str, Any]:
    """Give a tree as plain values."""
    return {
        "qdisc": asdict(held.qdisc) if held.qdisc else None,
        "classes": [asdict(each) for each in held.classes.values()],
    }


def note_rows(port: Mapping[str, Any], qos: Mapping[str, Any] | None, queue: Mapping[str, Any] | None) -> None:
    """Add the rows of a port; `port` is its row of the table Interface."""
    note(
        "rows",
        port=port["name"],
        qos=_row(qos),
        queue=_row(queue),
        policing_kbps=port["ingress_policing_rate"],
        policing_burst_kb=port["ingress_policing_burst"],
    )


def _row(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {key: row[key] for key in ("type", "other_config", "external_ids") if key in row} if row else None


def _binned(samples: Sequence[tuple[float, int]]) -> list[list[float]]:
    """Turn (seconds, bytes so far) into [seconds, bits/s], a point for each 40 ms."""
    ends, due = list(samples[:1]), _BIN_SECONDS
    for sample in samples:
        if sample[0] >= due:
            ends.append(sample)
            due = sample[0] + _BIN_SECONDS
    return [
        [round(after, 3), round((total - before) * 8 / (after - start))]
        for (start, before), (after, total) in pairwise(ends)
        if after > start
    ]
