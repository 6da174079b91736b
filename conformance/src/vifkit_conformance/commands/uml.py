"""`vifkit-conformance uml`: a shell, or one command, in a full kernel."""

from pathlib import Path

import click


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Examples:
  vifkit-conformance uml
  vifkit-conformance uml -- vifkit-conformance lab
  vifkit-conformance uml --window out --time-limit 600 -- pytest tests --junit-xml out/junit.xml
  pytest --pyargs vifkit_conformance --driver mine --lab uml     the same for the suite

Exit codes: that of the shell or of COMMAND; 124 the time limit was reached, 2 bad usage,
3 this host or user cannot have such a kernel, or it failed.""",
)
@click.option(
    "--window",
    "windows",
    multiple=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder where what is written stays; made if it is not there, and may be repeated.",
)
@click.option("--memory", default=2048, show_default=True, metavar="MIB", type=click.IntRange(64), help="Its memory.")
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="End it, with all that runs there, after so long.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND]...")
def uml(windows: tuple[Path, ...], memory: int, time_limit: float | None, command: tuple[str, ...]) -> int:
    """Open a shell, or run COMMAND, in a full kernel: user-mode Linux on the files of this host.

    It has what the host's own kernel may lack: Open vSwitch's datapath, policing, and every qdisc. Whoever starts it
    is root there. All files can be read; what is written is lost at the end, but in the windows. COMMAND has no
    network but its own, and no input unless this is a terminal.
    """
    import os

    from vifkit_conformance.uml import LIMIT_REACHED, Machine

    for window in windows:
        window.mkdir(parents=True, exist_ok=True)
    machine = Machine(windows=windows, memory=memory, seconds=time_limit)
    status = machine.run(command or [os.environ.get("SHELL") or "/bin/sh"])
    if status == LIMIT_REACHED and time_limit is not None:
        click.echo(f"vifkit-conformance: after {time_limit:g} s the full kernel was ended, with its command", err=True)
    return status
