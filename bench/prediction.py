"""Random bandwidths, as predicted and as the kernel has them."""

import math
import random

from floor import tc_batch
from ports import ip_batch, ports

from netqos import Psched, predict, translate
from netqos.enforce import version_tuple
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.tc import tc_lines
from vifkit import Bandwidth, Rate

SEED = 20240917


def log_uniform(dice: random.Random, low: int, high: int) -> int:
    return round(math.exp(dice.uniform(math.log(low), math.log(high))))


def random_bandwidth(dice: random.Random) -> Bandwidth:
    """From 1 kB/s to 8 GB/s, half of them with a peak, half with a burst."""
    rate = Rate(
        average=log_uniform(dice, 1, 8_000_000),
        peak=log_uniform(dice, 1, 8_000_000) if dice.random() < 0.5 else None,
        burst=log_uniform(dice, 1, 1_000_000) if dice.random() < 0.5 else None,
    )
    return Bandwidth(inbound=rate)


def figures(quick: bool) -> list[tuple[str, float, str, str]]:
    wanted_rounds, count = (2, 100) if quick else (4, 500)
    dice = random.Random(SEED)
    classes = equal = lines = same_lines = 0
    with ports(count) as (lab, names), Switch(lab.ovs.db, timeout=60) as switch, Kernel(lab.host.path) as kernel:
        version, psched = version_tuple(switch.version), Psched.here()
        for _ in range(wanted_rounds):
            mtus = {name: dice.randint(576, 9000) for name in names}
            bandwidths = {name: random_bandwidth(dice) for name in names}
            ip_batch(lab, [f"link set {name} mtu {mtu}" for name, mtu in mtus.items()])
            switch.apply(bandwidths)
            links, rows = kernel.read(names), switch.ports(names)
            printed: list[str] = []
            for name, bandwidth in bandwidths.items():
                tree = predict(
                    translate(bandwidth, name).qos, mtu=mtus[name], ovs_version=version, psched=psched,
                    link_speed_bps=rows[name].interfaces[0].link_speed,
                )  # fmt: skip
                live = links[name].tree
                assert live.qdisc == tree.qdisc and live.classes.keys() == tree.classes.keys(), name
                for handle, each in tree.classes.items():
                    classes += 1
                    equal += each == live.classes[handle]
                printed += tc_lines(tree, psched)
            shown = tc_batch(lab, names).splitlines()
            assert len(shown) == len(printed)
            lines += len(shown)
            same_lines += sum(one == other for one, other in zip(shown, printed, strict=True))
    share = f"prediction: classes of {wanted_rounds * count} random bandwidths that equal the kernel's"
    return [
        (share, 100 * equal / classes, "%", ">= 100"),
        (
            "prediction: lines that equal those of tc -d class show, to the letter",
            100 * same_lines / lines,
            "%",
            ">= 100",
        ),
    ]
