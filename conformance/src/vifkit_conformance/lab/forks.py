"""Processes that are copies of ours: somebody has forked, and the copy has gone on."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def forks() -> set[str]:
    """List the ids of our children that have our own command line (proc(5), children)."""
    ours = Path("/proc/self/cmdline").read_bytes()
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # the thread has just ended
            found |= set((task / "children").read_text().split())
    return {pid for pid in found if _command_line(pid) == ours}


def end(pid: str) -> None:
    """End a child."""
    with suppress(OSError):
        os.kill(int(pid), signal.SIGKILL)
        os.waitpid(int(pid), 0)


def _command_line(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""
