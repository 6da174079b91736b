"""The reference example (average 512, peak 1024, burst 32) where netqos itself enforces the average."""

from netqos import HtbClass, Qdisc, Tree
from vifkit import Bandwidth, Rate

REFERENCE = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
CONFIG = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
OWNER = {"ifname": "vnet0", "netqos": "average=512 peak=1024 burst=32 enforce=average"}
QDISC = Qdisc(kind="htb", handle="6e71:", default=1, r2q=10)
CLASS = HtbClass(
    handle="6e71:1",
    parent="root",
    rate=512_000,
    ceil=1_024_000,
    buffer=1_000_000,
    cbuffer=62_500,
    quantum=200_000,
    prio=0,
    level=0,
)
TREE = Tree(qdisc=QDISC, classes={"6e71:1": CLASS})
TC = (
    "class htb 6e71:1 root prio 0 quantum 200000 rate 4096Kbit ceil 8192Kbit linklayer ethernet "
    "burst 32Kb/1 mpu 60b cburst 4Kb/1 mpu 60b level 0"
)
