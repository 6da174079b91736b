"""When to act on changes. Pure: the clock is given."""

from collections import deque

SETTLE_SECONDS = 0.05
"""What belongs together comes within this: libvirt runs ovs-vsctl up to four times for one vif."""
LATEST_SECONDS = 0.25
"""Even if changes do not pause, the first of them waits no longer, outside of a storm."""
WINDOW_SECONDS = 10.0
CALM_CHANGES = 10
"""So many changes in a window are each acted on at once; more are a storm, and wait for each other."""
SECONDS_PER_CHANGE = 0.3
LONGEST_SECONDS = 8.0
QUIET_SECONDS = 0.5
"""A storm is over when nothing has changed for so long."""


class Pacing:
    """Says how long to wait before acting on what has changed.

    ovs-vswitchd walks all ports at every transaction, so when many domains start, changes are gathered: the
    more there were of late, the longer. Seconds are those of one monotonic clock.
    """

    def __init__(self) -> None:
        self._changes: deque[float] = deque()
        self._first: float | None = None
        self._acted = float("-inf")

    @property
    def pending(self) -> bool:
        """Whether anything waits."""
        return self._first is not None

    def changed(self, now: float, count: int = 1) -> None:
        """Note that domains or ports changed."""
        self._changes.extend([now] * count)
        if self._first is None:
            self._first = now

    def acted(self, now: float) -> None:
        """Note that all that had changed was acted on."""
        self._first = None
        self._acted = now

    def wait(self, now: float) -> float | None:
        """Give the seconds until it is time to act, None where nothing waits."""
        if self._first is None:
            return None
        while self._changes and self._changes[0] < now - WINDOW_SECONDS:
            self._changes.popleft()
        last = self._changes[-1] if self._changes else self._first
        gap = min(LONGEST_SECONDS, SECONDS_PER_CHANGE * max(0, len(self._changes) - CALM_CHANGES))
        settled = min(last + SETTLE_SECONDS, self._first + LATEST_SECONDS)
        return max(0.0, max(settled, min(self._acted + gap, last + QUIET_SECONDS)) - now)
