"""One command in a full kernel of its own, which ends with it."""

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from ..lab.command import mortal
from ..lab.directory import RunDirectory
from .errors import UmlError
from .installed import find, memory_place

INSIDE = "VIFKIT_UML"
"""The environment variable that holds the kernel's version inside one."""
LIMIT_REACHED = 124  # as timeout(1) has it
_INIT = Path(__file__).with_name("init.sh")

# It reads nothing: end of file is what it waits for. The kernel leads a session and a group of its own.
_JANITOR = 'read -r _; kill -s KILL -- "-$1"'


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A full kernel on the host's files: all can be read, and what is written is lost, but in `windows`.

    `memory` is in MiB, `seconds` the longest time that a command may take.
    """

    windows: Sequence[Path] = ()
    memory: int = 2048
    seconds: float | None = None

    def run(self, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
        """Run a command as root of the full kernel, in our folder, and return its exit status.

        It has our terminal if we have one, else our output and an empty input. LIMIT_REACHED says that it took too
        long. Raises LabUnavailableError where the host cannot have such a kernel, and UmlError if that fails.
        """
        kernel = find()
        place = memory_place(self.memory)
        terminal = all(os.isatty(number) for number in (0, 1, 2))
        with ExitStack() as stack:
            job = stack.enter_context(RunDirectory()).path
            _write(job, argv, {**(environment or os.environ), INSIDE: kernel.version}, self.windows, terminal=terminal)
            log = stack.enter_context((job / "console").open("wb"))
            if terminal:
                stack.callback(termios.tcsetattr, 0, termios.TCSADRAIN, termios.tcgetattr(0))
            command = [
                kernel.program,
                *(f"mem={self.memory}M", "root=none", "rootfstype=hostfs", "rootflags=/", "ro", "quiet"),
                *(f"init={_INIT}", f"job={job}", f"modules={kernel.modules}", f"uml_dir={job}/uml"),
                *("con=null", f"con0=null,fd:{log.fileno()}"),
                *(f"ssl0={'fd:0' if terminal else 'null'},fd:1", "ssl1=null,fd:2"),
            ]
            sys.stdout.flush()
            process = subprocess.Popen(
                mortal(command),
                stdin=None if terminal else subprocess.DEVNULL,
                pass_fds=[log.fileno()],
                env={**os.environ, "TMPDIR": str(place)},
                cwd="/",
                start_new_session=True,
            )
            stack.callback(process.wait)
            stack.enter_context(_janitor(process.pid))
            # One processor, and always the same: two cost it most of its time.
            os.sched_setaffinity(process.pid, {random.choice(sorted(os.sched_getaffinity(0)))})  # noqa: S311
            try:
                process.wait(self.seconds)
            except subprocess.TimeoutExpired:
                return LIMIT_REACHED
            return _status(job, process.returncode)


def _write(
    job: Path, argv: Sequence[str], environment: Mapping[str, str], windows: Sequence[Path], *, terminal: bool
) -> None:
    """Write what init.sh reads. Raises UmlError."""
    for path in (_INIT, job):
        if re.search(r"\s", str(path)):
            raise UmlError(f"a kernel's command line cannot name {str(path)!r}, for its spaces")
    (job / "memory").mkdir()
    (job / "uml").mkdir()
    names = [name for name in environment if name.isidentifier()]
    lines = [f"export {name}={shlex.quote(environment[name])}" for name in names]
    lines += [f"cd {shlex.quote(str(Path.cwd()))} || exit 126", f"exec {shlex.join(argv)}"]
    (job / "command").write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    found = [window.resolve() for window in windows]
    (job / "windows").write_text("".join(f"{window}\n" for window in found), encoding="utf-8", errors="surrogateescape")
    if terminal:
        size = os.get_terminal_size()
        (job / "terminal").write_text(f"{size.lines} {size.columns}\n", encoding="ascii")


def _status(job: Path, ended: int) -> int:
    """Read the command's status, or say what ended the kernel before it. Raises UmlError."""
    with suppress(OSError, ValueError):
        return int((job / "status").read_text(encoding="ascii"))
    with suppress(OSError):
        raise UmlError(
            f"the full kernel cannot begin: {' '.join((job / 'failed').read_text(errors='replace').split())}"
        )
    lines = [line.strip() for line in (job / "console").read_text(errors="replace").splitlines() if line.strip()]
    panics = [line for line in lines if line.startswith("Kernel panic")]
    last = (panics or lines or ["it said nothing"])[-1]
    how = f"was ended by {signal.Signals(-ended).name}" if ended < 0 else f"ended with status {ended}"
    raise UmlError(f"the full kernel {how} before its command did: {last}")


def _janitor(pid: int) -> "subprocess.Popen[bytes]":
    """Start what ends the kernel with all its processes when we leave, however that is."""
    return subprocess.Popen(
        ["sh", "-c", _JANITOR, "vifkit-janitor", str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
