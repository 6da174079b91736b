"""Somebody else may change a domain between a look at it and what is done then; what is done begins with a new look."""

from collections.abc import Callable
from typing import TypeVar

from vifkit import BackendError

TRIES = 5
"""How often something is tried in all, where each time somebody else was quicker."""
_Result = TypeVar("_Result")


class OvertakenError(BackendError):
    """What was looked at is not so any more, and nothing was done: it was changed, removed, started or ended."""


def afresh(verb: Callable[[], _Result]) -> _Result:
    """Do what begins with a look, and again where somebody else was quicker; the look says then what has changed.

    Raises BackendError where others were quicker each time.
    """
    for left in reversed(range(TRIES)):
        try:
            return verb()
        except OvertakenError as error:
            if not left:
                raise BackendError(f"somebody else was quicker each time, and nothing was done: {error}") from error
    raise AssertionError
