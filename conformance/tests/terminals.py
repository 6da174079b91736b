"""A terminal at which a test types, and reads the screen."""

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from broken.judging import Author


def environment(home: Author, **more: str) -> dict[str, str]:
    """Of a user who has a shell and no start-up files."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(home.home), "TMPDIR": str(home.temporary), "SHELL": "/bin/sh"}
    return kept | {"TERM": "dumb"} | more


class Terminal:
    """A terminal at which a command runs."""

    def __init__(self, command: list[str], home: Author, shell: str) -> None:
        self.descriptor, theirs = os.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=home.home,
            env=environment(home, SHELL=shell),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        """Type a text; what has been on the screen up to now is no longer looked at."""
        self.text = ""
        os.write(self.descriptor, text.encode())

    def shows(self, text: str, seconds: float = 20.0) -> None:
        """Wait until a text is on the screen."""
        end = time.monotonic() + seconds
        while text not in self.text:
            ready, _, _ = select.select([self.descriptor], [], [], max(0, end - time.monotonic()))
            try:
                read = os.read(self.descriptor, 65536) if ready else b""
            except OSError:  # everybody has left the terminal
                read = b""
            assert read, f"not shown: {text!r}, but {self.text!r}"
            self.text += read.decode()

    def hang_up(self) -> None:
        """Close the terminal, as a window is closed."""
        with suppress(OSError):
            os.close(self.descriptor)


@contextmanager
def terminal(home: Author, *command: str, shell: str = "/bin/sh") -> Iterator[Terminal]:
    made = Terminal(list(command), home, shell)
    try:
        yield made
    finally:
        made.hang_up()
        made.process.kill()
        made.process.wait()
