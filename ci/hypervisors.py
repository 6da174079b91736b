"""Writes the README's table of hypervisors from reports of the suite: what each driver declares, and what judged it.

    ci/hypervisors.py REPORT...           write it anew; a hypervisor without a report keeps its line
    ci/hypervisors.py --check REPORT...   fail where the README claims what a run has not shown

A REPORT is a report.json, or a directory of `--vifkit-report`.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- hypervisors: written by ci/hypervisors.py -->\n", "<!-- end of hypervisors -->\n"
COLUMNS = ("driver", "shaping", "inbound", "outbound", "peak, burst", "live update", "hotplug", "judged on", "versions")
JUDGED = COLUMNS.index("judged on")

Lines = dict[str, list[str]]


def main(arguments: Sequence[str]) -> None:
    """Write, or check."""
    paths = [each for each in arguments if each != "--check"]
    if not paths:
        sys.exit(__doc__)
    text = README.read_text(encoding="utf-8")
    head, table, tail = parts(text)
    there = lines_of(table)
    new = dict(line for path in paths for run in read(Path(path)) for line in [line_of(run)])
    if "--check" in arguments:
        wrong = [name for name, cells in new.items() if name not in there or not holds(there[name], cells)]
        for name in wrong:
            print(f"hypervisors: the README says of {name}: {there.get(name)}, and its run: {new[name]}")
        sys.exit(bool(wrong))
    README.write_text(head + BEGIN + written(there | new) + END + tail, encoding="utf-8")


def holds(said: Sequence[str], seen: Sequence[str]) -> bool:
    """Tell whether a line claims no more than a run has shown; elsewhere more may be judged, or another version."""
    claims, shown = (set(re.findall(r"[a-z-]+", each[JUDGED].partition("partial:")[0])) for each in (said, seen))
    return list(said[:JUDGED]) == list(seen[:JUDGED]) and claims <= shown


def parts(text: str) -> tuple[str, str, str]:
    """Cut the table out of the README."""
    head, begin, rest = text.partition(BEGIN)
    table, end, tail = rest.partition(END)
    if not (begin and end):
        sys.exit(f"hypervisors: {README.name} has no line {BEGIN.strip()!r} and {END.strip()!r} behind it")
    return head, table, tail


def lines_of(table: str) -> Lines:
    """Read a table's lines, by driver and testbed."""
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()[2:]]
    return {row[0]: row for row in rows}


def written(lines: Lines) -> str:
    """Write a table: what is real first, then by name."""
    order = {"real": 0, "simulator": 1, "double": 2, "not said": 3}
    rows = sorted(lines.values(), key=lambda row: (order[row[-2].split(",")[0]], row[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in [list(COLUMNS), ["---"] * len(COLUMNS), *rows])


def read(path: Path) -> list[Mapping[str, Any]]:
    """Read the runs of a report."""
    file = path / "report.json" if path.is_dir() else path
    runs: list[Mapping[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return runs


def line_of(run: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Give a run's line, with what it is known by."""
    can = run["capabilities"] or sys.exit(f"hypervisors: a run of {run['driver']} has connected to nothing")
    name = run["driver"] + (f" on {run['testbed']}" if run["testbed"] != run["driver"] else "")
    profiles = ", ".join(each["name"] for each in run["profiles"] if each["result"] == "conformant")
    partial = ", ".join(each["name"] for each in run["profiles"] if each["result"] == "partial")
    judged = "; ".join(filter(None, (profiles and f"conformant: {profiles}", partial and f"partial: {partial}")))
    shapes = can["shaping"] != "none"
    return name, [
        name,
        {"ovs-htb": "Open vSwitch", "native": "the hypervisor", "none": "none"}[can["shaping"]],
        limit(can, "inbound"),
        limit(can, "outbound"),
        ", ".join(each for each in ("peak", "burst") if can[each]) or "no" if shapes else "",
        yes(can["live_update"]) if shapes else "",
        yes(can["hotplug"]),
        f"{run['judged_on'] or 'not said'}, {judged}",
        versions(run),
    ]


def limit(can: Mapping[str, Any], direction: str) -> str:
    """Say whether a direction is limited. What a guest sends depends on the kernel where Open vSwitch polices it."""
    if direction == "outbound" and can["shaping"] == "ovs-htb":
        return "where the kernel polices"
    return yes(can[direction]) if can[direction] else "refused"


def yes(value: object) -> str:
    """Write a boolean."""
    return "yes" if value else "no"


def versions(run: Mapping[str, Any]) -> str:
    """Name the hypervisor, or what a simulator or a double plays, and what it runs on."""
    plays = "" if run["judged_on"] == "real" else "plays "
    seen = [plays + (run["hypervisor"] or ""), *(f"{name} {run['versions'][name]}" for name in ("Open vSwitch",))]
    if run["capabilities"]["shaping"] != "ovs-htb":
        del seen[1:]
    return ", ".join(re.sub(r"[|\n]", " ", each) for each in seen if each)


if __name__ == "__main__":
    main(sys.argv[1:])
