"""One verdict on each test, out of pytest's reports of its phases."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pytest


class Outcome(Enum):
    """What became of a test."""

    HELD = "held"
    FAILED = "failed"
    EXPECTED = "failed as expected"
    """It failed by a known defect, which the author's list names."""
    REFUSED = "refused"
    """It asks for what the driver does not declare; and the driver refuses that, as another test has seen."""
    INAPPLICABLE = "does not apply"
    """It asks what this driver, by its nature or by what it declares, is not to do."""
    NOT_JUDGED = "not judged"
    """The testbed or the environment lacks what it needs, or nobody has seen the driver refuse it."""

    @property
    def judged(self) -> bool:
        """Whether the driver was put to the test."""
        return self in (Outcome.HELD, Outcome.FAILED, Outcome.EXPECTED)

    @property
    def good(self) -> bool:
        """Whether nothing is left to be wished for."""
        return self in (Outcome.HELD, Outcome.REFUSED, Outcome.INAPPLICABLE)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A test by its stable id, what became of it, and why; `said` is a failure in full, `evidence` what was seen."""

    test: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    worker: str = ""
    said: str = ""
    evidence: Sequence[Mapping[str, Any]] = ()


def verdict(test: str, reports: Sequence[pytest.TestReport]) -> Verdict:
    """Judge a test by the reports of its phases; of what is undeclared it says so, and `settle` what follows."""
    last = reports[-1]
    seen: Sequence[Mapping[str, Any]] = getattr(last, "vifkit", {}).get("evidence", ())
    outcome, reason, said = _outcome(reports, seen)
    return Verdict(
        test=test,
        outcome=outcome,
        reason=reason,
        seconds=sum(report.duration for report in reports),
        worker=getattr(last, "worker_id", ""),
        said=said,
        evidence=seen,
    )


def _outcome(reports: Sequence[pytest.TestReport], seen: Sequence[Mapping[str, Any]]) -> tuple[Outcome, str, str]:
    failed = [report for report in reports if report.failed]
    if failed:
        return Outcome.FAILED, _crash(failed[0]), "\n\n".join(report.longreprtext for report in failed)
    for report in reports:
        if report.skipped and hasattr(report, "expected"):
            return Outcome.EXPECTED, f"{report.wasxfail} ({report.expected})", report.longreprtext
        if hasattr(report, "wasxfail"):
            return Outcome.FAILED, "marked to fail, and not by an entry of a file of expected failures", ""
        if report.skipped:
            return _of_skip(seen, skip_reason(report))
    return Outcome.HELD, "", ""


_SKIPPED = {
    "undeclared": Outcome.REFUSED,
    "inapplicable": Outcome.INAPPLICABLE,
    "unjudged": Outcome.NOT_JUDGED,
}


def settle(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Let a test of what is undeclared be `refused` only where another test has seen that it is."""
    given = list(verdicts)
    seen = {each["capability"]: held.test for held in given for each in held.evidence if each["kind"] == "refused"}
    failed = {held.test for held in given if held.outcome is Outcome.FAILED}
    settled = []
    for each in given:
        capability = next((entry["capability"] for entry in each.evidence if entry["kind"] == "undeclared"), None)
        if each.outcome is not Outcome.REFUSED or capability is None:
            settled.append(each)
        elif capability in seen and seen[capability] not in failed:
            settled.append(replace(each, reason=f"{each.reason}, and refuses it: {seen[capability]}"))
        else:
            settled.append(
                replace(each, outcome=Outcome.NOT_JUDGED, reason=f"{each.reason}, and no test saw it refuse that")
            )
    return settled


def _of_skip(seen: Sequence[Mapping[str, Any]], reason: str) -> tuple[Outcome, str, str]:
    """Judge by what the suite has noted when it left the test out; what it has not left out may not be skipped."""
    for entry in seen:
        if entry["kind"] in _SKIPPED:
            return _SKIPPED[entry["kind"]], reason, ""
    return Outcome.FAILED, f"was skipped, and not by the suite ({reason})", ""


def skip_reason(report: pytest.TestReport) -> str:
    """Say why a test was skipped."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return reason.removeprefix("Skipped: ")


def _crash(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "failed"
