"""Holds what is wanted against what the rows say, and what the rows say against what the kernel has. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields

from vifkit import Bandwidth

from . import average, policing
from .htb import HtbClass, Tree, Version
from .link import Link
from .policing import Filter
from .rows import HTB, MARK, Enforce, InterfaceRow, Policing, PortRows, QosRow, read_mark, translate
from .units import Psched


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """One difference: at `where` stands `actual` instead of `wanted`. `code` is stable:

    `rows-differ` (the rows are not what was asked), `foreign-qos` (somebody else's row holds the port),
    `device-missing`, `tree-missing`, `tree-differs`, `tree-unexpected`, `policing-missing`, `policing-differs`,
    `policing-unexpected`.
    """

    port: str
    code: str
    where: str
    wanted: str
    actual: str

    def __str__(self) -> str:
        return f"{self.port}: {self.code}: {self.where}: wanted {self.wanted}, there is {self.actual}"


def marked(port: PortRows) -> Bandwidth | None:
    """The bandwidth that was asked of netqos for this port, by its marks; None where it was asked none."""
    inbound = read_mark(port.qos.external_ids.get(MARK)) if port.qos and not port.foreign else None
    outbound = read_mark(port.interfaces[0].external_ids.get(MARK)) if port.interfaces else None
    return Bandwidth(inbound=inbound, outbound=outbound) if inbound or outbound else None


def verify(
    ports: Mapping[str, PortRows],
    links: Mapping[str, Link],
    *,
    ovs_version: Version,
    psched: Psched,
    has_police: bool = True,
    wanted: Mapping[str, Bandwidth | None] | None = None,
    enforce: Enforce = "htb",
) -> list[Drift]:
    """List every drift of these ports. What is not in `wanted` is judged by the marks in its rows.

    `enforce` says who is to limit those that are in it; `has_police` is whether the kernel has loaded act_police,
    without which it polices nothing.
    """
    drifts: list[Drift] = []
    for name, port in ports.items():
        if wanted is not None and name in wanted:
            drifts += _of_rows(port, wanted[name], enforce, asked=True)
        else:
            drifts += _of_rows(port, marked(port), port.qos.enforce if port.qos else "htb", asked=False)
        for interface in port.interfaces:
            link = links.get(interface.name)
            drifts += _of_interface(port, interface, link, ovs_version, psched)
            if link is not None:
                drifts += _of_policing(name, interface.policing, link, ovs_version, psched, has_police=has_police)
    return drifts


def tree_drifts(port: str, wanted: Tree, actual: Tree) -> Iterator[Drift]:
    """List where a tree differs from the one predicted."""
    if wanted.qdisc is None:
        return
    if actual.qdisc != wanted.qdisc:
        yield Drift(port=port, code="tree-missing", where="qdisc", wanted=_said(wanted), actual=_said(actual))
        return
    for handle in [*wanted.classes, *(each for each in actual.classes if each not in wanted.classes)]:
        want, have = wanted.classes.get(handle), actual.classes.get(handle)
        if want is None or have is None:
            code = "tree-unexpected" if want is None else "tree-missing"
            said = ("no class", "one") if want is None else ("one", "no class")
            yield Drift(port=port, code=code, where=f"class {handle}", wanted=said[0], actual=said[1])
        elif want != have:
            yield from _of_class(port, want, have)


def _of_class(port: str, want: HtbClass, have: HtbClass) -> Iterator[Drift]:
    for field in fields(HtbClass):
        wanted, actual = getattr(want, field.name), getattr(have, field.name)
        if wanted != actual:
            where = f"class {want.handle} {field.name}"
            yield Drift(port=port, code="tree-differs", where=where, wanted=str(wanted), actual=str(actual))


def _of_rows(port: PortRows, bandwidth: Bandwidth | None, enforce: Enforce, *, asked: bool) -> Iterator[Drift]:
    rows = translate(bandwidth, port.name, port.vm_id, enforce=enforce)
    if port.foreign and port.qos is not None:
        if rows.qos is not None:
            said = f"QoS {port.qos.uuid} of another"
            yield Drift(port=port.name, code="foreign-qos", where="Port qos", wanted="a row of ours", actual=said)
    elif rows.qos is not None or (asked and port.qos is not None):
        yield from _of_qos(port.name, rows.qos, port.qos)
    if not asked and rows.outbound_mark is None:
        return
    for interface in port.interfaces:
        for column, value in asdict(rows.policing).items():
            actual = getattr(interface.policing, column)
            if value != actual:
                yield Drift(
                    port=port.name,
                    code="rows-differ",
                    where=f"Interface {column}",
                    wanted=str(value),
                    actual=str(actual),
                )


def _of_qos(port: str, want: QosRow | None, have: QosRow | None) -> Iterator[Drift]:
    if want is None or have is None:
        said = ["a row" if each else "none" for each in (want, have)]
        yield Drift(port=port, code="rows-differ", where="Port qos", wanted=said[0], actual=said[1])
        return
    configs = {"QoS": have.other_config}
    if want.queues:
        configs["Queue 0"] = have.queues[0].other_config if 0 in have.queues else {}
    for table, config in configs.items():
        for key in sorted(want.other_config.keys() | config.keys()):
            wanted, actual = want.other_config.get(key, "none"), config.get(key, "none")
            if wanted != actual:
                where = f"{table} other_config:{key}"
                yield Drift(port=port, code="rows-differ", where=where, wanted=wanted, actual=actual)
    if have.type != want.type:
        yield Drift(port=port, code="rows-differ", where="QoS type", wanted=want.type, actual=have.type)


def _of_interface(
    port: PortRows, interface: InterfaceRow, link: Link | None, ovs_version: Version, psched: Psched
) -> Iterator[Drift]:
    shaped = average.enforced(port.qos) or (port.qos is not None and port.qos.type == HTB)
    if link is None:
        if shaped or policing.asks(interface.policing):
            yield Drift(port=port.name, code="device-missing", where=interface.name, wanted="a device", actual="none")
        return
    if shaped:
        predicted = average.predict(
            port.qos,
            mtu=link.mtu,
            ovs_version=ovs_version,
            psched=psched,
            link_speed_bps=interface.link_speed,
        )
        yield from tree_drifts(port.name, predicted, link.tree)
    elif port.qos is None and (link.tree.classes or average.ours(link.tree)):
        yield Drift(port=port.name, code="tree-unexpected", where="qdisc", wanted="none", actual=_said(link.tree))


def filter_drifts(port: str, wanted: Filter, actual: Filter) -> Iterator[Drift]:
    """List where a filter differs from the one predicted; what was not to be seen of it counts as right."""
    pairs: list[tuple[str, object, object]] = [("handle", wanted.handle, actual.handle)]
    if len(wanted.actions) != len(actual.actions):
        pairs.append(("actions", len(wanted.actions), len(actual.actions)))
    for number, (want, have) in enumerate(zip(wanted.actions, actual.actions, strict=False), start=1):
        which = f"action {number} " if len(wanted.actions) > 1 else ""
        pairs += [(f"{which}{name}", value, getattr(have, name)) for name, value in asdict(want).items()]
    for name, value, seen in pairs:
        if seen is not None and value != seen:
            where = f"ingress filter {name}"
            yield Drift(port=port, code="policing-differs", where=where, wanted=str(value), actual=str(seen))


def _of_policing(
    port: str, columns: Policing, link: Link, ovs_version: Version, psched: Psched, *, has_police: bool
) -> Iterator[Drift]:
    found = policing.find(link.policers)
    kind = found.kind if found is not None else None
    wanted = policing.predict(columns, ovs_version=ovs_version, psched=psched, classifier=kind)
    where = "ingress filter"
    if found is None and policing.asks(columns):
        reason = ": the kernel lacks act_police, or has not loaded it" if not has_police else ""
        if wanted is None:
            reason = ": Linux refuses limits for bits and for packets in one action"
        said = _limits(columns)
        yield Drift(port=port, code="policing-missing", where=where, wanted=said, actual=f"none{reason}")
    elif found is not None and wanted is None:
        said = f"{found.kind} pref {found.pref}"
        yield Drift(port=port, code="policing-unexpected", where=where, wanted="none", actual=said)
    elif found is not None and wanted is not None:
        yield from filter_drifts(port, wanted, found)


def _limits(columns: Policing) -> str:
    bits = [f"{columns.ingress_policing_rate} kbit/s"] if columns.ingress_policing_rate else []
    packets = [f"{columns.ingress_policing_kpkts_rate} kpkt/s"] if columns.ingress_policing_kpkts_rate else []
    return " and ".join(bits + packets)


def _said(tree: Tree) -> str:
    return f"{tree.qdisc.kind} {tree.qdisc.handle}" if tree.qdisc else "none"
