"""Waiting is bounded, and begins without a pause."""

import time

from vifkit_base.waiting import moments


def test_the_first_moment_is_now() -> None:
    began = time.monotonic()
    for _ in moments(10):
        break
    assert time.monotonic() - began < 0.5


def test_there_is_one_moment_at_least() -> None:
    assert len(list(moments(0))) == 1


def test_pauses_double_up_to_the_longest_and_there_is_a_last_moment() -> None:
    began = time.monotonic()
    seen = [time.monotonic() - began for _ in moments(0.3, 0.08)]
    assert 0.3 <= seen[-1] < 1.5
    assert seen[1] >= 0.02
    assert 3 <= len(seen) <= 6
