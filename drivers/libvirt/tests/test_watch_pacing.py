"""When the service acts: at once in calm, together in a storm, and never too late."""

from itertools import accumulate, count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vifkit_libvirt.watch.pacing import Pacing

CALM, STORM = 0.05, 2.0
"""Seconds that a change waits for others, in calm and in a storm."""


def acts(changes: list[float], act_seconds: float = 0.1) -> list[float]:
    """Run the service's loop on the moments of changes, and give the moments at which it acts."""
    pacing, acted, now, left = Pacing(), [], 0.0, list(changes)
    while left or pacing.wait(now) is not None:
        while left and left[0] <= now:
            pacing.changed(now)
            left.pop(0)
        wait = pacing.wait(now)
        if wait == 0:
            pacing.acted()
            acted.append(now)
            now += act_seconds
        else:
            now = min([*left[:1], *([] if wait is None else [now + wait])])
    return acted


def test_where_nothing_changed_there_is_nothing_to_wait_for() -> None:
    assert Pacing().wait(1.0) is None


def test_a_lone_change_is_acted_on_as_soon_as_it_has_settled() -> None:
    assert acts([100.0]) == [pytest.approx(100.0 + CALM)]


def test_ten_changes_in_ten_seconds_are_each_acted_on_at_once() -> None:
    changes = [100.0 + number for number in range(60)]
    assert acts(changes) == pytest.approx([each + CALM for each in changes])


def test_what_belongs_together_is_acted_on_together() -> None:
    assert acts([100.0, 100.03, 100.07]) == [pytest.approx(100.07 + CALM)]


def test_in_calm_changes_without_a_pause_are_acted_on_after_a_quarter_of_a_second() -> None:
    assert acts([100.0 + 0.04 * number for number in range(9)])[0] == pytest.approx(100.25)


def test_two_hundred_changes_at_one_moment_are_acted_on_once_and_within_two_seconds() -> None:
    assert acts([100.0] * 200) == [pytest.approx(102.0)]


@pytest.mark.parametrize(("a_second", "at_most"), [(100, 2), (25, 4), (10, 11), (4, 17), (3, 19)])
def test_a_storm_of_two_hundred_is_gathered_and_its_last_is_not_late(a_second: float, at_most: int) -> None:
    changes = [100.0 + number / a_second for number in range(200)]
    acted = acts(changes)
    assert len(acted) <= at_most
    assert acted[-1] <= changes[-1] + STORM + 0.1


def test_a_storm_without_an_end_is_acted_on_every_eight_seconds() -> None:
    acted = acts([100.0 + number / 100 for number in range(6000)])
    gaps = [after - before for before, after in pairwise(acted[1:])]
    assert max(gaps) == pytest.approx(8.0, abs=0.2)


def test_after_a_storm_a_lone_change_is_acted_on_at_once_again() -> None:
    assert acts([100.0] * 50 + [115.0])[-1] == pytest.approx(115.0 + CALM)


def test_a_pass_that_took_long_does_not_hold_up_what_came_meanwhile() -> None:
    assert acts([100.0, 101.0], act_seconds=30.0) == pytest.approx([100.05, 130.1])


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 30))
def test_no_change_ever_waits_longer_than_eight_seconds(gaps: list[float], together: int) -> None:
    changes = [moment for moment in accumulate(gaps) for _ in range(together)]
    acted = acts(changes, act_seconds=0.0)
    for change in changes:
        assert change <= next(moment for moment in acted if moment >= change) <= change + 8.0 + 1e-6


def test_many_changes_counted_at_once_are_a_storm() -> None:
    pacing, clock = Pacing(), count(100)
    pacing.changed(next(clock), 1000)
    assert pacing.wait(100) == 2.0
