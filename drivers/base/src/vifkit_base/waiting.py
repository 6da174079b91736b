"""Waiting for what a hypervisor does in its own time."""

import time
from collections.abc import Iterator


def moments(seconds: float, longest_s: float = 1.0) -> Iterator[None]:
    """Come back at once, then after pauses that double from 20 ms to the longest, until so many seconds have passed."""
    end, pause_s = time.monotonic() + seconds, 0.02
    yield
    while time.monotonic() < end:
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, longest_s)
        yield
