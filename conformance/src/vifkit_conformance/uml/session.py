"""`--lab uml`: the same run of pytest, in a full kernel."""

import os
import sys
from pathlib import Path

import pytest

from vifkit import VifkitError

from .machine import INSIDE, LIMIT_REACHED, Machine

LONGEST = 3600.0
"""Seconds after which a run that has no `--session-timeout` is taken to hang."""
_GRACE = 60.0  # pytest ends the session by itself, and is to say so


def run(config: pytest.Config) -> int:
    """Run it, and return its exit status; what it reports comes out. Raises pytest.UsageError, in one line."""
    if config.getoption("--hosts", default=None):
        raise pytest.UsageError("--lab uml and --hosts: the suite is run in a full kernel, or looks at a host")
    windows = [folder.absolute() for folder in _folders(config)]
    limit: float | None = config.getoption("session_timeout", default=None)
    try:
        for window in windows:
            window.mkdir(parents=True, exist_ok=True)
        status = Machine(windows=windows, seconds=limit + _GRACE if limit else LONGEST).run(_command(config))
    except OSError as error:
        raise pytest.UsageError(f"--lab uml: {error.filename or ''}: {error.strerror}") from error
    except VifkitError as error:
        raise pytest.UsageError(f"--lab uml: {error}") from error
    if status == LIMIT_REACHED:
        sys.stderr.write("ERROR: the full kernel had not ended in time, and was ended, with its tests\n")
    return status


def wanted(config: pytest.Config) -> bool:
    """Tell whether this run is to go on in a full kernel, and is in none yet."""
    options = config.option
    told = options.help or options.version or options.collectonly
    return options.lab == "uml" and not told and INSIDE not in os.environ


def _folders(config: pytest.Config) -> list[Path]:
    """List where this run writes what is to stay."""
    report: Path | None = config.getoption("--vifkit-report")
    junit: str | None = config.getoption("xmlpath", default=None)
    return [*([report] if report else []), *([Path(junit).parent] if junit else [])]


def _command(config: pytest.Config) -> list[str]:
    """Give the command that the user gave, or what comes to the same where a program has called pytest."""
    given = list(config.invocation_params.args)
    ours = sys.orig_argv[1:]
    return [sys.executable, *(ours if ours[len(ours) - len(given) :] == given else ["-m", "pytest", *given])]
