"""What is written: to standard output the answer, to standard error what is worth knowing besides."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any

import click

from netqos import CODES, Drift
from netqos.render import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.status import Status

WIDE = 4096
"""The columns of what is no terminal: nothing is wrapped that another program may read."""


def put(*renderables: "RenderableType") -> None:
    """Print, each on lines of its own: coloured and wrapped on a terminal, plain and unwrapped elsewhere."""
    from rich.console import Console

    if sys.stdout is not None and sys.stdout.isatty():
        Console(markup=False, emoji=False, highlight=False).print(*renderables, sep="\n")
        return
    console = Console(width=WIDE, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(*renderables, sep="\n")
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def put_json(document: Any) -> None:
    """Print a JSON document."""
    click.echo(json.dumps(document, indent=2))


@contextmanager
def working(message: str) -> Iterator[None]:
    """Show on standard error that there is work, after a second of it, and on a terminal only."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    shown: list[Status] = []

    def show() -> None:
        from rich.console import Console

        shown.append(Console(stderr=True).status(message))
        shown[0].start()

    timer = Timer(1, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for status in shown:
            status.stop()


def put_drifts(drifts: Iterable[Drift]) -> None:
    """Print drifts, one a line, and what concerns devices that are elsewhere in one line together."""
    elsewhere = []
    for drift in drifts:
        if drift.code == "device-missing":
            elsewhere.append(drift.where)
        else:
            click.echo(f"drift: {printable(str(drift))}")
    if elsewhere:
        said = "no such device in this network namespace, so not checked (--netns names another)"
        click.echo(f"netqos: {names(elsewhere)}: {said}", err=True)


def put_findings(findings: Iterable[Mapping[str, str]]) -> None:
    """Print findings (`port`, `code`, `message`) on standard error, each code once for all ports that it concerns."""
    found: dict[str, dict[str, str]] = {}
    for finding in findings:
        found.setdefault(finding["code"], {})[finding["port"]] = finding["message"]
    for code, messages in found.items():
        said = set(messages.values())
        meaning = said.pop() if len(said) == 1 else f"{CODES[code]} (--json has the figures)"
        click.echo(f"netqos: {names(list(messages))}: {code}: {meaning}", err=True)


def names(ports: list[str], shown: int = 5) -> str:
    """List names, and of many the first few."""
    more = f" and {len(ports) - shown} more" if len(ports) > shown else ""
    return ", ".join(printable(port) for port in ports[:shown]) + more
