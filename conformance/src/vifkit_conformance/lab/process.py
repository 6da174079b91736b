"""A daemon that ends with the process that started it, however that ends."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from .command import mortal
from .errors import LabError
from .namespace import Namespace
from .waiting import until

_LINES_SHOWN = 5


class Daemon:
    """A running program with a log; made by `spawn`, and ended by `stop`, `kill` or a `with` block."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._asked = False

    @property
    def pid(self) -> int:
        """The id of the program itself, not of a wrapper."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def died(self) -> bool:
        """Whether it has ended, and nobody has asked it to by `stop` or `kill`."""
        return not self.alive and not self._asked

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
        """Wait until a condition holds; `what` names it.

        Raises `LabError` with the end of the log if the daemon dies before, or after `seconds`.
        """
        try:
            until(lambda: not self.alive or condition(), f"{self.name}: {what}", seconds)
        except LabError as error:
            raise LabError(f"{error}; {self._last_words()}") from error
        if not self.alive:
            raise LabError(f"{self.name} ended with status {self._process.returncode}; {self._last_words()}")

    def stop(self, seconds: float = 5.0) -> None:
        """Ask the daemon to end, and kill it if it has not after `seconds`; may be called again."""
        self._asked = True
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the daemon without its consent; may be called again."""
        self._asked = True
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_LINES_SHOWN:]
        return f"the end of {self.log.name}:\n" + ("\n".join(lines) or "(empty)")


def spawn(
    argv: Sequence[str], log: Path, namespace: Namespace | None = None, env: Mapping[str, str] | None = None
) -> Daemon:
    """Start a program in the foreground that the kernel kills when the calling *thread* ends.

    So call it from the main thread, or from one that lives as long as the lab. The program's output is
    appended to `log`. It runs where `log` is, so that a core file goes with the log. Raises
    `LabUnavailableError` if the program is not installed.
    """
    command = namespace.command(argv) if namespace else argv
    with log.open("ab") as output:
        process = subprocess.Popen(
            mortal(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=log.parent,
            start_new_session=True,  # Ctrl-C is for the owner, which then ends the lab in order
        )
    return Daemon(Path(argv[0]).name, process, log)
