"""`netqos show`, `netqos verify`, `netqos gc`: what there is, and what should not be."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from netqos import PortRows, render, units
from netqos.render import View, human_bytes, human_rate, printable

from .document import Document, document
from .main import DIFFERS, HOLDS, main
from .options import Host, as_json, on_host
from .output import put, put_drifts, put_json, working
from .state import look

if TYPE_CHECKING:
    from netqos.ovsdb import Leak


_TITLES = ("port", "QoS by", "min-rate", "max-rate", "tc rate", "tc ceil", "sent", "dropped", "guest sends")


@main.command(
    epilog="""\b
Examples:
  netqos show
  netqos show vnet0 vnet1
  netqos show --json --netns 4711 --db unix:/run/other/db.sock"""
)
@click.argument("ports", nargs=-1, metavar="[PORT]...")
@on_host()
@as_json
def show(host: Host, ports: tuple[str, ...], *, as_json: bool) -> int:
    """Show the rows of ports beside the kernel's classes and their counters.

    A line for each port of every bridge; for a PORT that is named, all there is.
    """
    with working("reading ports"):
        views = list(look(host, dict.fromkeys(ports) if ports else None).views())
    if as_json:
        put_json([_document(port, view) for port, view in views])
    elif ports:
        _print_details(views)
    elif views:
        _print_table(views)
    else:
        click.echo("no bridge has a port")
    return HOLDS


def _document(port: PortRows, view: View) -> Document:
    counters = {handle: asdict(counted) for handle, counted in view.counters.items()}
    return {"port": port.name, "interface": view.interface.name} | document(view) | {"counters": counters}


def _owner(port: PortRows) -> str:
    if port.qos is None:
        return ""
    if port.qos.enforce == "average" and not port.foreign:
        return "netqos average"
    return "another" if port.foreign else "netqos" if "netqos" in port.qos.external_ids else "libvirt"


def _print_details(views: list[tuple[PortRows, View]]) -> None:
    for number, (port, view) in enumerate(views):
        device = "" if view.interface.name == port.name else f" (device {view.interface.name})"
        owner = f", QoS by {_owner(port)}" if port.qos else ""
        title = render.heading(f"{port.name}{device}{owner}")
        put(*([""] if number else []), title, *render.details(view, "tc tree, as the kernel has it"))


def _print_table(views: list[tuple[PortRows, View]]) -> None:
    """Print a line for each view, without rich, which would take most of the time for a thousand."""
    lines = [_TITLES, *(_line(port, view) for port, view in views)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        texts = (f"{text:<{width}}" for text, width in zip(line[:2], widths, strict=False))
        figures = (f"{text:>{width}}" for text, width in zip(line[2:], widths[2:], strict=True))
        click.secho("  ".join([*texts, *figures]).rstrip(), bold=True if number == 0 else None)


def _line(port: PortRows, view: View) -> tuple[str, ...]:
    config = port.qos.other_config if port.qos else {}
    asked = [config.get(key, "") for key in ("min-rate", "max-rate")]
    leaf = view.tree and view.tree.leaf
    counted = view.counters.get(leaf.handle) if leaf else None
    policing = view.interface.policing.ingress_policing_rate
    return (
        printable(view.interface.name),
        _owner(port),
        *(human_rate(int(value)) if re.fullmatch("[0-9]{1,20}", value) else printable(value) for value in asked),
        *((human_rate(units.bps_from_Bps(Bps)) for Bps in (leaf.rate, leaf.ceil)) if leaf else ("", "")),
        human_bytes(counted.bytes) if counted else "",
        str(counted.dropped) if counted else "",
        human_rate(policing * 1000) if policing else "",
    )


@main.command(
    epilog="""\b
Examples:
  netqos verify
  netqos verify vnet0 && echo as it should be
  netqos verify --json | jq '.drifts[].port'"""
)
@click.argument("ports", nargs=-1, metavar="[PORT]...")
@on_host()
@as_json
def verify(host: Host, ports: tuple[str, ...], *, as_json: bool) -> int:
    """Hold what was asked against the rows, and the rows against the kernel; exit with 1 if they differ.

    Takes all ports by default. Also lists rows that were left behind (see netqos gc), of the named ports
    only if ports are named. A port whose QoS is somebody else's is named and not judged.
    """
    with working("reading ports"):
        state = look(host, dict.fromkeys(ports) if ports else None)
        drifts = state.drifts()
        leaks = [leak for leak in host.switch.leaks() if not ports or leak.external_ids.get("ifname") in ports]
    foreign = [port.name for port in state.ports.values() if port.foreign]
    if as_json:
        found = {
            "ports": len(state.ports),
            "drifts": [asdict(drift) for drift in drifts],
            "leaks": [asdict(leak) for leak in leaks],
            "foreign": foreign,
        }
        put_json(found)
    else:
        for name in foreign:
            click.echo(f"{printable(name)}: its QoS is not ours, so it is not judged")
        put_drifts(drifts)
        _say_leaks("leak", leaks)
        differing = len({drift.port for drift in drifts})
        click.echo(
            f"ports {len(state.ports)}, with drift {differing}, foreign {len(foreign)}; leaked rows {len(leaks)}"
        )
    return DIFFERS if drifts or leaks else HOLDS


@main.command(
    epilog="""\b
Examples:
  netqos gc --dry-run
  netqos gc"""
)
@on_host(kernel=False)
@click.option("--dry-run", is_flag=True, help="List the rows and delete none.")
@as_json
def gc(host: Host, *, dry_run: bool, as_json: bool) -> int:
    """Delete the QoS and Queue rows, ours or libvirt's, that no port refers to any more.

    Rows of anybody else are left alone.
    """
    with working("reading rows" if dry_run else "deleting rows"):
        leaks = host.switch.leaks() if dry_run else host.switch.collect()
    if as_json:
        put_json({"dry_run": dry_run, "leaks": [asdict(leak) for leak in leaks]})
    else:
        _say_leaks("would delete" if dry_run else "deleted", leaks)
        click.echo(f"leaked rows {len(leaks)}")
    return HOLDS


def _say_leaks(word: str, leaks: "list[Leak]") -> None:
    for leak in leaks:
        port = printable(leak.external_ids.get("ifname", "?"))
        click.echo(f"{word}: {leak.table} {leak.uuid} by {leak.owner} for {port}")
