"""The command vifkit-libvirt."""

import json
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .watch.reconciler import Reconciler, Report
    from .watch.service import Wakeup

HOLDS, DIFFERS, BAD_INPUT, UNAVAILABLE = 0, 1, 2, 3
DEFAULT_URIS = ("qemu:///system",)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vifkit-libvirt", prog_name="vifkit-libvirt", message="%(prog)s %(version)s")
def main() -> None:
    """Keep the bandwidths of libvirt's domains in effect on Open vSwitch."""


@main.command(
    epilog="""\b
Examples:
  vifkit-libvirt watch                                  until it is ended
  vifkit-libvirt watch qemu:///system lxc:///system     two hypervisors beside one Open vSwitch
  vifkit-libvirt watch --once                           for cron

Exit codes: 0 all is in effect, 1 something is not, 2 bad usage, 3 libvirt or the switch is unavailable."""
)
@click.argument("uris", metavar="[URI]...", nargs=-1)
@click.option("--once", is_flag=True, help="Bring everything in line once, and end.")
@click.option("--audit", "audit_seconds", metavar="SECONDS", default=60.0, show_default=True, help="How often "
              "everything is held against the kernel, for what nobody told.", type=click.FloatRange(min=1))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Say each thing as one JSON object a line.")
@click.pass_context
def watch(context: click.Context, uris: tuple[str, ...], once: bool, audit_seconds: float, as_json: bool) -> None:
    """Keep every domain's bandwidth in effect, whoever starts, stops or changes it; collect what libvirt leaks.

    URI is qemu:///system by default, with the parameters of vifkit's drivers: db=, netns=, socket=, …
    """
    from vifkit import ConnectError, VifkitError

    from .watch.service import Wakeup, notify_ready, run

    say = _say_json if as_json else _say
    with ExitStack() as stack:
        wakeup = Wakeup()
        stack.callback(wakeup.close)
        try:
            reconciler = _open(uris or DEFAULT_URIS, wakeup)
        except (VifkitError, ValueError, LookupError) as error:
            click.echo(f"vifkit-libvirt: {' '.join(str(error).split())}", err=True)
            context.exit(UNAVAILABLE if isinstance(error, ConnectError) else BAD_INPUT)
        stack.callback(reconciler.close)
        if once:
            report = reconciler.act(everything=True)
            say(report)
            context.exit(UNAVAILABLE if report.retry else DIFFERS if report.troubles else HOLDS)
        notify_ready()
        run(reconciler, wakeup, say, audit_seconds=audit_seconds)


def _open(uris: tuple[str, ...], wakeup: "Wakeup") -> "Reconciler":
    """Connect to all. Raises ConnectError, ValueError."""
    import vifkit
    from netqos.monitor import LiveSwitch

    from .connection import LibvirtConnection
    from .watch.reconciler import Reconciler
    from .watch.source import Source

    with ExitStack() as stack:
        connections = []
        for uri in uris:
            connection = stack.enter_context(vifkit.connect(uri))
            if not isinstance(connection, LibvirtConnection):
                raise ValueError(f"{uri}: this is no libvirt")
            connections.append(connection)
        addresses = [connection.session.address for connection in connections]
        if len({(address.db, address.netns) for address in addresses}) > 1:
            raise ValueError("these URIs are not beside one Open vSwitch: run one watch for each")
        sources = [Source(uri, connection, wakeup) for uri, connection in zip(uris, connections, strict=True)]
        stack.pop_all()
    return Reconciler(sources, lambda: LiveSwitch(addresses[0].db), addresses[0].netns)


def _say(report: "Report") -> None:
    """Write lines for a person, or for a journal that adds the time."""
    if report.changed:
        ports = ", ".join(report.changed[:8]) + (f" and {len(report.changed) - 8} more" if report.changed[8:] else "")
        click.echo(f"in effect: {ports} ({report.seconds * 1000:.0f} ms)")
    if report.collected:
        click.echo(f"deleted {report.collected} rows that no port led to")
    for trouble in report.troubles:
        click.echo(f"vifkit-libvirt: {trouble}", err=True)
    sys.stdout.flush()


def _say_json(report: "Report") -> None:
    """Write one object for a pass that did something."""
    if report.changed or report.collected or report.troubles or report.read:
        said = {
            "time": round(time.time(), 3),
            "changed": list(report.changed),
            "collected": report.collected,
            "read": report.read,
            "troubles": report.troubles,
            "seconds": round(report.seconds, 4),
        }
        click.echo(json.dumps(said))
        sys.stdout.flush()
