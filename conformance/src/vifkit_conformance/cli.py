"""The command `vifkit-conformance`, and the one place where its errors become a line and an exit code."""

import signal
import sys
from typing import Any, NoReturn

import click

from .report.command import merge

DONE, BAD_INPUT = 0, 2


class _Commands(click.Group):
    """A group that never shows a traceback for a known error."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except click.exceptions.Abort:
            status = 128 + signal.SIGINT
        except click.ClickException as error:
            status = _say(error.format_message())
        except OSError as error:
            status = _say(f"cannot go on: {error.strerror or error}")
        sys.exit(status or DONE)


def _say(message: str) -> int:
    """Put a message on one line of standard error."""
    click.echo(f"vifkit-conformance: {' '.join(message.split())}", err=True)
    return BAD_INPUT


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 2 bad usage or input.",
)
@click.version_option(package_name="vifkit-conformance", prog_name="vifkit-conformance", message="%(prog)s %(version)s")
def main() -> None:
    """Work with what the suite writes."""


main.add_command(merge)
