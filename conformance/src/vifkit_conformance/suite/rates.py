"""Rates as they are judged: a limit holds always, and what is promised is reached by a host that has the time."""

import math
from collections.abc import Callable

_ATTEMPTS = 8


def reached(measured_bps: Callable[[], float], least_bps: float, most_bps: float = math.inf) -> float:
    """Give the first of eight rates, in bits/s, that is within these bounds, or else the last.

    A host that is busy for longer than a burst lasts lets tokens go by; one that lets through too much does so at once.
    So `most_bps` is for traffic that nothing is to limit: a sender that was held up makes up for it later.
    """
    for _ in range(_ATTEMPTS):
        rate = measured_bps()
        if least_bps <= rate <= most_bps:
            break
    return rate
