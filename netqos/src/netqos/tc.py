"""What iproute2's `tc` would print of a tree, or of a filter. Pure."""

from . import units
from .htb import HtbClass, Tree
from .policing import BASIC, MATCHALL, Filter
from .units import Psched


def tc_rate(rate_Bps: int) -> str:
    """Write bytes/s as tc does: print_color_rate in iproute2's lib/json_print.c, SI units."""
    rate = rate_Bps * 8 % 2**64
    prefixes = iter(("", "K", "M", "G", "T"))
    prefix = next(prefixes)
    for larger in prefixes:
        if rate < 1000 or (rate % 1000 and rate < 1_000_000):
            break
        rate //= 1000
        prefix = larger
    return f"{float(rate):.0f}{prefix}bit"


def tc_size(size_bytes: int) -> str:
    """Write bytes as tc does: sprint_size in iproute2's lib/json_print_math.c."""
    for unit, name, slack in ((2**20, "Mb", 1024), (2**10, "Kb", 16)):
        whole = round(size_bytes / unit)  # to even, as rint()
        if size_bytes >= unit and abs(unit * whole - size_bytes) < slack:
            return f"{whole:g}{name}"
    return f"{size_bytes}b"


def tc_burst_bytes(ticks: int, rate_Bps: int, psched: Psched) -> int:
    """The burst in bytes that tc shows for a buffer, cut to microseconds: tc_calc_xmitsize in tc/tc_core.c."""
    return int(float(rate_Bps) * int(ticks / (psched.ticks_per_s / 1e6)) / 1e6) % units.U32


def tc_lines(tree: Tree, psched: Psched) -> list[str]:
    """Write the classes as `tc -d class show dev …` of iproute2 6.1 does (htb_print_opt in tc/q_htb.c).

    The leaf comes before its parent, as the kernel lists them; each line ends in a space, as tc's do.
    """
    return [_tc_line(each, psched) for each in reversed(list(tree.classes.values()))]


def _tc_line(each: HtbClass, psched: Psched) -> str:
    words = [f"class htb {each.handle}", "root" if each.parent == "root" else f"parent {each.parent}"]
    if each.level == 0:
        words.append(f"prio {each.prio} quantum {each.quantum}")
    words.append(f"rate {tc_rate(each.rate)} ceil {tc_rate(each.ceil)} linklayer ethernet")
    for name, ticks, rate in (("burst", each.buffer, each.rate), ("cburst", each.cbuffer, each.ceil)):
        words.append(f"{name} {tc_size(tc_burst_bytes(ticks, rate, psched))}/1 mpu {tc_size(each.mpu)}")
    return " ".join([*words, f"level {each.level} "])


def tc_filter_lines(policer: Filter, psched: Psched) -> list[str]:
    """Write a filter as `tc -d filter show dev … ingress` of iproute2 6.1 does (print_police in tc/m_police.c).

    A police action's number in the kernel, which no prediction can know, is that of the first one.
    """
    head = f"filter protocol all pref {policer.pref} {policer.kind} chain 0 "
    flags = ["  not_in_hw"] if policer.kind == MATCHALL else []
    lines = [head, f"{head}handle {policer.handle or 0:#x} ", *flags]
    for number, each in enumerate(policer.actions, start=1):
        # Before 2.16 Open vSwitch gives basic its police action in the old way, which has no order.
        order = "" if policer.kind == BASIC and each.conform == "pass" else f"\taction order {number}: "
        words = [f"{order} police 0x{number:x} rate {tc_rate(each.rate)}"]
        words.append(f"burst {tc_size(tc_burst_bytes(each.burst, each.rate, psched))} mtu {tc_size(each.mtu or 0)}")
        if each.peakrate:
            words.append(f"peakrate {tc_rate(each.peakrate)}")
        if each.pkts_rate:
            packets = tc_burst_bytes(each.pkts_burst or 0, each.pkts_rate, psched)
            words.append(f"pkts_rate {each.pkts_rate} pkts_burst {packets}")
        conform = f"/{each.conform}" if each.conform != "pass" else ""
        words.append(f"action {each.exceed}{conform} overhead 0b linklayer unspec ")
        lines += [" ".join(words), "\tref 1 bind 1 ", ""]
    return lines
