"""Signs of life on a terminal while a testbed boots before the first test, and ends after the last."""

import os
from contextlib import nullcontext
from threading import Timer

import pytest

from ..lab import privileged

_SECONDS = 1.0


class Patience:
    """Says what is waited for, where that takes longer than a second."""

    def __init__(self, config: pytest.Config, testbed: str) -> None:
        # While a test runs, pytest keeps what is written to standard output.
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            self._terminal = os.fdopen(os.dup(1), "w")
        self.testbed = testbed
        self._timer: Timer | None = None
        self._started = self._total = 0
        self._ending = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests."""
        self._total = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Count the tests; every worker has all of them."""
        self._total = len(ids)

    def pytest_runtest_logstart(self) -> None:
        """Wait for the first test."""
        self._started += 1
        if self._started == 1:
            self._wait(f"booting {self.testbed}; the first tests wait for it")

    def pytest_runtest_logreport(self) -> None:
        """Go on; when the last test has begun, wait for the end of what was booted."""
        if self._ending:
            return
        self._go_on()
        if self._started == self._total:
            self._ending = True
            self._wait(f"waiting for the last tests, and for {self.testbed} to end")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Wait for nothing more."""
        self._go_on()
        self._terminal.close()

    def _wait(self, what: str) -> None:
        if not privileged():  # a process that has yet to enter a user namespace may have no thread
            self._say(what)
            return
        self._timer = Timer(_SECONDS, self._say, [what])
        self._timer.daemon = True
        self._timer.start()

    def _say(self, what: str) -> None:
        self._terminal.write(f"\nvifkit: {what}\n")
        self._terminal.flush()

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None
