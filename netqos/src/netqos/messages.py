"""What the kernel's netlink messages say of qdiscs, classes and filters. Pure.

Structures are those of the kernel's linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h and linux/gen_stats.h.
"""

import struct
from collections.abc import Iterator, Mapping

from .htb import HtbClass, Qdisc
from .link import Counters
from .policing import BASIC, MATCHALL, Filter, Police

TC_H_ROOT = 0xFFFFFFFF
TCA_KIND, TCA_OPTIONS, TCA_STATS2 = 1, 2, 7
TCA_STATS_BASIC, TCA_STATS_QUEUE, TCA_STATS_PKT64 = 1, 3, 8
TCA_HTB_PARMS, TCA_HTB_INIT, TCA_HTB_RATE64, TCA_HTB_CEIL64 = 1, 2, 6, 7
TCA_ACTS = {MATCHALL: 2, BASIC: 3}  # TCA_MATCHALL_ACT, TCA_BASIC_ACT
TCA_BASIC_POLICE = 4
TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_STATS = 1, 2, 4
TCA_POLICE_TBF, TCA_POLICE_RESULT, TCA_POLICE_RATE64, TCA_POLICE_PEAKRATE64 = 1, 5, 8, 9
TCA_POLICE_PKTRATE64, TCA_POLICE_PKTBURST64 = 10, 11
_VERDICTS = {-1: "continue", 0: "pass", 1: "reclassify", 2: "drop", 3: "pipe"}  # TC_ACT_*, in tc's words

TCMSG = struct.Struct("=BxxxiIII")
U32 = struct.Struct("=I")
_ATTRIBUTE = struct.Struct("=HH")
_U64 = struct.Struct("=Q")
_S32 = struct.Struct("=i")
_HTB_OPT = struct.Struct("=2xHhHI 2xHhHI IIIII")  # tc_htb_opt: two tc_ratespec, then buffer … prio
_HTB_GLOB = struct.Struct("=IIIII")
_POLICE = struct.Struct("=4x i 4x II 2xHhHI 2xHhHI")  # tc_police: action, burst, mtu, two tc_ratespec
_BYTES_PACKETS = struct.Struct("=QI")
_QUEUE = struct.Struct("=IIIII")


def attributes(body: memoryview, offset: int = 0) -> Iterator[tuple[int, memoryview]]:
    """Give the attributes behind `offset`: number and value."""
    end = len(body)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        yield kind & 0x3FFF, body[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """Write an attribute, with what fills it up to four bytes."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def text(value: memoryview) -> str:
    """Read a string."""
    return bytes(value).rstrip(b"\0").decode(errors="backslashreplace")


def qdisc(body: memoryview) -> Qdisc:
    """Read the answer to RTM_GETQDISC."""
    _, _, handle, _, _ = TCMSG.unpack_from(body)
    found = dict(attributes(body, TCMSG.size))
    kind = text(found[TCA_KIND])
    if kind != "htb":
        return Qdisc(kind=kind, handle=_handle(handle))
    options = dict(attributes(found[TCA_OPTIONS]))
    _, r2q, default, *_ = _HTB_GLOB.unpack_from(options[TCA_HTB_INIT])
    return Qdisc(kind=kind, handle=_handle(handle), default=default, r2q=r2q)


def htb_class(body: memoryview) -> tuple[HtbClass, Counters]:
    """Read the answer to RTM_GETTCLASS for a class of HTB's."""
    _, _, handle, parent, _ = TCMSG.unpack_from(body)
    found = dict(attributes(body, TCMSG.size))
    options = dict(attributes(found[TCA_OPTIONS]))
    (_, _, mpu, rate, _, _, _, ceil, buffer, cbuffer, quantum, level, prio) = _HTB_OPT.unpack_from(
        options[TCA_HTB_PARMS]
    )
    leaf = level == 0
    made = HtbClass(
        handle=_handle(handle),
        parent="root" if parent == TC_H_ROOT else _handle(parent),
        rate=_wide(options, TCA_HTB_RATE64, rate),
        ceil=_wide(options, TCA_HTB_CEIL64, ceil),
        buffer=buffer,
        cbuffer=cbuffer,
        quantum=quantum if leaf else None,
        prio=prio if leaf else None,
        level=level,
        mpu=mpu,
    )
    return made, _counters(dict(attributes(found[TCA_STATS2])) if TCA_STATS2 in found else {})


def ingress_filter(body: memoryview) -> tuple[Filter, Counters | None] | None:
    """Read the answer to RTM_GETTFILTER, with the counters of the first action that polices.

    None for the head of a list of filters, which is none itself.
    """
    _, _, handle, _, info = TCMSG.unpack_from(body)
    if not handle:
        return None
    found = dict(attributes(body, TCMSG.size))
    kind = text(found[TCA_KIND])
    options = dict(attributes(found[TCA_OPTIONS])) if kind in TCA_ACTS and TCA_OPTIONS in found else {}
    actions: list[Police] = []
    counted: Counters | None = None
    if TCA_BASIC_POLICE in options and kind == BASIC:  # as Open vSwitch wrote it before 2.16; it counts elsewhere
        actions.append(_police(options[TCA_BASIC_POLICE]))
    elif kind in TCA_ACTS and TCA_ACTS[kind] in options:
        for _, action in attributes(options[TCA_ACTS[kind]]):
            parts = dict(attributes(action))
            if text(parts[TCA_ACT_KIND]) == "police":
                actions.append(_police(parts[TCA_ACT_OPTIONS]))
                if counted is None and TCA_ACT_STATS in parts:
                    counted = _counters(dict(attributes(parts[TCA_ACT_STATS])))
    number = handle if kind in TCA_ACTS else None
    return Filter(kind=kind, pref=info >> 16, handle=number, actions=tuple(actions)), counted


def _police(options: memoryview) -> Police:
    found = dict(attributes(options))
    action, burst, mtu, _, _, mpu, rate, _, _, _, peakrate = _POLICE.unpack_from(found[TCA_POLICE_TBF])
    (result,) = _S32.unpack(found[TCA_POLICE_RESULT]) if TCA_POLICE_RESULT in found else (0,)
    return Police(
        rate=_wide(found, TCA_POLICE_RATE64, rate),
        burst=burst,
        mtu=mtu,
        mpu=mpu,
        peakrate=_wide(found, TCA_POLICE_PEAKRATE64, peakrate),
        pkts_rate=_wide(found, TCA_POLICE_PKTRATE64, 0),
        pkts_burst=_wide(found, TCA_POLICE_PKTBURST64, 0),
        exceed=_VERDICTS.get(action, str(action)),
        conform=_VERDICTS.get(result, str(result)),
    )


def _wide(found: Mapping[int, memoryview], kind: int, narrow: int) -> int:
    value: int = _U64.unpack(found[kind])[0] if kind in found else narrow
    return value


def _handle(number: int) -> str:
    return f"{number >> 16:x}:{number & 0xFFFF:x}" if number & 0xFFFF else f"{number >> 16:x}:"


def _counters(stats: Mapping[int, memoryview]) -> Counters:
    if TCA_STATS_BASIC not in stats:
        return Counters()
    size, packets = _BYTES_PACKETS.unpack_from(stats[TCA_STATS_BASIC])
    _, _, dropped, _, overlimits = _QUEUE.unpack_from(stats[TCA_STATS_QUEUE])
    return Counters(bytes=size, packets=_wide(stats, TCA_STATS_PKT64, packets), dropped=dropped, overlimits=overlimits)
