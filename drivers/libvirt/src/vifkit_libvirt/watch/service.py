"""The loop: waits for libvirt and Open vSwitch to say something, and acts when it is time."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from vifkit import SwitchUnavailableError

from .pacing import Pacing
from .reconciler import Reconciler, Report

RETRY_SECONDS = 1.0


class Wakeup:
    """Lets another thread, or a signal, end a wait."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __call__(self) -> None:
        """End the wait."""
        with suppress(BlockingIOError, OSError):
            os.write(self._writer, b"!")

    def fileno(self) -> int:
        """Give what becomes readable."""
        return self._reader

    def clear(self) -> None:
        """Forget the calls so far."""
        with suppress(BlockingIOError):
            os.read(self._reader, 1 << 16)

    def close(self) -> None:
        """Close both ends."""
        os.close(self._reader)
        os.close(self._writer)


def run(reconciler: Reconciler, wakeup: Wakeup, told: Callable[[Report], None], *, audit_seconds: float) -> None:
    """Keep going until SIGTERM or SIGINT; `told` gets what each pass has done.

    Every `audit_seconds` everything is held against the kernel, for what nobody has told.
    """
    ending = False

    def end(*_: object) -> None:
        nonlocal ending
        ending = True
        wakeup()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    pacing = Pacing()
    audit, retry = time.monotonic() + audit_seconds, float("inf")
    down: set[str] = set()
    try:
        while not ending:
            descriptor, count, troubles = _notice(reconciler)
            told(Report(troubles=sorted(troubles - down)))
            down = troubles
            now = time.monotonic()
            if count:
                pacing.changed(now, count)
            due = pacing.wait(now)
            if due == 0.0 or now >= min(audit, retry):
                pacing.acted(now)
                report = reconciler.act(everything=now >= audit)
                told(report)
                audit = now + audit_seconds if now >= audit else audit
                retry = now + RETRY_SECONDS if report.retry else float("inf")
                continue
            moments = [audit, retry, now + due if due is not None else audit, now + RETRY_SECONDS if down else audit]
            _wait(wakeup, descriptor, min(moments) - now)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _notice(reconciler: Reconciler) -> tuple[int | None, int, set[str]]:
    """Look at Open vSwitch and libvirt: a descriptor to wait for, what to look at, and who is not answering."""
    troubles = {
        f"{source.uri}: libvirt is not answering; trying again" for source in reconciler.sources if not source.alive()
    }
    try:
        count = reconciler.notice()
        return reconciler.switch().fileno(), count, troubles
    except SwitchUnavailableError as error:
        return None, 0, troubles | {f"{error}; trying again"}


def _wait(wakeup: Wakeup, descriptor: int | None, seconds: float) -> None:
    """Wait until libvirt or Open vSwitch says something."""
    with selectors.DefaultSelector() as selector:
        selector.register(wakeup, selectors.EVENT_READ)
        if descriptor is not None:
            selector.register(descriptor, selectors.EVENT_READ)
        selector.select(max(0.0, seconds))
    wakeup.clear()


def notify_ready() -> None:
    """Tell systemd that we are up, where it asks for that (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened, suppress(OSError):
            opened.connect("\0" + address[1:] if address.startswith("@") else address)
            opened.send(b"READY=1")
