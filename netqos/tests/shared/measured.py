"""Trees as real daemons made them, version by version.

In measured.json a class is its rate, ceil, buffer, cbuffer, quantum and prio.

2.15.0, 3.1.0, 3.5.0 and 4.0.0 are Debian's packages, the others were built from their source. The ticks are those that
`tc -raw` shows on a kernel with high-resolution timers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netqos import HtbClass, Qdisc, QosRow, QueueRow, Tree
from netqos.htb import Version

QDISC = Qdisc(kind="htb", handle="1:", default=1, r2q=10)


@dataclass(frozen=True)
class Case:
    """A QoS row on an interface; of each version, the speed that it told of the link, in bits/s, and its tree."""

    name: str
    mtu: int
    link_mbps: int | None
    qos: QosRow
    measured: Mapping[Version, tuple[int | None, Tree]]


def _case(raw: dict[str, Any]) -> Case:
    queues = {int(number): QueueRow(other_config=config) for number, config in raw["queues"].items()}
    return Case(
        raw["name"],
        raw["mtu"],
        raw["link_mbps"],
        QosRow(type="linux-htb", other_config=raw["qos"], queues=queues),
        {
            tuple(int(figure) for figure in version.split(".")): (each["link_speed"], _tree(each["classes"]))
            for each in raw["measured"]
            for version in each["versions"]
        },
    )


def _tree(classes: dict[str, list[Any]]) -> Tree:
    return Tree(qdisc=QDISC, classes={handle: _class(handle, *figures) for handle, figures in classes.items()})


def _class(
    handle: str, rate: int, ceil: int, buffer: int, cbuffer: int, quantum: int | None, prio: int | None
) -> HtbClass:
    top = handle == "1:fffe"
    return HtbClass(
        handle=handle,
        parent="root" if top else "1:fffe",
        rate=rate,
        ceil=ceil,
        buffer=buffer,
        cbuffer=cbuffer,
        quantum=quantum,
        prio=prio,
        level=7 if top else 0,
        mpu=60,
    )


CASES = [_case(raw) for raw in json.loads(Path(__file__).with_name("measured.json").read_text(encoding="utf-8"))]
