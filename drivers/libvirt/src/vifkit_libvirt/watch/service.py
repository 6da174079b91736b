"""The loop: waits for libvirt and Open vSwitch to say something, and acts when it is time."""

import os
import selectors
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import NoReturn

from .pacing import Pacing
from .reconciler import Reconciler, Report
from .telling import Teller

RETRY_SECONDS = 1.0
GRACE_SECONDS = 0.5
NEVER = float("inf")
AWAY = {"libvirt", "switch"}
"""The kinds of trouble of which the rest follows."""


class Wakeup:
    """Lets another thread end a wait. There is one for the whole life of the process."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __call__(self) -> None:
        """End the wait."""
        os.eventfd_write(self._descriptor, 1)

    def fileno(self) -> int:
        """Give what becomes readable."""
        return self._descriptor

    def clear(self) -> None:
        """Forget the calls so far."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)


def once(reconciler: Reconciler, teller: Teller) -> set[str]:
    """Bring all in line, look a second time where that may help, and give the kinds of trouble that last."""
    report = reconciler.act()
    _tell(teller, report)
    if report.retry and not reconciler.troubles.kinds() & AWAY:
        time.sleep(RETRY_SECONDS)
        _tell(teller, reconciler.act())
    return reconciler.troubles.kinds()


def _tell(teller: Teller, report: Report) -> None:
    with suppress(BrokenPipeError):  # it is done, whoever hears of it
        teller.tell(report)


def run(reconciler: Reconciler, wakeup: Wakeup, teller: Teller, *, audit_seconds: float) -> NoReturn:
    """Keep all in line until SIGTERM or SIGINT, which raise SystemExit, with 0, also in the middle of a pass.

    In each `audit_seconds` all is read once and held against the kernel, for what nobody tells.
    """
    _end_when_asked()
    pacing = Pacing()
    ready = False
    retry = time.monotonic()
    audit = retry + audit_seconds
    while True:
        count, now = reconciler.notice(), time.monotonic()
        if count:
            pacing.changed(now, count)
        wait = pacing.wait(now)
        due = min(audit, retry, NEVER if wait is None else now + wait)
        if now < due:
            _wait(wakeup, reconciler.fileno(), due - now)
            continue
        pacing.acted()
        if now < audit:
            report = reconciler.act()
        else:
            report = reconciler.audit()
            audit = time.monotonic() + audit_seconds / reconciler.shares
        teller.tell(report)
        retry = time.monotonic() + RETRY_SECONDS if report.retry else NEVER
        if not ready:
            ready = True
            teller.ready(reconciler)
            _notify_ready()


def _end_when_asked() -> None:
    """Have SIGTERM and SIGINT raise SystemExit in this thread.

    Python cannot do that while a libvirt that hangs is asked, and to close its connection would hang as well: half a
    second later the process ends all the same. What is to be in effect is kept by libvirt, and not by us.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def insist() -> None:
        os.read(reader, 1)
        time.sleep(GRACE_SECONDS)
        os._exit(0)

    threading.Thread(target=insist, name="end", daemon=True).start()
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(*_: object) -> NoReturn:
    raise SystemExit(0)


def _wait(wakeup: Wakeup, descriptor: int | None, seconds: float) -> None:
    """Wait until libvirt or Open vSwitch says something."""
    with selectors.DefaultSelector() as selector:
        selector.register(wakeup, selectors.EVENT_READ)
        if descriptor is not None:
            selector.register(descriptor, selectors.EVENT_READ)
        selector.select(seconds)
    wakeup.clear()


def _notify_ready() -> None:
    """Tell systemd that we are up, where it asks for that (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened, suppress(OSError):
            opened.connect("\0" + address[1:] if address.startswith("@") else address)
            opened.send(b"READY=1")
