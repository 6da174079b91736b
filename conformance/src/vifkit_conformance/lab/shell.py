"""A command, or a person's shell, where a lab is; what they start ends with them."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from . import first
from .command import mortal

if TYPE_CHECKING:
    from .lab import Lab

# bash reads this instead of the user's own, which may set PATH and the prompt.
_BASHRC = """\
[ ! -r ~/.bashrc ] || . ~/.bashrc
PATH={bin}:$PATH
PS1="(lab) $PS1"
"""


def run_in(made: "Lab", command: Sequence[str] = (), *, welcome: str) -> int:
    """Run a command, or else the user's shell, in the switch's namespace, and return its exit code.

    A shell on a terminal says `welcome` first. Programs in `bin` of the lab's directory are found there.
    """
    terminal = not command and sys.stdout.isatty() and sys.stdin.isatty() and os.tcgetpgrp(0) == os.getpgrp()
    # What the command has started in the background ends with the PID namespace, whoever is killed.
    argv = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--", sys.executable, "-I", first.__file__]
    argv += ["--terminal"] if terminal else []
    argv += command or _shell(made, welcome, terminal=terminal)
    theirs = signal.signal(signal.SIGINT, lambda *_: None)  # it is for the command
    try:
        status = subprocess.Popen(mortal(made.host.command(argv)), env=_environment(made)).wait()
    finally:
        signal.signal(signal.SIGINT, theirs)
        if terminal:  # also if the shell, whose it was, has been killed
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            with suppress(OSError):  # it may be gone
                os.tcsetpgrp(0, os.getpgrp())
    return status if status >= 0 else 128 - status


def _shell(made: "Lab", welcome: str, *, terminal: bool) -> Sequence[str]:
    """Return the user's shell; on a terminal it says where one is."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    if not terminal:
        return [shell]
    sys.stdout.write(f"{welcome}\n")
    sys.stdout.flush()
    if Path(shell).name != "bash":
        return [shell]
    file = made.directory / "bashrc"
    file.write_text(_BASHRC.format(bin=made.directory / "bin"), encoding="utf-8")
    return [shell, "--rcfile", str(file)]


def _environment(made: "Lab") -> dict[str, str]:
    """Return the environment in which tools find this Open vSwitch, and the shell finds them."""
    paths = (os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts"), "/usr/local/sbin:/usr/sbin:/sbin")
    ours = {"PATH": ":".join((f"{made.directory}/bin", *paths)), "NETQOS_DB": made.ovs.db, "PS1": "(lab) $ "}
    theirs = {key: value for key, value in made.ovs.env.items() if key != "NETQOS_NETNS"}
    return theirs | ours
