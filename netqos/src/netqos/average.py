"""The class by which netqos itself holds a guest to its average, predicted to the tick. Pure.

ovs-vswitchd puts each class of linux-htb below a parent that lends it the peak for ever. A class of HTB without a
parent has nobody to borrow from: it sends at its ceil while it has tokens, and at its rate from then on
(htb_class_mode and htb_activate_prios in the kernel's net/sched/sch_htb.c). The QoS row is a linux-noop, with which
ovs-vswitchd leaves alone what it finds on the device (netdev_linux_set_qos in OVS's lib/netdev-linux.c).

tbf with a peakrate is as exact, but cuts every large (GSO) packet into those of its MTU: at 1 Gbit/s of TCP it waited
three times as often, at 100 Mbit/s sixty times; and it would need a reader of its own.
"""

from collections.abc import Mapping

from . import htb, units
from .htb import HtbClass, Qdisc, Tree, Version, read_number
from .rows import NOOP, QosRow
from .units import Psched

HANDLE = "6e71:"
"""Ours alone: ovs-vswitchd's is `1:`, and the kernel gives none below `8000:` by itself."""
SPARE = "6e72:"
"""What takes the place of a broken one until it is made again."""
DEFAULT = 1
CLASS = f"{HANDLE}{DEFAULT}"
QUANTUM_BYTES = 200_000  # of no effect on a single class; where none is given the kernel warns of many rates
SMALLEST_BURST_BYTES = 1024
LATE_MS = 4
"""A timer may be late by this much, a jiffy of 250 Hz: what a bucket cannot take in meanwhile is lost.

On a busy host a bucket of one packet (12 µs) let 95.7 % of 1 Gbit/s through, one of 1 ms 97.5 %, one of 4 ms 99.7 %.
"""
DEFAULT_BURST_MS = 20
"""What the average brings meanwhile is the burst where none is asked for.

On a saturated host a bucket of 4 ms once lost 3.7 % of 512 kB/s in a minute, and one of 64 ms beside it nothing.
"""
LONGEST_SECONDS = 60  # htb_change_class, mbuffer: HTB counts no more than this of the time that a class was idle


def enforced(qos: QosRow | None) -> bool:
    """Tell whether netqos, and not ovs-vswitchd, makes the tree of this row."""
    return qos is not None and qos.type == NOOP and qos.enforce == "average"


def ours(tree: Tree) -> bool:
    """Tell whether netqos made this tree, whatever has become of it since."""
    return tree.qdisc is not None and tree.qdisc.handle in {HANDLE, SPARE}


def predict(
    qos: QosRow | None, *, mtu: int, ovs_version: Version, psched: Psched, link_speed_bps: int | None = None
) -> Tree:
    """Predict the tree for a QoS row, whoever makes it: netqos where it enforces the average, else as `htb.predict`.

    The tree that netqos makes depends on the row and the clock alone.
    """
    if qos is not None and enforced(qos):
        return _tree(qos.other_config, psched)
    return htb.predict(qos, mtu=mtu, ovs_version=ovs_version, psched=psched, link_speed_bps=link_speed_bps)


def burst_bytes(leaf: HtbClass, psched: Psched) -> int:
    """How much the guest receives at once beyond its average, in bytes."""
    return leaf.buffer * leaf.rate // psched.ticks_per_s


def _tree(config: Mapping[str, str], psched: Psched) -> Tree:
    """A peak below the average is the limit; without a peak a burst goes as fast as the link."""
    average, peak, burst = (units.Bps_from_bps(read_number(config, key)) for key in ("min-rate", "max-rate", "burst"))
    if not average:
        return Tree()
    ceil = peak or average
    rate = min(average, ceil)
    buffer = _ticks(burst or rate * DEFAULT_BURST_MS // 1000, rate, psched)
    leaf = HtbClass(
        handle=CLASS,
        parent="root",
        rate=rate,
        ceil=ceil,
        buffer=buffer,
        cbuffer=_ticks(0, ceil, psched) if peak else buffer,
        quantum=QUANTUM_BYTES,
        prio=0,
        level=0,
    )
    return Tree(qdisc=Qdisc(kind="htb", handle=HANDLE, default=DEFAULT, r2q=htb.R2Q), classes={CLASS: leaf})


def _ticks(burst: int, rate: int, psched: Psched) -> int:
    ticks = psched.ticks_per_s * max(burst, SMALLEST_BURST_BYTES) // rate
    return min(max(ticks, psched.ticks_per_s * LATE_MS // 1000), psched.ticks_per_s * LONGEST_SECONDS)
