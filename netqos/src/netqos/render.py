"""What a person reads: figures, and trees and tables of rich, which is imported only for those."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vifkit import Bandwidth, Rate

from . import average, units
from .findings import Finding
from .htb import HtbClass, Tree
from .link import POLICE, Counters
from .policing import Filter, Police, asks, burst_bytes
from .rows import InterfaceRow, QosRow
from .units import Psched

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree as RichTree


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One interface of a port, predicted or live: what was asked, the rows, the tree, and what to know."""

    bandwidth: Bandwidth | None
    qos: QosRow | None
    interface: InterfaceRow
    tree: Tree | None
    """None where the device is not to be seen: it is in another namespace, or nowhere."""
    policer: Filter | None = None
    """The filter that polices what the guest sends."""
    psched: Psched = field(default_factory=Psched)
    findings: Sequence[Finding] = ()
    counters: Mapping[str, Counters] = field(default_factory=dict)

    @property
    def guaranteed_bps(self) -> int | None:
        """The rate of the leaf class in bits/s; None without a limit."""
        leaf = self.tree and self.tree.leaf
        return units.bps_from_Bps(leaf.rate) if leaf else None

    @property
    def limit_bps(self) -> int | None:
        """The ceil of the leaf class in bits/s, or its rate where netqos enforces the average; None without a limit."""
        leaf = self.tree and self.tree.leaf
        return units.bps_from_Bps(leaf.rate if average.enforced(self.qos) else leaf.ceil) if leaf else None


def human_rate(bps: int) -> str:
    """Write bits/s with a decimal prefix and four digits, such as `8.192 Mbit/s`."""
    return f"{_scaled(bps)}bit/s"


def human_bytes(size_bytes: int) -> str:
    """Write bytes with a decimal prefix and four digits, such as `1.5 MB`."""
    return f"{_scaled(size_bytes)}B"


