"""A run of the suite as plain values: who was judged, on what, by which command, and what came of it.

`schema.json` is its form, and `judging.evidence` says what each test saw.
"""

import os
import platform
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ..environment import versions
from ..judging.ids import function_of, functions
from ..judging.profiles import Profile, profile_of
from ..judging.verdicts import Outcome, Verdict
from ..plugin import HOST
from . import redact

if TYPE_CHECKING:
    import pytest

    from ..judging.session import Judge

Run = dict[str, Any]

SCHEMA = 1


def of_session(judge: "Judge", config: "pytest.Config", complaints: Iterable[str]) -> Run:
    """Tell the run that has just ended; `complaints` say what was wrong with the run itself.

    What may be secret in the URI is hidden, wherever it stands.
    """
    uri, parameters = config.getoption("--driver-uri"), config.getoption("--uri-query")
    facts, there = judge.facts, config.stash.get(HOST, None)
    driver = facts.get("driver") or config.getoption("--driver") or "unknown"
    run = {
        "driver": driver,
        "package": facts.get("package"),
        "testbed": config.getoption("--testbed") or driver,
        "uri": redact.uri(uri) if uri else None,
        "parameters": [redact.parameter(key, value) for key, value in parameters],
        "hypervisor": facts.get("hypervisor"),
        "judged_on": facts.get("judged_on"),
        "capabilities": facts.get("capabilities"),
        "host": there.spec if there is not None else platform.node(),
        "versions": versions(facts.get("tools", {}), config.getoption("--datapath"), there)
        | {"Python": platform.python_version(), "pytest": version("pytest")},
        "suite": version("vifkit-conformance"),
        "started": judge.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(judge.seconds, 1),
        "commands": [command(config)],
        "complaints": sorted(set(complaints)),
        **outcome(judge.verdicts, judge.profiles),
    }
    cleaned: Run = redact.clean(run, redact.secrets(uri, parameters))
    return cleaned


def outcome(verdicts: Iterable[Verdict], profiles: Iterable[Profile]) -> Run:
    """Give the profiles and the tests of a run."""
    return {
        "profiles": [_profile(each) for each in profiles],
        "tests": [_test(each) for each in sorted(verdicts, key=lambda each: each.test)],
    }


def verdict_of(test: Mapping[str, Any]) -> Verdict:
    """Give the verdict that a test of a report was made of."""
    return Verdict(
        test=test["id"],
        outcome=Outcome(test["outcome"]),
        **{key: test[key] for key in ("reason", "seconds", "worker", "said", "evidence")},
    )


def command(config: "pytest.Config") -> str:
    """Write the command that runs this again, in the same order if that was random; for a shell, without secrets."""
    words = ["pytest", *_hidden(config.invocation_params.args)]
    seed = config.getoption("randomly_seed", None)
    if isinstance(seed, int) and not any("randomly" in word for word in words):
        words.append(f"--randomly-seed={seed}")
    more = os.environ.get("PYTEST_ADDOPTS", "")
    return f"PYTEST_ADDOPTS={shlex.quote(more)} " * bool(more) + shlex.join(words)


def _hide_parameter(given: str) -> str:
    key, _, value = given.partition("=")
    return redact.parameter(key, value)


_HIDE: Mapping[str, Callable[[str], str]] = {
    "--driver-uri": redact.uri,
    "--hosts": redact.uri,
    "--uri-query": _hide_parameter,
}


def _hidden(words: Sequence[object]) -> list[str]:
    """Hide what is secret in the options that are URIs or parts of one, whichever way their values are given."""
    shown: list[str] = []
    for word in map(str, words):
        option, mark, value = word.partition("=")
        if shown and shown[-1] in _HIDE:
            shown.append(_HIDE[shown[-1]](word))
        elif option in _HIDE and mark:
            shown.append(f"{option}={_HIDE[option](value)}")
        else:
            shown.append(word)
    return shown


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "result": profile.result.value,
        "counts": {each.value: count for each, count in profile.counts.items()},
        "unseen": list(profile.unseen),
    }


def _test(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.test,
        "profile": profile_of(verdict.test),
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "mend": mend(verdict.test) if verdict.outcome in _FAILURES else "",
        "seconds": round(verdict.seconds, 3),
        "worker": verdict.worker,
        "said": verdict.said,
        "evidence": _telling(verdict),
    }


_FAILURES = (Outcome.FAILED, Outcome.EXPECTED)


def mend(test: str) -> str:
    """Give what a test of the suite says to who has to mend a failure; nothing for a test that says nothing."""
    said = getattr(functions().get(function_of(test)), "__doc__", None) or ""
    first = said.strip().partition("\n")[0]
    return first.removeprefix("Failing:").strip() if first.startswith("Failing:") else ""


def _telling(verdict: Verdict) -> list[dict[str, Any]]:
    """Leave out what says nothing of a test that held: rows, and, where no tree was compared, XML and trees."""
    seen = [dict(each) for each in verdict.evidence]
    if verdict.outcome in _FAILURES:
        return seen
    compared = any(each["kind"] == "tree" and each["wanted"] is not None for each in seen)
    return [
        each
        for each in seen
        if each["kind"] != "rows" and (each["kind"] not in ("xml", "tree") or (compared and each.get("wanted", True)))
    ]
