"""Expected failures: tests of the suite that fail for a known defect of what is judged, and must fail.

    [[failure]]
    test = "test_update.py::test_a_dropped_peak_is_gone"
    says = "assert (512000, 1024000) =="
    reason = "a live update that drops peak leaves max-rate behind"
    link = "https://gitlab.com/libvirt/libvirt/-/blob/v9.0.0/src/util/virnetdevopenvswitch.c"
    expires = 2027-11-30

`says` is a regular expression that is found in what the test fails with: a test that fails for another reason does not
fail as expected. `link` leads to who mends it, or to where it is wrong. After the day `expires` the entry fails, and
somebody has to look again. `test_x.py::test_y[id]` is one id of a test, and `test_x.py::test_y` every id of it: each
must fail. A defect that many tests see names them in one array, `test = ["…", "…"]`.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol  # private, but nothing else gives a test's reports before they are told

from .complaint import complain
from .ids import function_of, functions, test_id
from .verdicts import skip_reason

if TYPE_CHECKING:
    from .session import Judge


@dataclass(frozen=True)
class Failure:
    """A test that must fail, what it then says (a regular expression), why, a URL, and the last day of that."""

    test: str
    says: str
    reason: str
    link: str
    expires: date

    def __post_init__(self) -> None:
        for name in ("test", "says", "reason", "link"):
            value = getattr(self, name)
            if not isinstance(value, str) or len(value.strip().splitlines()) != 1:
                raise ValueError(f"{name} must be one line of text")
        if not re.fullmatch(r"https?://[^\s/]+\S*", self.link):
            raise ValueError("link must be the URL of a page")
        if type(self.expires) is not date:
            raise ValueError("expires must be a date, as 2027-11-30")
        if not re.fullmatch(r"test_\w+\.py::test_\w+(\[.+\])?", self.test):
            raise ValueError("test must be module.py::function or module.py::function[id]")
        try:
            re.compile(self.says)
        except re.error as error:
            raise ValueError(f"says is no regular expression: {error}") from error


def read(path: Path) -> list[Failure]:
    """Read a file of expected failures. Raises pytest.UsageError, in one line, for a file that is not right."""
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise pytest.UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise pytest.UsageError(f"{path}: {error}") from error
    entries = held.pop("failure", [])
    if held or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise pytest.UsageError(f"{path}: only [[failure]] entries may be in it")
    found: list[Failure] = []
    for number, entry in enumerate(entries, 1):
        try:
            for test in _tests(entry):
                found.append(_parse({**entry, "test": test} if "test" in entry else entry, found))
        except ValueError as error:
            raise pytest.UsageError(f"{path}: failure {number} ({_shown(entry)}): {error}") from error
    return found


def _shown(entry: dict[str, object]) -> object:
    tests = entry.get("test", "no test")
    return ", ".join(map(str, tests)) if isinstance(tests, list) else tests


def _tests(entry: dict[str, object]) -> list[object]:
    """Give what the key `test` names; a missing one is found out later."""
    tests = entry.get("test", "")
    if tests == []:
        raise ValueError("test must name one")
    return tests if isinstance(tests, list) else [tests]


def _parse(entry: dict[str, object], before: Iterable[Failure]) -> Failure:
    keys = {field.name for field in fields(Failure)}
    if unknown := sorted(entry.keys() - keys):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    if missing := sorted(keys - entry.keys()):
        raise ValueError(f"missing: {', '.join(missing)}")
    failure = Failure(**entry)  # type: ignore[arg-type]  # it looks at the types itself
    for other in before:
        if failure.test in (other.test, function_of(other.test)) or other.test == function_of(failure.test):
            raise ValueError(f"there is an entry for {other.test} already")
    return failure


def judge(failure: Failure, reports: Sequence[pytest.TestReport], today: date) -> None:
    """Turn the reports of a test into one verdict: it failed as expected, in whatever phase, or else the run fails.

    What a driver leaves behind fails the teardown alone: the verdict is known only when all reports are there. What
    fails first must say what the defect says; what fails after it follows from it.
    """
    *_, verdict, teardown = reports
    failed = [report for report in reports if report.failed]
    if today > failure.expires:
        until = f"expected to fail until {failure.expires} ({failure.reason})"
        verdict.longrepr = f"{until}: look again, and at {failure.link}"
        verdict.outcome = "failed"
    elif failed and re.search(failure.says, failed[0].longreprtext):
        verdict.longrepr = failed[0].longrepr
        verdict.sections += [(f"{report.when} as well", report.longreprtext) for report in failed[1:]]
        verdict.outcome, verdict.wasxfail = "skipped", failure.reason
        verdict.expected = failure.link  # type: ignore[attr-defined]  # what is set on a report goes with it
    elif failed:
        verdict.longrepr = f"{failed[0].longreprtext}\n\nexpected to fail ({failure.reason}), saying {failure.says!r}"
        verdict.outcome = "failed"
    elif verdict.skipped:
        verdict.longrepr = f"expected to fail ({failure.reason}), and is skipped: {skip_reason(verdict)}"
        verdict.outcome = "failed"
    else:
        verdict.longrepr = f"expected to fail ({failure.reason}), and passes: take the entry out"
        verdict.outcome = "failed"
    verdict.when = "call"  # a setup that fails is told as an error of the suite's
    teardown.outcome, teardown.longrepr = "passed", None


class ExpectedFailures:
    """The plugin of a run that has a file of expected failures."""

    def __init__(self, path: Path, judge: "Judge") -> None:
        self.path = path
        self.judge = judge
        self.failures = {failure.test: failure for failure in read(path)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add a test that fails for each entry whose test the suite does not have."""
        unknown = [test for test in self.failures if not self._is_known(test)]
        said = "expected to fail, and not in the suite: mend the entry, or take it out"
        items += complain(session, self.path, [(test, said) for test in unknown])

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test that must fail, and tell the verdict in place of its reports."""
        test = test_id(item) or ""
        failure = self.failures.get(test) or self.failures.get(function_of(test))
        if failure is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        judge(failure, reports, date.today())  # noqa: DTZ011  the author's own day
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_terminal_summary(self, terminalreporter: "pytest.TerminalReporter") -> None:
        """List the defects, with how many tests failed for each."""
        failed = Counter(report.wasxfail for report in terminalreporter.stats.get("xfailed", []))
        defects = dict.fromkeys(failure.reason for failure in self.failures.values() if failed[failure.reason])
        if defects:
            terminalreporter.section("expected failures")
        for defect in defects:
            terminalreporter.write_line(f"{failed[defect]:4} {defect}")

    def _is_known(self, test: str) -> bool:
        if function_of(test) not in functions():
            return False
        seen = set(self.judge.tests.values())
        if test in seen or "[" not in test:
            return True
        # Which ids a test has is known where its module was collected, and matters nowhere else.
        return function_of(test) not in map(function_of, seen)