def _scaled(value: int) -> str:
    prefixes = ("", "k", "M", "G", "T", "P", "E")
    power = min((len(str(value)) - 1) // 3, len(prefixes) - 1)
    return f"{value / 1000**power:.4g} {prefixes[power]}" if value < 10**21 else f"{value} "


def printable(text: str) -> str:
    """Escape what would not show, or would move a terminal's cursor."""
    return text if text.isprintable() else repr(text)[1:-1]


def heading(text: str) -> "Text":
    """Give the title of what follows."""
    from rich.text import Text

    return Text(printable(text), style="bold underline")


def asked(rate: Rate | None) -> str:
    """Write a direction as the user gave it."""
    if rate is None:
        return "no limit"
    figures = [("average", "kB/s"), ("peak", "kB/s"), ("burst", "KiB"), ("floor", "kB/s")]
    return ", ".join(f"{name} {getattr(rate, name)} {unit}" for name, unit in figures if getattr(rate, name))


_SHAPERS = ("htb", "tbf", "hfsc", "cake", "fq", "netem", "cbq")


def details(view: View, tree_title: str) -> Iterator["RenderableType"]:
    """Give all that there is to say of one interface."""
    from rich.padding import Padding
    from rich.text import Text

    sections: list[tuple[str, RenderableType]] = [
        ("Open vSwitch rows", _rows(view)),
        (tree_title, _tree(view)),
        ("The guest", _guest(view)),
    ]
    if view.findings:
        sections.append(("Findings", _grid([(finding.code, finding.message) for finding in view.findings], "yellow")))
    if view.bandwidth:
        yield f"inbound:  {asked(view.bandwidth.inbound)}"
        yield f"outbound: {asked(view.bandwidth.outbound)}"
    for title, body in sections:
        yield Text(title, style="bold")
        yield Padding(body, (0, 0, 0, 2), expand=False)


def _rows(view: View) -> "Table":
    qos, interface = view.qos, view.interface
    lines = [("QoS", "none")]
    if qos is not None:
        lines = _labelled("QoS", f"type={printable(qos.type)}", *_columns(qos.other_config, qos.external_ids))
        for number, queue in sorted(qos.queues.items()):
            lines += _labelled(f"Queue {number}", *_columns(queue.other_config, queue.external_ids))
    policing = [f"{name}={value}" for name, value in interface.policing.columns().items()]
    ids = [f"external_ids: {_map(interface.external_ids)}"] if interface.external_ids else []
    return _grid([*lines, *_labelled("Interface", *policing, *ids)], "cyan")


def _labelled(label: str, *texts: str) -> list[tuple[str, str]]:
    return [("" if number else label, text) for number, text in enumerate(texts)]


def _columns(other_config: Mapping[str, str], external_ids: Mapping[str, str]) -> list[str]:
    return [f"other_config: {_map(other_config)}", f"external_ids: {_map(external_ids)}"]


def _map(config: Mapping[str, str]) -> str:
    words = (f'{key}="{value}"' if " " in value else f"{key}={value}" for key, value in sorted(config.items()))
    return printable(" ".join(words)) or "none"


def _tree(view: View) -> "RenderableType":
    from rich.console import Group

    if view.tree is None:
        return "not seen: no such device in this network namespace (--netns names another)"
    classes = _classes(view, view.tree)
    return Group(classes, _filter(view.policer, view.counters.get(POLICE))) if view.policer else classes


def _classes(view: View, tree: Tree) -> "RichTree | str":
    from rich.tree import Tree as RichTree

    qdisc = tree.qdisc
    if qdisc is None:
        return "no classes: the device's own qdisc stays"
    extra = "" if qdisc.default is None else f" default {qdisc.default:x} r2q {qdisc.r2q}"
    drawn = RichTree(f"qdisc {qdisc.kind} {qdisc.handle}{extra}", guide_style="dim")
    nodes = {"root": drawn}
    for each in tree.classes.values():
        nodes[each.handle] = nodes.get(each.parent, drawn).add(_class(each, view.counters.get(each.handle)))
    return drawn


def _filter(policer: Filter, counters: Counters | None) -> "RichTree":
    from rich.tree import Tree as RichTree

    drawn = RichTree("qdisc ingress ffff:", guide_style="dim")
    node = drawn.add(f"filter {policer.kind} pref {policer.pref}")
    for number, each in enumerate(policer.actions):
        node.add(_police(each, None if number else counters))
    return drawn


def _police(each: Police, counters: Counters | None) -> "RenderableType":
    from rich.text import Text

    limits = [f"  rate {human_rate(units.bps_from_Bps(each.rate))}"] if each.rate else []
    limits += [f"  peakrate {human_rate(units.bps_from_Bps(each.peakrate))}"] if each.peakrate else []
    limits += [f"  rate {each.pkts_rate} packets/s"] if each.pkts_rate else []
    ticks = each.burst if each.rate else each.pkts_burst
    text = Text.assemble(
        ("police", "bold"),
        *limits,
        (f"  burst {ticks} ticks  mtu {each.mtu}  exceed {each.exceed}  conform {each.conform}", "dim"),
    )
    if counters is not None:
        text.append(_counted(counters, "got"))
    return text


def _class(each: HtbClass, counters: Counters | None) -> "RenderableType":
    from rich.text import Text

    rate, ceil = (human_rate(units.bps_from_Bps(value)) for value in (each.rate, each.ceil))
    leaf = f"  quantum {each.quantum}  prio {each.prio}" if each.level == 0 else ""
    text = Text.assemble(
        (f"class {each.handle}", "bold"),
        f"  rate {rate}  ceil {ceil}",
        (f"  buffer {each.buffer}  cbuffer {each.cbuffer} ticks{leaf}", "dim"),
    )
    if counters is not None:
        text.append(_counted(counters, "sent"))
    return text


def _counted(counters: Counters, verb: str) -> str:
    return (
        f"\n{verb} {counters.bytes} bytes, {counters.packets} packets; "
        f"dropped {counters.dropped}, overlimits {counters.overlimits}"
    )


def _guest(view: View) -> "Table":
    if view.tree is None:
        return _grid([("gets", "what was not seen: the device is not in this network namespace")], "green")
    own = view.tree.qdisc.kind if view.tree.qdisc and view.tree.qdisc.kind in _SHAPERS else ""
    lines = [("can receive", f"what the device's own {own} lets through" if own else "all that the link carries")]
    if view.guaranteed_bps is not None and view.limit_bps is not None:
        lines = [("is guaranteed", _exact(view.guaranteed_bps)), ("can reach", _exact(view.limit_bps))]
    leaf = view.tree.leaf
    if leaf is not None and view.qos is not None and average.enforced(view.qos):
        lines = [("is held to", _exact(units.bps_from_Bps(leaf.rate)))]
        if "max-rate" not in view.qos.other_config:
            lines.append(("bursts at", "the link's speed"))
        elif leaf.ceil > leaf.rate:
            lines.append(("bursts at", _exact(units.bps_from_Bps(leaf.ceil))))
    return _grid([*lines, ("can send", _sends(view))], "green")


def _sends(view: View) -> str:
    if view.policer is None:
        reason = ": the kernel has no filter for what the rows ask" if asks(view.interface.policing) else ""
        return f"all that the link carries{reason}"
    limits = []
    for each in view.policer.actions:
        if each.rate:
            burst = burst_bytes(each, view.psched)
            limits.append(f"{_exact(units.bps_from_Bps(each.rate))}, bursts of {burst} bytes")
        if each.pkts_rate:
            limits.append(f"{each.pkts_rate} packets/s")
    stray = "" if asks(view.interface.policing) else ", by a filter that the rows do not ask for"
    return f"{' and '.join(limits)}{stray}"


def _exact(bps: int) -> str:
    return f"{human_rate(bps)} ({bps} bit/s)"


def _grid(lines: Iterable[tuple[str, str]], style: str) -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=style, no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in lines:
        grid.add_row(name, text)
    return grid
