"""Commands that do not outlive who runs them."""

import os
import subprocess
from collections.abc import Mapping, Sequence

from .binaries import binary
from .errors import CommandError, LabError

# The signal is asked for after the fork. A parent that died before that is recognised by its id.
_UNLESS_ORPHANED = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'


def mortal(argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv`, and that the kernel kills when the thread that starts it ends.

    It keeps one process id all along (PR_SET_PDEATHSIG, prctl(2)). Raises `LabUnavailableError` if the
    program is not installed.
    """
    guard = ["sh", "-c", _UNLESS_ORPHANED, "sh", str(os.getpid())]
    return [binary("setpriv"), "--pdeathsig", "KILL", *guard, binary(argv[0]), *argv[1:]]


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, seconds: float = 30.0) -> str:
    """Return what a command wrote to its standard output.

    Raises `CommandError` if its status is not zero, `LabUnavailableError` if it is not installed, and
    `LabError` if it takes longer than `seconds`.
    """
    try:
        ended = subprocess.run(
            mortal(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=env,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv)}: not ended after {seconds:g} s") from error
    if ended.returncode:
        raise CommandError(argv, ended.returncode, ended.stderr)
    return ended.stdout
