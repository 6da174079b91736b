"""A test that hangs is ended and told with where it hung, and the next one gets a new lab.

pytest-timeout has the options, and says for how long; a test of the suite's has two minutes by default. Python is then
interrupted. What nothing can interrupt, such as native code that keeps the interpreter's lock, is ended some seconds
later, and the process with it: pytest-xdist names the test and starts another worker, and alone, the guard names it.
"""

import faulthandler
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Generator, Iterable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest
from pytest_timeout import get_env_settings, is_debugging

from .judging.ids import test_id

DEFAULT_SECONDS = 120.0
"""Six times what the longest test of the suite takes, that of a guest which boots under emulation."""

_GRACE_SECONDS = 5.0
_MACHINERY = ("/_pytest/", "/pluggy/", "/pytest/", "/xdist/", "/execnet/", "<frozen runpy>", __file__)
_FRAMES_SHOWN = 8

# It reads the name of each test as it begins, and what faulthandler writes of it. End of file is the end of us.
_GUARD = """
name= stack=
while IFS= read -r line; do
    case $line in
        'begin '*) name=${line#begin } stack= ;;
        end) name= ;;
        */_pytest/*|*/pluggy/*|*/pytest/*|*/xdist/*|*/execnet/*|*frozen*) ;;
        *) stack="$stack$line
" ;;
    esac
done
[ -z "$name" ] || printf '\\n%svifkit: the process has ended during %s\\n' "$stack" "$name" >&2
"""


class Hangs:
    """The plugin of a run of the suite's tests, each of which it gives a time, unless the author has said one."""

    def __init__(self, config: pytest.Config, suite: Iterable[pytest.Item]) -> None:
        if get_env_settings(config).timeout is None:
            for item in suite:
                if item.get_closest_marker("timeout") is None:
                    item.add_marker(pytest.mark.timeout(DEFAULT_SECONDS))
        self._guard: subprocess.Popen[bytes] | None = None
        self._seconds: float | None = None
        self._hung = False
        self._has_hung = False

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool | None:
        """Set pytest-timeout's timer in its place, for a test of the suite's."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        if test_id(item) is None or settings.method != "signal" or not in_main_thread or is_debugging():
            return None
        self._seconds = settings.timeout
        item.cancel_timeout = lambda: signal.setitimer(signal.ITIMER_REAL, 0)  # type: ignore[attr-defined]  # it asks for it
        self._tell(f"begin {item.nodeid}")
        self._arm()
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let the teardown have a time of its own, as pytest takes a failed test's away; after a hang, end it all."""
        if self._seconds is not None:
            self._arm()
        try:
            return (yield)
        finally:
            if self._hung:
                self._hung = False
                # Session fixtures go with it, the lab among them: whoever asks next gets new ones.
                item.session._setupstate.teardown_exact(None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Take the timers away after the test."""
        try:
            return (yield)
        finally:
            if self._seconds is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)
                self._seconds = None
                faulthandler.cancel_dump_traceback_later()
                self._tell("end")

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """End the guard, and do not wait for ever for threads of a test that hung."""
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        if self._has_hung:
            faulthandler.dump_traceback_later(_GRACE_SECONDS, exit=True, file=sys.__stderr__ or 2)

    def rest(self) -> None:
        """Give a test that somebody looks at all the time that he needs."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()

    def _arm(self) -> None:
        assert self._seconds is not None
        signal.signal(signal.SIGALRM, self._interrupt)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        self._arm_last_resort(self._seconds)

    def _arm_last_resort(self, seconds: float) -> None:
        assert self._guard is not None and self._guard.stdin is not None
        faulthandler.dump_traceback_later(seconds + _GRACE_SECONDS, exit=True, file=self._guard.stdin)

    def _interrupt(self, _signal: int, frame: FrameType | None) -> None:
        assert self._seconds is not None
        if not self._hung:
            self._arm_last_resort(self._seconds)  # as long again, to tell of it and to clean up
        self._hung = self._has_hung = True
        pytest.fail(f"it hung: not ended within {self._seconds:g} s\n{_where(frame)}", pytrace=False)

    def _tell(self, line: str) -> None:
        if self._guard is None:
            # Between tests nothing is captured: its standard error is the user's.
            self._guard = subprocess.Popen(
                ["sh", "-c", _GUARD], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/", start_new_session=True
            )
        assert self._guard.stdin is not None
        with suppress(BrokenPipeError):  # somebody has ended it: nothing is told then
            self._guard.stdin.write(f"{line}\n".encode())
            self._guard.stdin.flush()


def _where(frame: FrameType | None) -> str:
    """Write the innermost frames, without pytest's."""
    stack = [each for each in traceback.extract_stack(frame) if not any(part in each.filename for part in _MACHINERY)]
    return "".join(traceback.format_list(stack[-_FRAMES_SHOWN:])).rstrip()
