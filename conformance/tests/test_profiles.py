"""A profile is conformant only where all of it that applies was judged, and held."""

import pytest

from vifkit_conformance.judging.ids import functions, module_of
from vifkit_conformance.judging.profiles import PROFILES, profile_of, results
from vifkit_conformance.judging.verdicts import Outcome, Verdict, settle

ADD = "test_hotplug.py::test_a_vif_is_added"
TAKE = "test_hotplug.py::test_a_vif_is_taken"


def result(outcomes: dict[str, Outcome], expected: tuple[str, ...] = (), **capabilities: object) -> str:
    verdicts = [Verdict(test=test, outcome=outcome) for test, outcome in outcomes.items()]
    (found,) = [each for each in results(verdicts, expected, capabilities) if each.name == "hotplug"]
    return found.result.value


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (Outcome.HELD, "conformant"),
        (Outcome.REFUSED, "conformant"),
        (Outcome.INAPPLICABLE, "conformant"),
        (Outcome.FAILED, "partial"),
        (Outcome.EXPECTED, "partial"),
        (Outcome.NOT_JUDGED, "partial"),
    ],
)
def test_one_test_that_does_not_hold_makes_a_profile_partial(other: Outcome, says: str) -> None:
    assert result({ADD: Outcome.HELD, TAKE: other}) == says


def test_a_test_that_was_not_selected_makes_a_profile_partial() -> None:
    assert result({ADD: Outcome.HELD}, expected=(ADD, TAKE)) == "partial"
    assert result({ADD: Outcome.HELD, TAKE: Outcome.HELD}, expected=(ADD, TAKE)) == "conformant"


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.INAPPLICABLE, Outcome.NOT_JUDGED])
def test_a_profile_of_which_nothing_was_judged_was_not_run(outcome: Outcome) -> None:
    assert result({ADD: outcome, TAKE: outcome}) == "not run"
    assert result({}, expected=(ADD,)) == "not run"


def test_a_profile_of_what_the_driver_does_not_declare_was_not_run() -> None:
    assert result({ADD: Outcome.HELD}, hotplug=False) == "not run"
    assert result({ADD: Outcome.HELD}, hotplug=True) == "conformant"


def test_every_test_of_the_suite_is_in_one_profile() -> None:
    modules = [module for each in PROFILES.values() for module in each]
    assert len(modules) == len(set(modules))
    assert {module_of(test) for test in functions()} == set(modules)
    with pytest.raises(LookupError, match=r"test_nothing\.py::test_x is in no profile"):
        profile_of("test_nothing.py::test_x")


def test_what_is_undeclared_was_refused_only_where_a_test_saw_that() -> None:
    asks = Verdict(test=ADD, outcome=Outcome.REFUSED, evidence=[{"kind": "undeclared", "capability": "outbound"}])
    sees = Verdict(test=TAKE, outcome=Outcome.HELD, evidence=[{"kind": "refused", "capability": "outbound"}])
    other = Verdict(test=TAKE, outcome=Outcome.HELD, evidence=[{"kind": "refused", "capability": "floor"}])
    failed = Verdict(test=TAKE, outcome=Outcome.FAILED, evidence=[{"kind": "refused", "capability": "outbound"}])
    assert settle([asks, sees])[0].outcome is Outcome.REFUSED
    assert settle([asks, other])[0].outcome is Outcome.NOT_JUDGED
    assert settle([asks, failed])[0].outcome is Outcome.NOT_JUDGED
