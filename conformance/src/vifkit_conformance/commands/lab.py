"""`vifkit-conformance lab`: a shell, or one command, where the suite judges: beside a private Open vSwitch."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vifkit_conformance.lab import Lab, Namespace

GUESTS = {"guest1": "192.0.2.1/24", "guest2": "192.0.2.2/24"}

_ENTER = """\
#!/bin/sh
[ $# -gt 0 ] || set -- "${{SHELL:-/bin/sh}}"
exec nsenter --net={netns} -- "$@"
"""

# bash reads this instead of the user's own, which may set PATH and the prompt.
_BASHRC = """\
[ ! -r ~/.bashrc ] || . ~/.bashrc
PATH={bin}:$PATH
PS1="(lab) $PS1"
"""

_WELCOME = """\
Open vSwitch {version}, private, with the bridge br0. It ends with this shell, as does all that is started here.

{guests}

Try:
  guest1 ping -c 3 192.0.2.2
  echo "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>" | netqos apply guest1 -
  tc class show dev guest1
"""


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Examples:
  vifkit-conformance lab
  vifkit-conformance lab -- ovs-vsctl show
  vifkit-conformance lab -- sh -c 'netqos apply guest1 limit.xml && tc class show dev guest1'
  vifkit-conformance lab -- guest1 ping -c 3 192.0.2.2

Exit codes: that of the shell or of COMMAND; 2 bad usage, 3 this host or user cannot have a lab.""",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND]...")
def lab(command: tuple[str, ...]) -> int:
    """Open a shell, or run COMMAND, beside a private Open vSwitch with two guests; all ends with it.

    The guests are network namespaces on the bridge br0, by ports of their names. `guest1 COMMAND` runs a command in
    the first, `guest1` alone a shell. ovs-vsctl and netqos speak to this Open vSwitch. Without root it is made in a
    user namespace, where the user is called root and can change nothing outside.
    """
    from vifkit_conformance.lab import (
        Lab,
        LabUnavailableError,
        enter_user_namespace,
        private_mounts,
        privileged,
        why_not,
    )

    if (reason := why_not()) is not None:
        raise LabUnavailableError(reason)
    if privileged():
        private_mounts()
    else:
        enter_user_namespace()
    with Lab() as made:
        made.bridge("br0")
        programs = made.directory / "bin"
        programs.mkdir()
        for name, address in GUESTS.items():
            _, device = made.guest(address)
            _write_entrance(programs / name, made.directory / f"{name}.ns", device.namespace)
        return _run(made, command)


def _write_entrance(program: Path, netns: Path, guest: "Namespace") -> None:
    """Write the command that runs others in a guest."""
    from vifkit_conformance.lab.command import run

    # A name of its own: the one in /proc is of our processes, and there the shell sees its own alone.
    netns.touch()
    run(["mount", "--bind", guest.path, str(netns)])
    program.write_text(_ENTER.format(netns=netns), encoding="utf-8")
    program.chmod(0o755)


def _run(made: "Lab", command: Sequence[str]) -> int:
    """Run a command, or else the user's shell, in the switch's namespace, and return its exit code."""
    from vifkit_conformance.lab import first
    from vifkit_conformance.lab.command import mortal

    terminal = not command and sys.stdout.isatty() and _in_the_foreground()
    # What the command has started in the background ends with the PID namespace, whoever is killed.
    argv = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--", sys.executable, "-I", first.__file__]
    argv += ["--terminal"] if terminal else []
    argv += command or _shell(made, terminal=terminal)
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


def _in_the_foreground() -> bool:
    return sys.stdin.isatty() and os.tcgetpgrp(0) == os.getpgrp()


def _shell(made: "Lab", *, terminal: bool) -> Sequence[str]:
    """Return the user's shell; on a terminal it says where one is."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    if not terminal:
        return [shell]
    guests = "\n".join(f"  {name}  {address}  {name} COMMAND runs there" for name, address in GUESTS.items())
    click.echo(_WELCOME.format(version=made.ovs.version, guests=guests))
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
