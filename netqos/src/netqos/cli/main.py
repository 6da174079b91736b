"""The group of commands, and the one place where errors become a line and an exit code."""

import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn, TextIO

import click

import netqos
from vifkit import ForeignQosError, InvalidBandwidthError, InvalidXmlError, PortNotFoundError, VifkitError

HOLDS, DIFFERS, BAD_INPUT, UNAVAILABLE = 0, 1, 2, 3

_INPUT_ERRORS = (InvalidXmlError, InvalidBandwidthError, PortNotFoundError, ForeignQosError)


class _Commands(click.Group):
    """A group whose commands return their exit code, and that never shows a traceback for a known error."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a name that the locale cannot write must not end the command
                stream.reconfigure(errors="backslashreplace")
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
            if sys.stdout is not None:
                sys.stdout.flush()
        except click.exceptions.Abort:
            status = 128 + signal.SIGINT
        except click.ClickException as error:
            status = _say(error.format_message(), BAD_INPUT)
        except VifkitError as error:
            status = _say(str(error), BAD_INPUT if isinstance(error, _INPUT_ERRORS) else UNAVAILABLE)
        except (BrokenPipeError, SystemExit):  # not standalone, click exits by itself for a broken pipe only
            status = _silence()
        except OSError as error:
            status = _say(f"cannot go on: {error.strerror or error}", BAD_INPUT)
            _silence()
        _let_go(sys.stderr, 2)
        sys.exit(status or HOLDS)


def _say(message: str, status: int) -> int:
    """Put a message on one line of standard error."""
    with suppress(OSError):  # where nobody can be told, the exit code has to do
        click.echo(f"netqos: {' '.join(message.split())}", err=True)
    return status


def _let_go(stream: TextIO | None, descriptor: int) -> None:
    """Write out what is buffered, or let it go: the interpreter's last flush would end in another exit code."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _silence() -> int:
    """Let nothing more be written to standard output, by the interpreter's last flush neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 128 + signal.SIGPIPE


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  netqos explain bandwidth.xml
  netqos apply vnet0 bandwidth.xml
  netqos show vnet0
  netqos verify

Exit codes: 0 all holds, 1 drift (with explain --strict: findings), 2 bad usage or input, 3 the switch is unavailable.
NETQOS_DB and NETQOS_NETNS stand for --db and --netns.""",
)
@click.version_option(netqos.__version__, prog_name="netqos", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> int:
    """See, set and check what a libvirt <bandwidth> does on an Open vSwitch port."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return BAD_INPUT
    return HOLDS
