"""`netqos explain`: what a bandwidth will do, told without root and without Open vSwitch."""

import re
from dataclasses import asdict

import click

from netqos import Enforce, InterfaceRow, Psched, average, find, policing, predict, render, tc, translate
from netqos.findings import AS_ASKED
from netqos.htb import Version
from netqos.render import View
from netqos.rows import MARK
from vifkit import Vif

from .document import Document, document
from .inputs import read_vifs
from .main import DIFFERS, HOLDS, main
from .options import as_json, enforce
from .output import put, put_findings, put_json

DEFAULT_PORT = "vnet0"
DEFAULT_MTU_BYTES = 1500
NEWEST = "3.5"
"""The Open vSwitch whose behaviour is taken where none is named."""
PSCHED = Psched()
"""The clock of a kernel with high-resolution timers: the same answer on every machine."""


def _version(_context: click.Context, _parameter: click.Parameter, value: str) -> Version:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){1,2}", value):
        raise click.BadParameter(f"{value!r} is not X.Y or X.Y.Z")
    return tuple(int(figure) for figure in value.split("."))


@main.command(
    epilog="""\b
Examples:
  netqos explain bandwidth.xml
  virsh dumpxml guest | netqos explain --json -
  netqos explain --as libvirt --ovs-version 3.1 --tc bandwidth.xml
  netqos explain --enforce average bandwidth.xml"""
)
@click.argument("file")
@click.option(
    "--mtu",
    type=click.IntRange(68, 65535),
    metavar="BYTES",
    help="The interface's MTU. [default: the interface's <mtu size>, else 1500]",
)
@click.option(
    "--ovs-version",
    default=NEWEST,
    show_default=True,
    metavar="X.Y[.Z]",
    callback=_version,
    help="The Open vSwitch that is to carry it out; none is asked.",
)
@click.option(
    "--as", "writer", type=click.Choice(["netqos", "libvirt"]), default="netqos", show_default=True,
    help="Whose rows: libvirt writes no max-rate without a peak.",
)  # fmt: skip
@enforce
@click.option(
    "--tc",
    "as_tc",
    is_flag=True,
    help="Print the classes as `tc -d class show dev …` does, the filter as `tc -d filter show dev … ingress`, "
    "and the findings on standard error.",
)
@as_json
@click.option("--strict", is_flag=True, help="Exit with 1 if there are findings but average-holds.")
def explain(
    file: str,
    mtu: int | None,
    ovs_version: Version,
    writer: str,
    enforce: Enforce,
    *,
    as_tc: bool,
    as_json: bool,
    strict: bool,
) -> int:
    """Tell what a <bandwidth>, an <interface> or all of a <domain> in FILE will do.

    Prints the Open vSwitch rows, the Linux tc tree that they become, what the guest is guaranteed and what it
    can reach, and what should be known about that. FILE may be - for standard input. Needs neither root
    nor Open vSwitch, and takes the kernel's clock for one with high-resolution timers.
    """
    if as_tc and as_json:
        raise click.UsageError("--tc and --json exclude each other")
    if writer == "libvirt" and enforce != "htb":
        raise click.UsageError(f"--as libvirt and --enforce {enforce} exclude each other")
    kind, vifs = read_vifs(file)
    views = [_view(vif, mtu, ovs_version, enforce, as_libvirt=writer == "libvirt") for vif in vifs]
    if as_json:
        documents = [_document(kind, vif, view) for vif, view in zip(vifs, views, strict=True)]
        put_json(documents if kind == "domain" else documents[0])
    elif as_tc:
        click.echo("\n".join("".join(f"{line}\n" for line in _tc_lines(view)) for view in views), nl=False)
        put_findings({"port": view.interface.name, **asdict(finding)} for view in views for finding in view.findings)
    else:
        _print(kind, vifs, views, ovs_version)
    codes = {finding.code for view in views for finding in view.findings}
    return DIFFERS if strict and codes - AS_ASKED else HOLDS


def _view(vif: Vif, mtu: int | None, ovs_version: Version, enforce: Enforce, *, as_libvirt: bool) -> View:
    port = vif.target or DEFAULT_PORT
    rows = translate(vif.bandwidth, port, as_libvirt=as_libvirt, enforce=enforce)
    effective_mtu = mtu or vif.mtu or DEFAULT_MTU_BYTES
    tree = predict(rows.qos, mtu=effective_mtu, ovs_version=ovs_version, psched=PSCHED)
    return View(
        bandwidth=vif.bandwidth,
        qos=rows.qos,
        interface=InterfaceRow(
            name=port,
            policing=rows.policing,
            external_ids={} if rows.outbound_mark is None else {MARK: rows.outbound_mark},
            mtu=effective_mtu,
        ),
        tree=tree,
        policer=policing.predict(rows.policing, ovs_version=ovs_version, psched=PSCHED),
        psched=PSCHED,
        findings=find(
            vif.bandwidth,
            rows,
            tree,
            mtu=effective_mtu,
            ovs_version=ovs_version,
            psched=PSCHED,
            vif=vif if vif.type else None,
        ),
    )


def _tc_lines(view: View) -> list[str]:
    classes = tc.tc_lines(view.tree, PSCHED) if view.tree else []
    return classes + (tc.tc_filter_lines(view.policer, PSCHED) if view.policer else [])


def _document(kind: str, vif: Vif, view: View) -> Document:
    return ({} if kind == "bandwidth" else {"mac": vif.mac, "target": vif.target}) | document(view)


def _print(kind: str, vifs: tuple[Vif, ...], views: list[View], ovs_version: Version) -> None:
    if not vifs:
        click.echo("the domain has no interface")
    for number, (vif, view) in enumerate(zip(vifs, views, strict=True)):
        version = ".".join(map(str, ovs_version))
        title = f"tc tree that Open vSwitch {version} makes for an MTU of {view.interface.mtu} bytes"
        if average.enforced(view.qos):
            title = "tc tree that netqos makes"
        parts = list(render.details(view, title))
        if kind != "bandwidth":
            names = [f"{vif.type} interface", vif.target, vif.mac]
            parts.insert(0, render.heading(" ".join(name for name in names if name)))
        put(*([""] if number else []), *parts)
