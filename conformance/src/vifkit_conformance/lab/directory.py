"""A run directory that is removed even if its owner is killed."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from .errors import LabError

# The janitor reads nothing: end of file is what it waits for. What is mounted in the directory, such as the pin
# of a namespace, is held by the janitor's own mount namespace if by nobody else. What still writes may make the
# first attempt fail; it dies with the owner, a moment later.
_JANITOR = """
read -r _
while read -r _ _ _ _ at _; do
    case $at in "$1"/*) umount -l -- "$(printf %b "$at")" ;; esac
done </proc/self/mountinfo
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
"""

_LONGEST = 107 - len("/fifteen-letters.snoop")  # unix(7); a bridge's name is in its socket's


class RunDirectory:
    """A new directory, mode 0700, in TMPDIR or /tmp.

    A process of its own session, the janitor, holds the other end of a pipe. When that closes, because
    `close` was called or because the owner is gone, it removes the directory. Raises `LabError` if there
    can be none.
    """

    def __init__(self) -> None:
        # Not to be guessed, as /tmp is everybody's. Not `tempfile`'s choice, as that tries out a file first,
        # which stays if we are killed just then.
        parent = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108  a directory of our own in it, mode 0700
        self.path = Path(parent, f"vifkit-{os.urandom(6).hex()}")
        if len(str(self.path)) > _LONGEST:
            raise LabError(f"sockets in {self.path} would have too long a name: set TMPDIR to a shorter path")
        # The janitor comes first: no moment is left in which the directory has none.
        self._janitor = subprocess.Popen(
            ["sh", "-c", _JANITOR, "vifkit-janitor", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        try:
            self.path.mkdir(mode=0o700)
        except OSError as error:
            self.close()
            raise LabError(f"cannot make a run directory: {error}") from error

    @property
    def janitor_pid(self) -> int:
        """The janitor's process id."""
        return self._janitor.pid

    def close(self) -> None:
        """Remove the directory and end the janitor; may be called again."""
        if self._janitor.poll() is None:
            # A line, as a process that a driver has forked may hold the pipe, and would keep it open.
            self._janitor.communicate(b"\n")
        shutil.rmtree(self.path, ignore_errors=True)  # where somebody has killed the janitor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
