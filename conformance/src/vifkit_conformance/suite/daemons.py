"""Open vSwitch's daemons, put to sleep."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Timer


@contextmanager
def asleep(pid: int, seconds: float = 0.5) -> Iterator[Event]:
    """Stop a process for a while; the event tells that it was woken."""
    woken = Event()

    def wake() -> None:
        woken.set()
        os.kill(pid, signal.SIGCONT)

    timer = Timer(seconds, wake)
    os.kill(pid, signal.SIGSTOP)
    timer.start()
    try:
        yield woken
    finally:
        timer.join()
