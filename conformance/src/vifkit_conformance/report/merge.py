"""Reports of several drivers, hosts or shards joined into one."""

from collections.abc import Iterable
from dataclasses import replace

from ..judging.profiles import results
from ..judging.verdicts import Outcome, Verdict, settle
from .run import Run, outcome, verdict_of

_SAME = ("driver", "package", "testbed", "uri", "parameters", "host", "versions", "suite")
"""What the shards of one run have in common."""
_SAID = ("hypervisor", "judged_on", "capabilities")
"""What a shard says as well, unless no test of it connected."""
_WORST_FIRST = (
    *(Outcome.FAILED, Outcome.EXPECTED, Outcome.HELD),
    *(Outcome.NOT_JUDGED, Outcome.REFUSED, Outcome.INAPPLICABLE),
)


def merge(runs: Iterable[Run]) -> list[Run]:
    """Join the shards of one run into one, and put other runs side by side."""
    parts: list[list[Run]] = []
    for run in runs:
        for part in parts:
            if all(_are_one(run, other) for other in part):
                if run not in part:
                    part.append(run)
                break
        else:
            parts.append([run])
    return [_joined(part) for part in parts]


def _are_one(run: Run, other: Run) -> bool:
    """Whether two runs are shards of one; one in which no test has connected does not say what it judged."""
    return all(run[key] == other[key] for key in _SAME) and all(
        run.get(key) is None or other.get(key) is None or run[key] == other[key] for key in _SAID
    )


def _joined(part: list[Run]) -> Run:
    expected = {test for run in part for profile in run["profiles"] for test in profile["unseen"]}
    found: dict[str, Verdict] = {}
    for each in (verdict_of(test) for run in part for test in run["tests"]):
        held = found.get(each.test)
        if held is None or _WORST_FIRST.index(each.outcome) < _WORST_FIRST.index(held.outcome):
            found[each.test] = each
    verdicts = settle(map(_unsettled, found.values()))
    first = min(part, key=lambda run: run["started"])
    said = {
        key: next((run[key] for run in part if run.get(key) is not None), None)
        for key in _SAID
        if any(key in run for run in part)
    }
    return {
        **first,
        **said,
        "seconds": round(sum(run["seconds"] for run in part), 1),
        "commands": list(dict.fromkeys(command for run in part for command in run["commands"])),
        "complaints": sorted({complaint for run in part for complaint in run["complaints"]}),
        **outcome(verdicts, results(verdicts, expected | found.keys(), said["capabilities"] or {})),
    }


def _unsettled(verdict: Verdict) -> Verdict:
    """Take back what a shard alone could not know: whether another test sees the driver refuse what is undeclared."""
    of = next((each["capability"] for each in verdict.evidence if each["kind"] == "undeclared"), None)
    if of is None or verdict.outcome not in (Outcome.REFUSED, Outcome.NOT_JUDGED):
        return verdict
    return replace(verdict, outcome=Outcome.REFUSED, reason=f"the driver does not declare {of}")
