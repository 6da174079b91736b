"""When to act on changes. Pure: the clock is given."""

from collections import deque

CALM_CHANGES, WINDOW_SECONDS = 10, 10.0
"""So many changes within this time are calm; more are a storm."""
SETTLE_SECONDS, LATEST_SECONDS = 0.05, 0.25
"""In calm, what belongs together comes within the first: libvirt runs ovs-vsctl up to four times for one vif."""
QUIET_SECONDS, LONGEST_SECONDS = 2.0, 8.0
"""A storm is over when nothing has changed for the first; none waits longer than the second."""


class Pacing:
    """Says how long to wait before acting on what has changed.

    ovs-vswitchd walks all ports at every transaction. In calm a change is acted on as soon as it has settled. In
    a storm, as when a host starts its domains, changes are gathered: 200 domains that start within a minute cost
    at most 10 transactions and one for each LONGEST_SECONDS. Seconds are those of one monotonic clock.
    """

    def __init__(self) -> None:
        self._changes: deque[float] = deque(maxlen=CALM_CHANGES + 1)
        self._first: float | None = None
        self._last = 0.0

    def changed(self, now: float, count: int = 1) -> None:
        """Note that so many domains or rows changed."""
        self._changes.extend([now] * min(count, CALM_CHANGES + 1))
        self._last = now
        if self._first is None:
            self._first = now

    def acted(self) -> None:
        """Note that all that had changed is acted on."""
        self._first = None

    def wait(self, now: float) -> float | None:
        """Give the seconds until it is time to act; None where nothing has changed."""
        if self._first is None:
            return None
        storm = len(self._changes) > CALM_CHANGES and self._changes[0] > now - WINDOW_SECONDS
        pause, longest = (QUIET_SECONDS, LONGEST_SECONDS) if storm else (SETTLE_SECONDS, LATEST_SECONDS)
        return max(0.0, min(self._last + pause, self._first + longest) - now)
