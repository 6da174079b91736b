"""The tree of classes that ovs-vswitchd makes of a linux-htb QoS, predicted to the tick. Pure.

Every rule is from OVS's lib/netdev-linux.c (htb_parse_qdisc_details__, htb_parse_class_details__,
htb_setup_class__, tc_calc_buffer) or from the kernel's net/sched/sch_htb.c (htb_change_class).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import units
from .rows import QosRow
from .units import Psched

Version = tuple[int, ...]

ROOT = "1:fffe"
DEFAULT = "1:1"
R2Q = 10  # HTB_RATE2QUANTUM
MPU_BYTES = 60  # ETH_TOTAL_MIN: tc_fill_rate
INNER_LEVEL = 7  # TC_HTB_MAXDEPTH - 1
LOWEST_PRIO = 7  # TC_HTB_NUMPRIO - 1
QUANTUM_RANGE = (1000, 200_000)  # htb_change_class
HEADROOM_BYTES = 64  # htb_parse_class_details__: the burst holds the MTU and this much
WIDE_RATES: Version = (3, 2)  # the first version with TCA_HTB_RATE64; before it a rate has 32 bits
ABORTS: tuple[Version, Version] = (3, 2), (3, 2, 3)  # between them a row without max-rate locks netdev->mutex twice
MAX_QUEUE_ID = 61439  # HTB_N_QUEUES is 0xf000
_NUMBER = re.compile(r"[ \t\n\v\f\r]*(?P<sign>[+-]?)0*(?P<digits>[0-9]{1,20})")


@dataclass(frozen=True, kw_only=True, slots=True)
class HtbClass:
    """One class: `rate` and `ceil` in bytes/s, `buffer` and `cbuffer` in ticks, `quantum` and `mpu` in bytes.

    `parent` is `root` for the top class. Only a leaf (level 0) has a quantum and a prio: the kernel
    keeps, and never uses, those that an inner class had before it got children.
    """

    handle: str
    parent: str
    rate: int
    ceil: int
    buffer: int
    cbuffer: int
    quantum: int | None
    prio: int | None
    level: int
    mpu: int = MPU_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class Qdisc:
    """The root qdisc; `default` is the minor number of the class for what no filter names."""

    kind: str
    handle: str
    default: int | None = None
    r2q: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A qdisc and its classes by handle, the parent first. Without HTB there are no classes."""

    qdisc: Qdisc | None = None
    classes: Mapping[str, HtbClass] = field(default_factory=dict)

    @property
    def leaf(self) -> HtbClass | None:
        """The class that the guest's traffic goes through: the qdisc's default."""
        if self.qdisc is None or self.qdisc.default is None:
            return None
        return self.classes.get(f"{self.qdisc.handle}{self.qdisc.default:x}")


def predict(
    qos: QosRow | None, *, mtu: int, ovs_version: Version, psched: Psched, link_speed_bps: int | None = None
) -> Tree:
    """Predict the tree for a QoS row on an interface of `mtu` bytes; an empty one if the row is not linux-htb.

    `link_speed_bps` is what Open vSwitch says of the interface (before 3.2 it knows 10, 100 Mbit/s, 1, 10, 40, 100
    Gbit/s and 1 Tbit/s alone, and of others says nothing); it counts only where the row has no max-rate.
    """
    if qos is None or qos.type != "linux-htb":
        return Tree()
    narrow = ovs_version < WIDE_RATES
    word = units.U32 if narrow else 2**64
    top = read_number(qos.other_config, "max-rate") // 8 % word or _line_rate(link_speed_bps, ovs_version) % word
    make = _Maker(mtu, psched)
    qdisc = Qdisc(kind="htb", handle="1:", default=1, r2q=R2Q)
    if not top:  # the kernel refuses a class without a rate (htb_change_class), and nothing limits the port
        return Tree(qdisc=qdisc)
    classes = [make.klass(ROOT, "root", rate=top, ceil=top, burst=0, prio=None)]
    queues: dict[int, Mapping[str, str]] = {0: {}} | {
        number: queue.other_config for number, queue in qos.queues.items()
    }
    for number, config in sorted(queues.items()):
        if not 0 <= number <= MAX_QUEUE_ID:
            continue
        rate = min(max(read_number(config, "min-rate") // 8 % word, mtu), top)
        highest = read_number(config, "max-rate")
        ceil = min(max(highest // 8 % word if highest else top, rate), top)
        burst = max(read_number(config, "burst") // 8 % units.U32, mtu + HEADROOM_BYTES)
        prio = min(read_number(config, "priority") % units.U32, LOWEST_PRIO)
        classes.append(make.klass(f"1:{number + 1:x}", ROOT, rate=rate, ceil=ceil, burst=burst, prio=prio))
    return Tree(qdisc=qdisc, classes={each.handle: each for each in classes})


def highest_rate_bps(ovs_version: Version) -> int | None:
    """The highest rate, in bits/s, that this Open vSwitch carries out to the letter; None is no limit."""
    return None if ovs_version >= WIDE_RATES else (units.U32 - 1) * 8


def smallest_burst_bytes(rate_Bps: int, mtu: int, psched: Psched) -> int:
    """The burst below which ovs-vswitchd raises one: an MTU and what one jiffy brings (tc_calc_buffer), in bytes."""
    return max(mtu + HEADROOM_BYTES, rate_Bps // psched.buffer_hz + mtu)


@dataclass(frozen=True, slots=True)
class _Maker:
    mtu: int
    psched: Psched

    def klass(self, handle: str, parent: str, *, rate: int, ceil: int, burst: int, prio: int | None) -> HtbClass:
        return HtbClass(
            handle=handle,
            parent=parent,
            rate=rate,
            ceil=ceil,
            buffer=self._buffer(rate, burst),
            cbuffer=self._buffer(ceil, burst),
            quantum=None if prio is None else self._quantum(rate),
            prio=prio,
            level=INNER_LEVEL if prio is None else 0,
        )

    def _buffer(self, rate: int, burst: int) -> int:
        size = max(burst, (rate // self.psched.buffer_hz + self.mtu) % units.U32)
        return self.psched.ticks(size, rate)

    def _quantum(self, rate: int) -> int:
        if rate // R2Q < self.mtu:
            return self.mtu
        low, high = QUANTUM_RANGE
        return min(max(rate // R2Q, low), high)


def read_number(config: Mapping[str, str], key: str) -> int:
    """Read as smap_get_ullong does: what is not a whole number of 64 bits counts as not set.

    Below it is strtoull(3), which takes spaces in front, and a sign: a negative number counts from 2^64 down.
    """
    found = _NUMBER.fullmatch(config.get(key, ""))
    if found is None:
        return 0
    value = int(found["digits"])
    if value >= 2**64:
        return 0
    return -value % 2**64 if found["sign"] == "-" else value


def _line_rate(link_speed_bps: int | None, ovs_version: Version) -> int:
    """The bytes/s that hold without a max-rate (htb_parse_qdisc_details__)."""
    if link_speed_bps:
        mbps = link_speed_bps // 1_000_000
        # From 3.2 megabits are cut to megabytes first: 10 Mbit/s are held to 8 Mbit/s, and 5 Mbit/s to none.
        return mbps // 8 * 1_000_000 if ovs_version >= WIDE_RATES else link_speed_bps // 8
    return 10_000_000_000 // 8 if ovs_version >= (3, 1) else 100_000_000 // 8
