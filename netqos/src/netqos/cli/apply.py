"""`netqos apply` and `netqos clear`: bandwidths into effect, and proof of it from the kernel."""

from collections.abc import Collection, Mapping
from dataclasses import asdict

import click

from netqos import Enforce, render
from vifkit import Bandwidth

from .inputs import read_map, read_vifs
from .main import DIFFERS, HOLDS, main
from .options import Host, as_json, enforce, on_host
from .output import put_drifts, put_findings, put_json, working
from .state import State, look, telling_devices


@main.command(
    epilog="""\b
Examples:
  netqos apply vnet0 bandwidth.xml
  echo '<bandwidth><inbound average="512"/></bandwidth>' | netqos apply vnet0 -
  netqos apply --from ports.json --adopt vnet7
  netqos apply --enforce average vnet0 bandwidth.xml

\b
--from takes {"vnet0": {"inbound": {"average": 512, "peak": 1024, "burst": 32}, "outbound": null},
"vnet1": null}: rates in kB/s, bursts in KiB; null clears. All ports change in one transaction.

\b
--enforce average needs CAP_NET_ADMIN. What is applied without it goes back to Open vSwitch's linux-htb."""
)
@click.argument("port", required=False)
@click.argument("file", required=False)
@click.option("--from", "map_file", metavar="MAP.json", help="Many ports and their bandwidths.")
@click.option("--adopt", multiple=True, metavar="PORT", help="Replace a QoS of somebody else on this port.")
@enforce
@on_host()
@as_json
def apply(
    host: Host,
    port: str | None,
    file: str | None,
    map_file: str | None,
    adopt: tuple[str, ...],
    enforce: Enforce,
    *,
    as_json: bool,
) -> int:
    """Put the bandwidth in FILE into effect on PORT, and check in the kernel that it is.

    FILE (- for standard input) holds a <bandwidth>, an <interface>, or a <domain> with one interface; without
    a bandwidth in it the port is cleared. Exits with 1 if the kernel does not do what the rows say.
    """
    if (map_file is None) == (port is None) or (port is None) != (file is None):
        raise click.UsageError("give either PORT and FILE, or --from MAP.json")
    wanted = {str(port): _read_bandwidth(str(file))} if map_file is None else read_map(map_file)
    strangers = [name for name in adopt if name not in wanted]
    if strangers:
        raise click.UsageError(f"--adopt {strangers[0]}: no bandwidth is given for this port")
    return _carry_out(host, wanted, adopt, enforce, as_json=as_json)


@main.command(
    epilog="""\b
Example:
  netqos clear vnet0 vnet1"""
)
@click.argument("ports", nargs=-1, required=True, metavar="PORT...")
@on_host()
@as_json
def clear(host: Host, ports: tuple[str, ...], *, as_json: bool) -> int:
    """Take the bandwidths of ports, and the rows that made them, away; a QoS of somebody else stays."""
    return _carry_out(host, dict.fromkeys(ports), as_json=as_json)


def _read_bandwidth(file: str) -> Bandwidth | None:
    _, vifs = read_vifs(file)
    if len(vifs) != 1:
        raise click.ClickException(f"{file}: the domain has {len(vifs)} interfaces; one is needed")
    return vifs[0].bandwidth


def _carry_out(
    host: Host,
    wanted: Mapping[str, Bandwidth | None],
    adopt: Collection[str] = (),
    how: Enforce = "htb",
    *,
    as_json: bool,
) -> int:
    from netqos.enforce import enforce

    host.kernel.links()  # what cannot be checked afterwards is not begun
    with working("waiting for Open vSwitch"), telling_devices(host):
        outcome = enforce(host.switch, host.kernel, wanted, adopt=adopt, enforce=how)
        state = look(host, wanted)
    changed, drifts = set(outcome.changed), state.ours(outcome.drifts)
    findings = [
        {"port": name, **asdict(finding)}
        for name, port in state.ports.items()
        for finding in state.findings(port, wanted[name])
    ]
    if as_json:
        put_json({"changed": outcome.changed, "drifts": [asdict(drift) for drift in drifts], "findings": findings})
    else:
        for name in wanted:
            click.echo(_said(name, wanted[name], state, changed=name in changed))
        put_drifts(drifts)
        put_findings(findings)
    return DIFFERS if drifts else HOLDS


def _said(name: str, bandwidth: Bandwidth | None, state: State, *, changed: bool) -> str:
    port = render.printable(name)
    if state.ports[name].foreign:
        return f"{port}: its QoS is not ours, and is left alone"
    asked = bandwidth or Bandwidth()
    figures = f"inbound {render.asked(asked.inbound)}; outbound {render.asked(asked.outbound)}"
    return f"{port}: {'changed' if changed else 'unchanged'}: {figures}"
