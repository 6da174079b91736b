"""A whole run in a word. What is partial is never called conformant, and what was tampered with has failed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..judging.profiles import NEEDS
from .run import Run

CONFORMANT, PARTIAL, FAILED, NOT_RUN = "conformant", "partial", "failed", "not run"


@dataclass(frozen=True)
class Summary:
    """The word, and what it is made of; `profiles` names the conformant ones, `of` counts those that apply."""

    word: str
    profiles: tuple[str, ...]
    of: int
    counts: Counter[str]
    unseen: int

    @property
    def total(self) -> int:
        """How many tests were run, or left out for a reason."""
        return self.counts.total()


def summarize(run: Run) -> Summary:
    """Say what a run proves: conformant if every profile that has something to judge is."""
    profiles = run["profiles"]
    counts = sum((Counter(each["counts"]) for each in profiles), Counter[str]())
    declared = [each for each in profiles if _is_declared(each["name"], run["capabilities"] or {})]
    open_ = [each for each in declared if each["unseen"] or each["counts"].get("not judged")]
    conformant = [each["name"] for each in profiles if each["result"] == CONFORMANT]
    judged = [each["name"] for each in profiles if each["result"] != NOT_RUN]
    if counts["failed"] or run["complaints"]:
        word = FAILED
    elif not judged:
        word = NOT_RUN
    elif open_ or conformant != judged:
        word = PARTIAL
    else:
        word = CONFORMANT
    applying = {*judged, *(each["name"] for each in open_)}
    return Summary(word, tuple(conformant), len(applying), counts, sum(len(each["unseen"]) for each in profiles))


def _is_declared(profile: str, capabilities: Mapping[str, object]) -> bool:
    capability, value = NEEDS.get(profile, ("", None))
    return capabilities.get(capability, value) == value


def label(run: Run) -> str:
    """Name what was judged: the driver, on what, and with which parameters."""
    on = f" on {run['testbed']}" if run["testbed"] != run["driver"] else ""
    query = f" with {' '.join(run['parameters'])}" if run["parameters"] else ""
    return f"{run['driver']}{on}{query}"


def labels(runs: Sequence[Run]) -> list[str]:
    """Name runs that stand side by side, each by another name: with the host, and then a number, where it takes one."""
    names = [label(run) for run in runs]
    if len(set(names)) < len(names):
        names = [f"{name} at {run['host']}" for name, run in zip(names, runs, strict=True)]
    met = Counter[str]()
    numbered = []
    for name in names:
        met[name] += 1
        numbered.append(f"{name} #{met[name]}" if names.count(name) > 1 else name)
    return numbered
