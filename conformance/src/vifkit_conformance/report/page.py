"""The page: one file that requests nothing, and is whole without a script. What it shows is escaped by jinja2."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from netqos.render import human_rate

from ..judging.ids import module_of
from . import plot
from .compare import UNITS, parts
from .run import Run
from .seen import pretty, row
from .summary import CONFORMANT, FAILED, Summary, labels, summarize

_BAD = ("failed", "failed as expected")
_WORST_FIRST = ("failed", "failed as expected", "not judged", "held", "refused", "does not apply", "not selected")
MARKS = {
    "held": "✓",
    "failed": "✗",
    "failed as expected": "▲",
    "refused": "⊘",
    "does not apply": "—",
    "not judged": "?",
    "not selected": "·",
    "conformant": "✓",
    "partial": "◐",
    "not run": "·",
}


@dataclass(frozen=True)
class Column:
    """A run, and what stands above its column."""

    label: str
    run: Run
    summary: Summary
    tests: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """A test in all runs: its place on the page, and an outcome for each column."""

    test: str
    anchor: str
    outcomes: Sequence[str]

    @property
    def title(self) -> str:
        """The test's name as a sentence."""
        name, mark, case = self.test.partition("::")[2].partition("[")
        return name.removeprefix("test_").replace("_", " ") + (f" [{case}" if mark else "")

    @property
    def worst(self) -> str:
        """The outcome that the row is found by."""
        return min(self.outcomes, key=_WORST_FIRST.index)


@dataclass(frozen=True)
class Group:
    """A profile: its result for each column, and its tests."""

    name: str
    profiles: Sequence[Mapping[str, Any]]
    cases: Sequence[Case]


@dataclass(frozen=True)
class Reason:
    """Why tests were not put to a driver."""

    outcome: str
    text: str
    tests: Sequence[str]


def render(runs: Sequence[Run]) -> str:
    """Make the page of one run, or of several side by side."""
    columns = [
        Column(name, run, summarize(run), {test["id"]: test for test in run["tests"]})
        for name, run in zip(labels(runs), runs, strict=True)
    ]
    groups = list(_groups(columns))
    cases = [case for group in groups for case in group.cases]
    failures = [case for case in cases if case.worst == "failed"]
    expected = [case for case in cases if case.worst == "failed as expected"]
    others = [case for case in cases if case.worst not in _BAD]
    trees = [case for case in others if _has(columns, case, "tree")]
    numbers = count()
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals |= {
        "marks": MARKS,
        "units": UNITS,
        "parts": parts,
        "tells": _tells,
        "pretty": pretty,
        "row": row,
        "human": lambda Bps: human_rate(Bps * 8),
        "plot": lambda entry: plot.svg(entry, f"plot{next(numbers)}"),
        "in_words": plot.in_words,
        "slug": lambda text: text.replace(" ", "-"),
    }
    folder = files(__package__)
    page = environment.from_string((folder / "page.html").read_text(encoding="utf-8"))
    return page.render(
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),  # noqa: S704  # the package's own
        title=answer(columns),
        columns=columns,
        groups=groups,
        failures=failures,
        expected=expected,
        trees=trees,
        rates=[case for case in others if case not in trees and _has(columns, case, "rate")],
        reasons=[(column, found) for column in columns if (found := list(_reasons(column)))],
        versions=list(dict.fromkeys(name for run in runs for name in run["versions"])),
        capabilities=list(dict.fromkeys(name for run in runs for name in run["capabilities"] or ())),
    )


def answer(columns: Sequence[Column]) -> str:
    """Say in one sentence what the page shows."""
    if len(columns) != 1:
        words = Counter(column.summary.word for column in columns)
        return f"{len(columns)} runs: {', '.join(f'{number} {word}' for word, number in words.items())}"
    (column,) = columns
    summary = column.summary
    said = {
        CONFORMANT: f"is conformant in {len(summary.profiles)} of {summary.of} profiles",
        FAILED: f"fails {summary.counts['failed']} of {summary.total} tests",
    }
    if summary.word == FAILED and not summary.counts["failed"]:
        return f"{column.label} was judged by a run that is not sound"
    return f"{column.label} {said.get(summary.word, f'is {summary.word}')}"


def _groups(columns: Sequence[Column]) -> Iterator[Group]:
    profiles = [{each["name"]: each for each in column.run["profiles"]} for column in columns]
    numbers = count()
    for name in dict.fromkeys(name for each in profiles for name in each):
        found = [each.get(name, {"result": "not run", "counts": {}, "unseen": []}) for each in profiles]
        tests = {test for each in found for test in each["unseen"]}
        tests |= {test["id"] for column in columns for test in column.run["tests"] if test["profile"] == name}
        cases = [Case(test, f"t{next(numbers)}", [_outcome(each, test) for each in columns]) for test in sorted(tests)]
        if cases:
            yield Group(name, found, cases)


def _outcome(column: Column, test: str) -> str:
    return str(column.tests[test]["outcome"]) if test in column.tests else "not selected"


def _tells(column: Column, case: Case) -> bool:
    """Whether there is more to show of a test than its outcome."""
    test = column.tests.get(case.test)
    return test is not None and (test["outcome"] in _BAD or _has([column], case, "tree", "rate"))


def _has(columns: Sequence[Column], case: Case, *kinds: str) -> bool:
    tests = (column.tests.get(case.test, {"evidence": ()}) for column in columns)
    return any(entry["kind"] in kinds for test in tests for entry in test["evidence"])


def _reasons(column: Column) -> Iterator[Reason]:
    found: dict[tuple[str, str], list[str]] = {}
    for test in column.run["tests"]:
        if test["outcome"] not in ("held", *_BAD):
            found.setdefault((test["outcome"], test["reason"]), []).append(test["id"])
    for each in column.run["profiles"]:
        for test in each["unseen"]:
            found.setdefault(("not selected", f"tests of {module_of(test)}"), []).append(test)
    for (outcome, text), tests in sorted(found.items(), key=lambda each: (_WORST_FIRST.index(each[0][0]), each[0][1])):
        yield Reason(outcome, text, tests)
