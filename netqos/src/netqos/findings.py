"""What a person should know about a bandwidth before relying on it. Each has a stable code. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from vifkit import Bandwidth, Vif

from . import average, htb, policing, units
from .htb import HtbClass, Tree, Version
from .rows import Policing, QosRow, WantedRows
from .units import Psched

CODES = {
    "peak-is-the-limit": "the average guarantees; only the peak limits",
    "average-holds": "netqos itself holds the guest to its average",
    "average-above-peak": "the peak cuts the average down",
    "no-limit": "nothing limits but the link's speed",
    "switch-aborts": "this ovs-vswitchd aborts, and again whenever it is started",
    "rate-wraps": "a rate does not fit this Open vSwitch and becomes another",
    "rate-raised": "a rate is raised to one packet a second",
    "burst-raised": "a burst is raised to the smallest that works",
    "burst-wraps": "a burst does not fit the kernel's clock and becomes another",
    "burst-below-packet": "no packet that is larger than the burst passes",
    "outbound-peak-ignored": "Open vSwitch's policing knows no peak",
    "outbound-burst-default": "without a burst Open vSwitch takes 8000 kbit",
    "burst-slows-tcp": "a burst of less than a quarter of a second costs TCP more than the limit",
    "policing-refused": "Linux refuses limits for bits and for packets at once",
    "policing-bypassed": "a datapath in user space reads packets before they are policed",
    "floor-ignored": "Open vSwitch guarantees no floor",
    "interface-unsupported": "the interface is not on Open vSwitch",
}
"""Every code with its short meaning."""

AS_ASKED = frozenset({"average-holds"})
"""The codes that say no more than that a bandwidth does what it says."""

TCP_PART = 4
"""From a burst of a quarter of a second on, TCP got 91 to 96 % of the average as payload, below it 26 to 96 %.

Seen at 512 to 2048 kB/s on Linux 6.1. Open vSwitch's vswitch.xml advises 80 % of a second.
"""


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
    in_userspace: bool = False,
) -> list[Finding]:
    """List what the bandwidth does not do, or does otherwise, when it has become `rows` and `tree`.

    `in_userspace` is whether the bridge has its datapath in user space, as far as that is known.
    """
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
    found += _of_outbound(bandwidth, rows, mtu, ovs_version, psched)
    if bandwidth.outbound and in_userspace:
        found.append(
            Finding(
                "policing-bypassed",
                "the bridges have their datapath in user space (netdev), which reads each packet before the kernel "
                "polices it: nothing limits what the guest sends",
            )
        )
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
        if htb.ABORTS[0] <= ovs_version < htb.ABORTS[1]:
            yield Finding("switch-aborts", "ovs-vswitchd 3.2.0 to 3.2.2 aborts on a QoS row without a max-rate")
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


def _of_outbound(
    bandwidth: Bandwidth, rows: WantedRows, mtu: int, ovs_version: Version, psched: Psched
) -> Iterator[Finding]:
    rate = bandwidth.outbound
    if rate is None:
        return
    if rate.peak:
        yield Finding("outbound-peak-ignored", f"outbound peak {rate.peak} kB/s: policing knows the average only")
    if not rate.burst:
        yield Finding("outbound-burst-default", "outbound has no burst: Open vSwitch takes 8000 kbit (1000 KiB)")
    yield from _of_policing(rows.policing, mtu, ovs_version, psched)


def _of_policing(columns: Policing, mtu: int, ovs_version: Version, psched: Psched) -> Iterator[Finding]:
    if policing.refused(columns, ovs_version):
        yield Finding(
            "policing-refused",
            f"{columns.ingress_policing_rate} kbit/s and {columns.ingress_policing_kpkts_rate} kpkt/s: Linux refuses "
            "both in one action, so that nothing limits what the guest sends",
        )
    predicted = policing.predict(columns, ovs_version=ovs_version, psched=psched)
    if predicted is None or not columns.ingress_policing_rate:
        return
    police = predicted.actions[0]
    bps, asked = units.bps_from_Bps(police.rate), columns.ingress_policing_rate
    if abs(asked * 125 - police.rate) >= 1000:  # from 3.2 on less than a kB/s is cut off the highest
        yield Finding("rate-wraps", f"outbound {asked} kbit/s does not fit 32 bits: it becomes {bps} bit/s")
    meant, kept = policing.asked_burst_bytes(columns), policing.burst_bytes(police, psched)
    if psched.ticks_per_s * meant // min(police.rate, units.U32 - 1) != police.burst:
        yield Finding(
            "burst-wraps",
            f"an outbound burst of {meant} bytes at {bps} bit/s does not fit 32 bits: it becomes {kept} bytes",
        )
    if kept < mtu:
        yield Finding(
            "burst-below-packet",
            f"an outbound burst of {kept} bytes holds no packet of {mtu} bytes: none over {kept} bytes passes",
        )
    elif kept * TCP_PART < police.rate:
        yield Finding(
            "burst-slows-tcp",
            f"an outbound burst of {kept} bytes is {kept * 1000 // police.rate} ms of the average, and what exceeds it "
            "is lost: TCP may stay far below the average",
        )
