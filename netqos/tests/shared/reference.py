"""The tree of the reference example (average 512, peak 1024, burst 32 at an MTU of 1500), as a kernel held it."""

from netqos import HtbClass, Qdisc, Tree

TOP = HtbClass(
    handle="1:fffe",
    parent="root",
    rate=1_024_000,
    ceil=1_024_000,
    buffer=22_888,
    cbuffer=22_888,
    quantum=None,
    prio=None,
    level=7,
)
LEAF = HtbClass(
    handle="1:1",
    parent="1:fffe",
    rate=512_000,
    ceil=1_024_000,
    buffer=1_000_000,
    cbuffer=500_000,
    quantum=51_200,
    prio=0,
    level=0,
)
TREE = Tree(qdisc=Qdisc(kind="htb", handle="1:", default=1, r2q=10), classes={"1:fffe": TOP, "1:1": LEAF})
