"""The command vifkit-libvirt."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .watch.reconciler import Reconciler
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

\b
Exit codes: 0 all is in effect, or it was ended by SIGTERM or SIGINT; 1 something is not in effect (--once);
2 bad usage; 3 libvirt or Open vSwitch is unavailable. When it starts both must be there; later it waits
for them to come back."""
)
@click.argument("uris", metavar="[URI]...", nargs=-1)
@click.option("--once", "only_once", is_flag=True, help="Bring all in line once, and end.")
@click.option(
    "--audit",
    "audit_seconds",
    metavar="SECONDS",
    type=click.IntRange(min=1, max=86_400),
    default=60,
    show_default=True,
    help="How often all is held against the kernel, for what nobody tells.",
)
@click.option("--json", "as_json", is_flag=True, help="Say each thing as one JSON object a line.")
@click.pass_context
def watch(context: click.Context, uris: tuple[str, ...], only_once: bool, audit_seconds: int, as_json: bool) -> None:
    """Keep every domain's bandwidth in effect, whoever starts, stops or changes it; delete what libvirt leaks.

    URI is qemu:///system by default, and has the parameters of vifkit's drivers: db=, netns=, socket=, readonly=on.
    """
    from vifkit import ConnectError, VifkitError

    from .watch.service import AWAY, Wakeup, once, run
    from .watch.telling import Json, Lines

    teller = Json() if as_json else Lines()
    wakeup = Wakeup()
    try:
        reconciler = _open(uris or DEFAULT_URIS, wakeup)
    except (VifkitError, LookupError, ValueError) as error:
        click.echo(f"vifkit-libvirt: {' '.join(str(error).split())}", err=True)
        context.exit(UNAVAILABLE if isinstance(error, ConnectError) else BAD_INPUT)
    with ExitStack() as stack:
        stack.callback(reconciler.close)
        if not only_once:
            run(reconciler, wakeup, teller, audit_seconds=audit_seconds)
        wrong = once(reconciler, teller)
        context.exit(UNAVAILABLE if wrong & AWAY else DIFFERS if wrong else HOLDS)


def _open(uris: tuple[str, ...], wakeup: "Wakeup") -> "Reconciler":
    """Connect to all. Raises ConnectError; LookupError, ValueError for what is no libvirt that can be watched."""
    from urllib.parse import urlsplit

    import vifkit

    from .connection import LibvirtConnection
    from .driver import LibvirtDriver
    from .watch.reconciler import Reconciler
    from .watch.source import Source

    with ExitStack() as stack:
        sources, shapers = [], []
        for uri in dict.fromkeys(uris):
            # Not by `vifkit.connect`: what is no libvirt is not even opened.
            driver = vifkit.driver(urlsplit(uri).scheme.partition("+")[0])
            if not isinstance(driver, LibvirtDriver):
                raise ValueError(f"{uri}: this is no libvirt")
            connection = stack.enter_context(driver.open(uri))
            assert isinstance(connection, LibvirtConnection)
            if connection.shaper is None:
                why = "with repair=off" if driver.switched else "where no vif is on Open vSwitch"
                raise ValueError(f"{uri}: {why} there is nothing to do")
            sources.append(Source(uri, connection, wakeup))
            shapers.append(connection.shaper)
        if len({(shaper.switch.db, shaper.netns) for shaper in shapers}) > 1:
            raise ValueError("these URIs are not beside one Open vSwitch: run a watch for each")
        stack.pop_all()
    return Reconciler(sources, shapers[0])
