"""What a person should know about a bandwidth before relying on it. Each has a stable code. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from vifkit import Bandwidth, Vif

from . import average, htb, units
from .htb import HtbClass, Tree, Version
from .rows import QosRow, WantedRows
from .units import Psched

CODES = {
    "peak-is-the-limit": "the average guarantees; only the peak limits",
    "average-holds": "netqos itself holds the guest to its average",
    "average-above-peak": "the peak cuts the average down",
    "no-limit": "nothing limits but the link's speed",
    "rate-wraps": "a rate does not fit this Open vSwitch and becomes another",
    "rate-raised": "a rate is raised to one packet a second",
    "burst-raised": "a burst is raised to the smallest that works",
    "burst-wraps": "a burst does not fit the kernel's clock and becomes another",
    "outbound-peak-ignored": "Open vSwitch's policing knows no peak",
    "outbound-burst-default": "without a burst Open vSwitch takes 8000 kbit",
    "floor-ignored": "Open vSwitch guarantees no floor",
    "interface-unsupported": "the interface is not on Open vSwitch",
}
"""Every code with its short meaning."""

AS_ASKED = frozenset({"average-holds"})
"""The codes that say no more than that a bandwidth does what it says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know: a stable `code` and one sentence that says what really happens."""

    code: str
    message: str


def find(
    bandwidth: Bandwidth | None,
    rows: WantedRows,
    tree: Tree,
    *,
    mtu: int,
    ovs_version: Version,
    psched: Psched,
    vif: Vif | None = None,
) -> list[Finding]:
    """List what the bandwidth does not do, or does otherwise, when it has become `rows` and `tree`."""
    if not bandwidth:
        return []
    found: list[Finding] = []
    if vif is not None and vif.type and not vif.on_openvswitch:
        found.append(
            Finding(
                "interface-unsupported",
                f"an interface of type {vif.type!r} without an openvswitch virtualport is not on Open vSwitch: "
                "none of this is carried out there",
            )
        )
    found += _of_inbound(bandwidth, rows.qos)
    if rows.qos is not None and average.enforced(rows.qos):
        found += _of_average(bandwidth, rows.qos, tree.leaf, psched)
    elif rows.qos is not None and tree.leaf is not None:
        found += _of_rates(rows.qos, tree, mtu, ovs_version)
        found += _of_burst(rows.qos, tree.leaf, mtu, psched)
    found += _of_outbound(bandwidth, rows, ovs_version)
    return found


def _of_inbound(bandwidth: Bandwidth, qos: QosRow | None) -> Iterator[Finding]:
    rate = bandwidth.inbound
    if rate is None:
        return
    if rate.floor:
        yield Finding("floor-ignored", f"inbound floor {rate.floor} kB/s: Open vSwitch does not carry a floor out")
    if not rate.average or not rate.peak:
        return
    if rate.peak > rate.average and not average.enforced(qos):
        yield Finding(
            "peak-is-the-limit",
            f"the parent class lets the guest receive {rate.peak} kB/s for ever; {rate.average} kB/s is only what "
            "it is guaranteed when others compete",
        )
    elif rate.peak < rate.average:
        yield Finding(
            "average-above-peak",
            f"the guest receives {rate.peak} kB/s at most, and its average of {rate.average} kB/s is cut to that",
        )


def _of_average(bandwidth: Bandwidth, qos: QosRow, leaf: HtbClass | None, psched: Psched) -> Iterator[Finding]:
    rate = bandwidth.inbound
    if rate is None or not rate.average or leaf is None:
        return
    kept, asked = average.burst_bytes(leaf, psched), units.Bps_from_bps(htb.read_number(qos.other_config, "burst"))
    if not rate.peak or rate.peak > rate.average:
        speed = f"at {rate.peak} kB/s" if rate.peak else "as fast as the link is"
        said = f"in the long run the guest receives {rate.average} kB/s; {kept} bytes beyond that come {speed}"
        yield Finding("average-holds", said)
    elif rate.peak == rate.average:
        yield Finding("average-holds", f"the guest receives {rate.average} kB/s and never more")
    wanted = psched.ticks_per_s * asked // leaf.rate
    if 0 < wanted < leaf.buffer:
        said = f"a burst of {asked} bytes is less than {average.LATE_MS} ms bring: it becomes {kept} bytes"
        yield Finding("burst-raised", said)
    elif wanted > leaf.buffer:
        said = f"a burst of {asked} bytes takes HTB more than {average.LONGEST_SECONDS} s to save up"
        yield Finding("burst-wraps", f"{said}: it becomes {kept} bytes")


def _of_rates(qos: QosRow, tree: Tree, mtu: int, ovs_version: Version) -> Iterator[Finding]:
    leaf = tree.classes[htb.DEFAULT]
    numbers = {key: htb.read_number(qos.other_config, key) for key in ("min-rate", "max-rate")}
    asked = {key: units.Bps_from_bps(bps) for key, bps in numbers.items() if bps}
    if "max-rate" not in asked:
        yield Finding(
            "no-limit",
            f"without a max-rate the guest may receive {units.bps_from_Bps(leaf.ceil)} bit/s: the average is no limit",
        )
    wrapped = [key for key, Bps in asked.items() if Bps >= units.U32 and ovs_version < htb.WIDE_RATES]
    if wrapped:
        yield Finding(
            "rate-wraps",
            f"Open vSwitch before 3.2 keeps 32 bits of bytes/s: {', '.join(wrapped)} becomes "
            f"{units.bps_from_Bps(leaf.rate)} bit/s guaranteed, {units.bps_from_Bps(leaf.ceil)} bit/s at most",
        )
    if asked.get("min-rate", mtu) < mtu and leaf.rate > asked["min-rate"]:
        yield Finding(
            "rate-raised",
            f"{units.bps_from_Bps(asked['min-rate'])} bit/s is under one packet of {mtu} bytes a second: "
            f"the guaranteed rate becomes {units.bps_from_Bps(leaf.rate)} bit/s",
        )


def _of_burst(qos: QosRow, leaf: htb.HtbClass, mtu: int, psched: Psched) -> Iterator[Finding]:
    if "burst" in qos.other_config:
        asked = units.Bps_from_bps(htb.read_number(qos.other_config, "burst"))
        least = htb.smallest_burst_bytes(leaf.rate, mtu, psched)
        if asked < least:
            yield Finding("burst-raised", f"a burst of {asked} bytes is under one packet: it becomes {least} bytes")
        ticks = psched.ticks_per_s * asked // max(leaf.rate, 1)
        if asked >= units.U32 or ticks >= units.U32:
            kept = leaf.buffer * leaf.rate // psched.ticks_per_s
            yield Finding(
                "burst-wraps",
                f"a burst of {asked} bytes at {units.bps_from_Bps(leaf.rate)} bit/s does not fit 32 bits: "
                f"it becomes {kept} bytes",
            )


def _of_outbound(bandwidth: Bandwidth, rows: WantedRows, ovs_version: Version) -> Iterator[Finding]:
    rate = bandwidth.outbound
    if rate is None:
        return
    if rate.peak:
        yield Finding("outbound-peak-ignored", f"outbound peak {rate.peak} kB/s: policing knows the average only")
    if not rate.burst:
        yield Finding("outbound-burst-default", "outbound has no burst: Open vSwitch takes 8000 kbit (1000 KiB)")
    kbps = rows.policing.ingress_policing_rate
    # tc_fill_rate cuts at 32 bits of bytes/s from 3.2, and wraps before; the column is cut at 32 bits of kbit/s.
    if kbps * 125 >= units.U32:
        word = "cut to" if ovs_version >= htb.WIDE_RATES else "kept in"
        yield Finding("rate-wraps", f"outbound {kbps} kbit/s is {word} 32 bits of bytes/s by Open vSwitch's policing")
