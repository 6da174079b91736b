"""`vifkit-conformance lab`: a shell, or one command, where the suite judges: beside a private Open vSwitch."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from vifkit_conformance.lab import Namespace

GUESTS = {"guest1": "192.0.2.1/24", "guest2": "192.0.2.2/24"}

_ENTER = """\
#!/bin/sh
[ $# -gt 0 ] || set -- "${{SHELL:-/bin/sh}}"
exec nsenter --net={netns} -- "$@"
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
    from vifkit_conformance.lab.shell import run_in

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
        guests = "\n".join(f"  {name}  {address}  {name} COMMAND runs there" for name, address in GUESTS.items())
        return run_in(made, command, welcome=_WELCOME.format(version=made.ovs.version, guests=guests))


def _write_entrance(program: Path, netns: Path, guest: "Namespace") -> None:
    """Write the command that runs others in a guest."""
    from vifkit_conformance.lab.command import run

    # A name of its own: the one in /proc is of our processes, and there the shell sees its own alone.
    netns.touch()
    run(["mount", "--bind", guest.path, str(netns)])
    program.write_text(_ENTER.format(netns=netns), encoding="utf-8")
    program.chmod(0o755)
