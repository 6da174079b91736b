"""The benchmarks: every figure is a ratio of two things done in the same run, on a real Open vSwitch.

python bench/run.py [--quick] [--json FILE] [prediction apply read growth memory lab libvirt watch average suite …]
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import average
import libvirt_times
import prediction
import scale
import times
import watch

from vifkit_conformance.lab import LabUnavailableError, enter_user_namespace, privileged, why_not


@dataclass(frozen=True)
class Figure:
    """One line of the result; `bound` is `<= 3`, `>= 100` or empty for a figure that is only told."""

    name: str
    value: float
    unit: str
    bound: str = ""

    @property
    def holds(self) -> bool:
        if not self.bound:
            return True
        sign, limit = self.bound.split()
        return self.value <= float(limit) if sign == "<=" else self.value >= float(limit)


PARTS: dict[str, Callable[[bool], list[tuple[str, float, str, str]]]] = {
    "prediction": prediction.figures,
    "apply": scale.apply_figures,
    "read": scale.read_figures,
    "growth": scale.growth_figures,
    "memory": scale.memory_figures,
    "lab": times.lab_figures,
    "libvirt": libvirt_times.figures,
    "watch": watch.figures,
    "average": average.figures,
    "suite": times.suite_figures,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of: {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer ports and rounds, for a smoke test; no bound is held"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, too")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if (reason := why_not()) is not None:
        print(f"bench: {reason}", file=sys.stderr)
        return 2
    if not privileged():
        enter_user_namespace()
    figures: list[Figure] = []
    for name in options.parts or PARTS:
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            measured = [Figure(*each) for each in PARTS[name](options.quick)]
        except LabUnavailableError as error:
            if name in options.parts:
                raise
            print(f"bench: {name} is left out: {error}", file=sys.stderr)
            continue
        for figure in measured:
            figures.append(figure)
            verdict = "" if not figure.bound else f"{figure.bound:>9}  {'holds' if figure.holds else 'DOES NOT HOLD'}"
            print(f"{figure.name:<66} {figure.value:>10.4g} {figure.unit:<8} {verdict}", flush=True)
    if options.json:
        text = json.dumps([{**asdict(each), "holds": each.holds} for each in figures], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    missed = [each.name for each in figures if not each.holds]
    print(
        f"{len(figures) - len(missed)} of {len(figures)} figures hold"
        + (f"; not: {', '.join(missed)}" if missed else "")
    )
    return 1 if missed and not options.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
