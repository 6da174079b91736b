"""The tree of a link, and what went through it."""

import pytest
from shared.links import read, tc

from netqos import HtbClass, Qdisc, Tree
from netqos.link import Counters
from vifkit_conformance.lab import Flood, Namespace, until, veth

pytestmark = pytest.mark.switch


def tree(host: Namespace, name: str = "tap0") -> Tree:
    return read(host, name)[name].tree


def test_a_tree_is_read_to_the_tick(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb default 1",
        "class add dev tap0 parent 1: classid 1:fffe htb rate 8192kbit burst 1500 cburst 1500 mpu 60",
        "class add dev tap0 parent 1:fffe classid 1:1 htb "
        "rate 4096kbit ceil 8192kbit burst 32k cburst 32k mpu 60 prio 3 quantum 9000",
        "class add dev tap0 parent 1:fffe classid 1:1f htb rate 8kbit ceil 16kbit burst 2000 cburst 3000",
    )
    assert tree(host) == Tree(
        qdisc=Qdisc(kind="htb", handle="1:", default=1, r2q=10),
        classes={
            "1:fffe": HtbClass(
                handle="1:fffe",
                parent="root",
                rate=1_024_000,
                ceil=1_024_000,
                # tc counts in whole microseconds, of 15.625 ticks each: 1464 of them.
                buffer=22_875,
                cbuffer=22_875,
                quantum=None,
                prio=None,
                level=7,
                mpu=60,
            ),
            "1:1": HtbClass(
                handle="1:1",
                parent="1:fffe",
                rate=512_000,
                ceil=1_024_000,
                buffer=1_000_000,
                cbuffer=500_000,
                quantum=9000,
                prio=3,
                level=0,
                mpu=60,
            ),
            "1:1f": HtbClass(
                handle="1:1f",
                parent="1:fffe",
                rate=1000,
                ceil=2000,
                buffer=31_250_000,
                cbuffer=23_437_500,
                quantum=1000,
                prio=0,
                level=0,
                mpu=0,
            ),
        },
    )


def test_the_parent_comes_first(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb",
        "class add dev tap0 parent 1: classid 1:fffe htb rate 8mbit",
        "class add dev tap0 parent 1:fffe classid 1:2 htb rate 8mbit",
        "class add dev tap0 parent 1:fffe classid 1:1 htb rate 8mbit",
    )
    read_tree = tree(host)
    assert next(iter(read_tree.classes)) == "1:fffe"
    assert set(read_tree.classes) == {"1:fffe", "1:1", "1:2"}


@pytest.mark.parametrize(
    ("rate", "rate_Bps", "ceil", "ceil_Bps"),
    [
        ("40gbit", 5_000_000_000, "100gbit", 12_500_000_000),
        ("8mbit", 1_000_000, "40gbit", 5_000_000_000),
        ("4294967295bps", 4_294_967_295, "4294967295bps", 4_294_967_295),
        ("4294967296bps", 4_294_967_296, "4294967297bps", 4_294_967_297),
        ("8bit", 1, "8bit", 1),
    ],
)
def test_rates_of_64_bits_are_read(
    host: Namespace, device: str, rate: str, rate_Bps: int, ceil: str, ceil_Bps: int
) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb default 1",
        f"class add dev tap0 parent 1: classid 1:1 htb rate {rate} ceil {ceil} burst 1 cburst 1",
    )
    leaf = tree(host).leaf
    assert leaf is not None
    assert (leaf.rate, leaf.ceil) == (rate_Bps, ceil_Bps)


def test_several_levels_of_classes_are_read(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle a: htb default 30 r2q 5",
        "class add dev tap0 parent a: classid a:1 htb rate 8mbit",
        "class add dev tap0 parent a:1 classid a:20 htb rate 4mbit",
        "class add dev tap0 parent a:20 classid a:30 htb rate 2mbit prio 7",
    )
    found = tree(host)
    assert found.qdisc == Qdisc(kind="htb", handle="a:", default=0x30, r2q=5)
    assert {handle: (each.parent, each.level, each.prio) for handle, each in found.classes.items()} == {
        "a:1": ("root", 7, None),
        "a:20": ("a:1", 6, None),
        "a:30": ("a:20", 0, 7),
    }


def test_what_went_through_a_class_is_counted(host: Namespace) -> None:
    with Namespace() as other, veth(host, "port0", "eth0", other):
        tc(
            host,
            "qdisc add dev port0 root handle 1: htb default 1",
            "class add dev port0 parent 1: classid 1:1 htb rate 80mbit burst 1mb",
            "class add dev port0 parent 1: classid 1:2 htb rate 80mbit burst 1mb",
        )
        with Flood(host, "port0", 0x10002, rate_bps=8_000_000, seconds=0.1) as flood:
            flood.wait()
        counters = until(lambda: _sent(host, "1:2", flood.sent_bytes), "all that was sent is counted")
    assert counters is not None
    assert (counters.bytes, counters.packets) == (flood.sent_bytes, flood.sent_bytes // 1500)
    assert counters.dropped == 0


def _sent(host: Namespace, handle: str, total: int) -> Counters | None:
    counters = read(host, "port0")["port0"].counters[handle]
    return counters if counters.bytes >= total else None


def test_what_a_class_drops_is_counted(host: Namespace) -> None:
    with Namespace() as other, veth(host, "port0", "eth0", other):
        host.run("ip", "link", "set", "port0", "txqueuelen", "2")
        tc(
            host,
            "qdisc add dev port0 root handle 1: htb default 1",
            "class add dev port0 parent 1: classid 1:2 htb rate 8kbit burst 1500 cburst 1500",
        )
        with Flood(host, "port0", 0x10002, rate_bps=8_000_000, seconds=0.1) as flood:
            flood.wait()
        counters = read(host, "port0")["port0"].counters["1:2"]
    assert counters.dropped > 0
    assert counters.overlimits > 0
    assert counters.packets < flood.sent_bytes // 1500


@pytest.mark.parametrize(
    ("command", "kind", "handle"),
    [
        ("qdisc replace dev tap0 root handle 2: pfifo", "pfifo", "2:"),
        ("qdisc replace dev tap0 root handle 2: tbf rate 1mbit burst 10k latency 50ms", "tbf", "2:"),
        ("qdisc replace dev tap0 root handle ffe0: pfifo limit 10", "pfifo", "ffe0:"),
    ],
)
def test_a_qdisc_of_another_kind_has_no_classes(
    host: Namespace, device: str, command: str, kind: str, handle: str
) -> None:
    tc(host, command)
    assert tree(host) == Tree(qdisc=Qdisc(kind=kind, handle=handle))


def test_a_qdisc_below_a_class_is_not_taken_for_the_root(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb default 1",
        "class add dev tap0 parent 1: classid 1:1 htb rate 8mbit",
        "qdisc add dev tap0 parent 1:1 handle 5: pfifo",
    )
    found = tree(host)
    assert found.qdisc == Qdisc(kind="htb", handle="1:", default=1, r2q=10)
    assert list(found.classes) == ["1:1"]
