"""The netqos command, run and looked at."""

import sysconfig
from pathlib import Path

from click.testing import CliRunner, Result

from netqos.cli import main

NETQOS = str(Path(sysconfig.get_path("scripts"), "netqos"))
REFERENCE = '<bandwidth><inbound average="512" peak="1024" burst="32"/></bandwidth>'


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def refusal(result: Result) -> str:
    """The one line on standard error of a command that was refused and printed nothing else."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("netqos: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("netqos: ").rstrip("\n")
