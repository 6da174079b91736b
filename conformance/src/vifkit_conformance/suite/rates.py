"""Rates as they are judged: a limit holds always, and what is promised is reached by a host that has the time."""

from collections.abc import Callable

from vifkit_conformance.lab import Measurement

_ATTEMPTS = 3


def reached(measured: Callable[[], Measurement], wanted_bps: float, *, after: float, rel: float = 0.05) -> float:
    """Give a rate, in bits/s, of the first of three measurements that is not short of what is wanted, or else the last.

    A host that is busy for longer than a burst lasts lets tokens go by; one that lets through too much does so at once.
    """
    for _ in range(_ATTEMPTS):
        rate = measured().rate_bps(after=after)
        if rate >= wanted_bps * (1 - rel):
            break
    return rate
