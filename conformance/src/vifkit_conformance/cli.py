"""The command `vifkit-conformance`: its subcommands, and the one place where errors become a line and an exit code.

Each subcommand is a module of `commands`, which imports what takes long when it is run.
"""

import signal
import sys
from typing import Any, NoReturn

import click

from vifkit import VifkitError

from .commands.lab import lab
from .commands.merge import merge
from .commands.new import new
from .commands.uml import uml

HOLDS, BAD_INPUT, UNAVAILABLE = 0, 2, 3


class _Commands(click.Group):
    """A group whose commands return their exit code, and that never shows a traceback for a known error."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except click.exceptions.Abort:
            status = 128 + signal.SIGINT
        except SystemExit:  # not standalone, click exits by itself only where its reader has left
            status = 128 + signal.SIGPIPE
        except click.ClickException as error:
            status = _say(error.format_message(), BAD_INPUT)
        except VifkitError as error:
            status = _say(str(error), UNAVAILABLE)
        except OSError as error:
            status = _say(f"cannot go on: {error.strerror or error}", BAD_INPUT)
        sys.exit(status or HOLDS)


def _say(message: str, status: int) -> int:
    """Put a message on one line of standard error."""
    click.echo(f"vifkit-conformance: {' '.join(message.split())}", err=True)
    return status


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  vifkit-conformance new mine                  a driver that passes the suite, to start from
  vifkit-conformance lab                       a shell beside a private Open vSwitch with two guests
  vifkit-conformance uml                       a shell in a full kernel, where the host's lacks something
  pytest --pyargs vifkit_conformance --driver mine --vifkit-report mine
  vifkit-conformance merge mine other --into all  one matrix of two reports

Exit codes: 0 done, 2 bad usage or input, 3 this host or user cannot have a lab.""",
)
@click.version_option(package_name="vifkit-conformance", prog_name="vifkit-conformance", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> int:
    """Start a driver for vifkit, look around where the suite judges it, and join what it reports."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return BAD_INPUT
    return HOLDS


for command in (new, lab, uml, merge):
    main.add_command(command)
