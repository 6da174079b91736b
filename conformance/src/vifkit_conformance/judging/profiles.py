"""Profiles: what a driver is good for, each a set of the suite's modules, and the result of a run for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from .ids import module_of
from .verdicts import Outcome, Verdict

PROFILES: Mapping[str, tuple[str, ...]] = {
    "core": ("test_capabilities", "test_errors", "test_warnings", "test_cleanup"),
    "lifecycle": (
        *("test_lifecycle", "test_states", "test_redefined", "test_crowd"),
        *("test_statistics", "test_events", "test_migration"),
    ),
    "ovs-htb": (*("test_inbound", "test_outbound", "test_update", "test_isolation", "test_behind", "test_behaviour"),),
    "native-shaping": ("test_native",),
    "hotplug": ("test_hotplug",),
    "resilience": ("test_resilience", "test_daemon", "test_killed"),
}
"""The modules of each profile. Every module of the suite is in one."""

NEEDS: Mapping[str, tuple[str, object]] = {
    "ovs-htb": ("shaping", "ovs-htb"),
    "native-shaping": ("shaping", "native"),
    "hotplug": ("hotplug", True),
}
"""The capability, with its value, without which a profile is not run, whatever single tests of it say."""


class Result(Enum):
    """What a run says of a profile."""

    CONFORMANT = "conformant"
    """Every test of it that applies was run, and held."""
    PARTIAL = "partial"
    """Some of it was judged, and not all of it held, or not all of it was judged."""
    NOT_RUN = "not run"
    """Nothing of it was judged, or the driver does not declare what it is about."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A result, with the number of tests of each outcome; `unseen` tests belong to it and were not selected."""

    name: str
    result: Result
    counts: Mapping[Outcome, int]
    unseen: tuple[str, ...]


def profile_of(test: str) -> str:
    """Name the profile of a test. Raises LookupError for one that is in none."""
    for name, modules in PROFILES.items():
        if module_of(test) in modules:
            return name
    raise LookupError(f"{test} is in no profile")


def results(verdicts: Iterable[Verdict], expected: Iterable[str], capabilities: Mapping[str, object]) -> list[Profile]:
    """Say what a run proves; `expected` names every test that it should have had."""
    by_profile: dict[str, list[Verdict]] = {name: [] for name in PROFILES}
    unseen: dict[str, list[str]] = {name: [] for name in PROFILES}
    had = set()
    for verdict in verdicts:
        by_profile[profile_of(verdict.test)].append(verdict)
        had.add(verdict.test)
    for test in sorted(set(expected) - had):
        unseen[profile_of(test)].append(test)
    found = []
    for name in PROFILES:
        capability, value = NEEDS.get(name, ("", None))
        declared = capabilities.get(capability, value) == value
        found.append(_judge(name, by_profile[name], tuple(unseen[name]), declared=declared))
    return found


def _judge(name: str, verdicts: list[Verdict], unseen: tuple[str, ...], *, declared: bool) -> Profile:
    counts = {outcome: sum(verdict.outcome is outcome for verdict in verdicts) for outcome in Outcome}
    judged = sum(count for outcome, count in counts.items() if outcome.judged)
    if not judged or not (declared or counts[Outcome.FAILED]):
        result = Result.NOT_RUN
    elif unseen or any(count for outcome, count in counts.items() if not outcome.good):
        result = Result.PARTIAL
    else:
        result = Result.CONFORMANT
    return Profile(name=name, result=result, counts=counts, unseen=unseen)
