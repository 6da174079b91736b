"""The filter by which ovs-vswitchd polices what enters a port, predicted to the tick. Pure.

Every rule is from OVS's lib/netdev-linux.c (netdev_linux_set_policing, tc_add_matchall_policer, tc_add_policer,
tc_matchall_fill_police, tc_policer_init, nl_msg_put_act_police), read at each release from 2.8 to 3.7, or from the
kernel's net/sched/act_police.c. The datapath makes no difference, and from 2.17 on hw-offload makes none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from . import units
from .htb import MPU_BYTES, WIDE_RATES, Version
from .rows import Policing
from .units import Psched

MATCHALL, BASIC = "matchall", "basic"
PREFS = {MATCHALL: 1, BASIC: 49}  # TC_RESERVED_PRIORITY_POLICE; a literal in tc_add_policer
HANDLE = 1  # that of basic is the first that the kernel gives
MTU_BYTES = 65535  # no packet is longer
DEFAULT_BURST_KBIT, DEFAULT_BURST_KPKTS = 8000, 16

MATCHALL_FIRST: Version = (2, 17)  # before it basic, and matchall with hw-offload; later basic where that is missing
PACKETS: Version = (2, 16)  # the first with ingress_policing_kpkts_*; limits for bits and packets are two actions
ONE_ACTION: Version = (3, 0)  # one action for both, which the kernel refuses
WIDE_PACKETS: Version = (3, 4)
EIGHTH_BURST = {(2, 12): 4, (2, 13): 4, (2, 14): 3, (2, 15): 1}  # matchall; mended in this patch release
PIPED = {(2, 16): 5, (2, 17): 3}  # another action follows a packet that conforms; until this patch release


@dataclass(frozen=True, kw_only=True, slots=True)
class Police:
    """A police action: rates in bytes/s or packets/s, bursts in ticks, `mtu` and `mpu` in bytes; 0 is none.

    `exceed` and `conform` are what happens to a packet above and below the limit, in tc's words. None is what
    was not to be seen: tc writes no `mpu`, and the other two not to the digit.
    """

    rate: int = 0
    burst: int = 0
    mtu: int | None = MTU_BYTES
    mpu: int | None = 0
    peakrate: int = 0
    pkts_rate: int = 0
    pkts_burst: int | None = 0
    exceed: str = "drop"
    conform: str = "continue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A filter on a port's ingress: its classifier, its preference, and those of its actions that police.

    `handle` is that of a matchall or basic filter; other kinds have handles of their own notation, None here.
    """

    kind: str
    pref: int
    handle: int | None = None
    actions: tuple[Police, ...] = ()


def predict(
    policing: Policing, *, ovs_version: Version, psched: Psched, classifier: str | None = None
) -> Filter | None:
    """Predict the filter for the policing columns of an interface; None if they ask none, or what Linux refuses.

    `classifier` is the one that Open vSwitch has to take, if not the usual one of its version: see `classifier_of`.
    """
    kind = classifier or (MATCHALL if ovs_version >= MATCHALL_FIRST else BASIC)
    if not asks(policing) or refused(policing, ovs_version):
        return None
    actions = []
    if policing.ingress_policing_rate:
        actions.append(_bits(policing, kind, ovs_version, psched))
    if policing.ingress_policing_kpkts_rate and ovs_version >= PACKETS:
        actions.append(_packets(policing, kind, ovs_version, psched))
    conform = _conform(kind, ovs_version)
    limits = tuple(replace(each, conform=conform) for each in actions if each.rate or each.pkts_rate)
    return Filter(kind=kind, pref=PREFS[kind], handle=HANDLE, actions=limits) if limits else None


def asks(policing: Policing) -> bool:
    """Tell whether the columns ask for any limit; a burst alone does not."""
    return bool(policing.ingress_policing_rate or policing.ingress_policing_kpkts_rate)


def refused(policing: Policing, ovs_version: Version) -> bool:
    """Tell whether Linux refuses the filter: from 3.0 on limits for bits and packets are in one action.

    tcf_police_init takes no two in one action. There is then no filter at all.
    """
    both = policing.ingress_policing_rate and policing.ingress_policing_kpkts_rate
    return bool(both) and ovs_version >= ONE_ACTION


def find(filters: Iterable[Filter]) -> Filter | None:
    """Give the filter that may be Open vSwitch's: by its classifier and preference, and that it polices."""
    found = {each.kind: each for each in filters if each.pref == PREFS.get(each.kind) and each.actions}
    return found.get(MATCHALL) or found.get(BASIC)


def burst_bytes(police: Police, psched: Psched) -> int:
    """How many bytes pass at once, by the ticks that are left of a burst."""
    return police.burst * police.rate // psched.ticks_per_s


def asked_burst_bytes(policing: Policing) -> int:
    """The bytes that a row's burst, or the one that stands for none, is meant to be: a kbit is 1024 bits here."""
    return (policing.ingress_policing_burst or DEFAULT_BURST_KBIT) * 128


def _bits(policing: Policing, kind: str, version: Version, psched: Psched) -> Police:
    highest = units.U32 - 1
    kbps = min(policing.ingress_policing_rate, highest)  # iface_configure_qos in vswitchd/bridge.c
    kbit = min(policing.ingress_policing_burst, highest) or DEFAULT_BURST_KBIT
    wide = version >= WIDE_RATES
    if wide or (kind == BASIC and version >= ONE_ACTION):
        size = kbit * 128 % units.U32
    else:
        size = min(kbit, highest // 1024) * 1024 // (64 if _behind(EIGHTH_BURST, version) and kind == MATCHALL else 8)
    rate = min(kbps * 125, highest) if wide else kbps * 125 % units.U32
    whole = kbps // 8 * 1000  # TCA_POLICE_RATE64, set where it needs more than 32 bits; the burst stays as it was
    return Police(
        rate=whole if wide and whole > highest else rate, burst=psched.ticks(size, rate), mtu=MTU_BYTES, mpu=MPU_BYTES
    )


def _packets(policing: Policing, kind: str, version: Version, psched: Psched) -> Police:
    highest = units.U32 - 1
    kpps = min(policing.ingress_policing_kpkts_rate, highest)
    kpkts = min(policing.ingress_policing_kpkts_burst, highest) or DEFAULT_BURST_KPKTS
    if version < ONE_ACTION:  # an action of zeros: what exceeds it passes, and its MTU is the kernel's highest
        rate, size = kpps * 1000 % units.U32, min(kpkts, highest // 1000) * 1000
        return Police(mtu=highest, pkts_rate=rate, pkts_burst=psched.ticks(size, rate), exceed="pass")
    rate = kpps * 1000 % (units.U32 if kind == MATCHALL and version < WIDE_PACKETS else 2**64)
    clock = rate if version >= WIDE_RATES else rate % units.U32
    return Police(pkts_rate=rate, pkts_burst=psched.ticks(kpkts * 1000 % units.U32, clock))


def _conform(kind: str, version: Version) -> str:
    if _behind(PIPED, version):
        return "pipe"
    return "pass" if kind == BASIC and version < PACKETS else "continue"


def _behind(mended: dict[tuple[int, int], int], version: Version) -> bool:
    """Tell whether this is a release before the one that mended it."""
    major, minor, patch, *_ = (*version, 0, 0, 0)
    return patch < mended.get((major, minor), 0)
