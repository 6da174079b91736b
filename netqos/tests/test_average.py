"""The class by which netqos itself holds a guest to its average: rows, prediction and findings."""

import pytest
from shared.average import CLASS, CONFIG, OWNER, QDISC, REFERENCE, TREE

from netqos import (
    Drift,
    Finding,
    HtbClass,
    InterfaceRow,
    Policing,
    PortRows,
    Psched,
    Qdisc,
    QosRow,
    QueueRow,
    Tree,
    WantedRows,
    find,
    marked,
    predict,
    translate,
    verify,
)
from netqos.link import Link
from vifkit import Bandwidth, Rate

HIGH_RESOLUTION = Psched(ticks_per_s=15_625_000, buffer_hz=1_000_000_000)
QOS = QosRow(type="linux-noop", other_config=CONFIG, external_ids=OWNER, uuid="a087")


def inbound(**figures: int) -> Bandwidth:
    return Bandwidth(inbound=Rate(**figures))


def leaf(bandwidth: Bandwidth, *, mtu: int = 1500) -> HtbClass:
    qos = translate(bandwidth, "vnet0", enforce="average").qos
    made = predict(qos, mtu=mtu, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION).leaf
    assert made is not None
    return made


def findings(bandwidth: Bandwidth) -> list[Finding]:
    rows = translate(bandwidth, "vnet0", enforce="average")
    tree = predict(rows.qos, mtu=1500, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION)
    return find(bandwidth, rows, tree, mtu=1500, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION)


def drifts(qos: QosRow | None, tree: Tree, *, mtu: int = 1500) -> list[tuple[str, str]]:
    port = PortRows(name="vnet0", interfaces=(InterfaceRow(name="vnet0"),), qos=qos)
    link = Link(name="vnet0", index=7, mtu=mtu, tree=tree)
    found = verify({"vnet0": port}, {"vnet0": link}, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION)
    return [(each.code, each.where) for each in found]


def test_the_row_says_what_is_asked_and_open_vswitch_heeds_none_of_it() -> None:
    assert translate(REFERENCE, "vnet0", enforce="average") == WantedRows(
        qos=QosRow(type="linux-noop", other_config=CONFIG, external_ids=OWNER), policing=Policing(), outbound_mark=None
    )
    assert translate(Bandwidth(outbound=Rate(average=1)), "vnet0", enforce="average").qos is None


def test_who_enforces_is_read_off_the_mark() -> None:
    port = PortRows(name="vnet0", interfaces=(InterfaceRow(name="vnet0"),), qos=QOS)
    assert (marked(port), QOS.enforce) == (REFERENCE, "average")
    for mark in ("average=512", "average=512 enforce=averages", ""):
        assert QosRow(type="linux-noop", other_config={}, external_ids={"netqos": mark}).enforce == "htb"


def test_the_reference_example_to_the_tick() -> None:
    # 32 KiB at 512 kB/s last 64 ms, which are a million ticks of 64 ns; at peak there are 4 ms.
    assert predict(QOS, mtu=1500, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION) == TREE


@pytest.mark.parametrize(
    ("bandwidth", "rate", "ceil", "buffer", "cbuffer"),
    [
        (inbound(average=512), 512_000, 512_000, 312_500, 312_500),  # 20 ms
        (inbound(average=512, burst=32), 512_000, 512_000, 1_000_000, 1_000_000),
        (inbound(average=512, peak=512, burst=32), 512_000, 512_000, 1_000_000, 62_500),
        (inbound(average=512, peak=256, burst=32), 256_000, 256_000, 2_000_000, 62_500),
        (inbound(average=1), 1_000, 1_000, 16_000_000, 16_000_000),  # 1 KiB: 1.024 s
        (inbound(average=1, peak=2, burst=100), 1_000, 2_000, 937_500_000, 8_000_000),  # 102 s are cut to 60
        (inbound(average=125_000, peak=250_000), 125_000_000, 250_000_000, 312_500, 62_500),  # 20 ms, and 4 at peak
        (inbound(average=5_000_000, burst=100_000), 5_000_000_000, 5_000_000_000, 320_000, 320_000),  # 20.48 ms
    ],
)
def test_what_is_left_out_and_what_is_out_of_range(
    bandwidth: Bandwidth, rate: int, ceil: int, buffer: int, cbuffer: int
) -> None:
    made = leaf(bandwidth)
    assert (made.rate, made.ceil, made.buffer, made.cbuffer) == (rate, ceil, buffer, cbuffer)


def test_an_mtu_changes_nothing() -> None:
    assert leaf(REFERENCE, mtu=9000) == leaf(REFERENCE, mtu=68) == CLASS


@pytest.mark.parametrize("config", [{}, {"min-rate": "0"}, {"min-rate": "much"}])
def test_a_row_that_somebody_emptied_makes_no_tree(config: dict[str, str]) -> None:
    qos = QosRow(type="linux-noop", other_config=config, external_ids=OWNER)
    assert predict(qos, mtu=1500, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION) == Tree()
    assert ("rows-differ", "QoS other_config:min-rate") in drifts(qos, TREE)


@pytest.mark.parametrize(
    ("bandwidth", "found"),
    [
        (
            inbound(average=512, peak=1024, burst=32),
            [
                (
                    "average-holds",
                    "in the long run the guest receives 512 kB/s; 32768 bytes beyond that come at 1024 kB/s",
                )
            ],
        ),
        (
            inbound(average=512, burst=32),
            [
                (
                    "average-holds",
                    "in the long run the guest receives 512 kB/s; 32768 bytes beyond that come as fast as the link is",
                )
            ],
        ),
        (inbound(average=512, peak=512), [("average-holds", "the guest receives 512 kB/s and never more")]),
        (
            inbound(average=512, peak=256),
            [
                (
                    "average-above-peak",
                    "the guest receives 256 kB/s at most, and its average of 512 kB/s is cut to that",
                )
            ],
        ),
        (
            inbound(average=1_250_000, peak=1_250_000, burst=1024),
            [
                ("average-holds", "the guest receives 1250000 kB/s and never more"),
                ("burst-raised", "a burst of 1048576 bytes is less than 4 ms bring: it becomes 5000000 bytes"),
            ],
        ),
        (
            inbound(average=1, peak=1, burst=100),
            [
                ("average-holds", "the guest receives 1 kB/s and never more"),
                ("burst-wraps", "a burst of 102400 bytes takes HTB more than 60 s to save up: it becomes 60000 bytes"),
            ],
        ),
        (Bandwidth(outbound=Rate(average=100, burst=50)), []),
    ],
)
def test_the_findings_say_what_holds(bandwidth: Bandwidth, found: list[tuple[str, str]]) -> None:
    assert findings(bandwidth) == [Finding(*each) for each in found]


def test_what_is_in_place_is_no_drift_at_any_mtu() -> None:
    assert drifts(QOS, TREE) == drifts(QOS, TREE, mtu=9000) == []


def test_every_deviation_of_the_rows_is_one() -> None:
    queue = QueueRow(other_config={"max-rate": "8"})
    changed = [
        (QosRow(type="linux-htb", other_config=CONFIG, external_ids=OWNER), ("rows-differ", "QoS type")),
        (
            QosRow(type="linux-noop", other_config={**CONFIG, "burst": "8"}, external_ids=OWNER),
            ("rows-differ", "QoS other_config:burst"),
        ),
        (
            QosRow(type="linux-noop", other_config={**CONFIG, "x": "1"}, external_ids=OWNER),
            ("rows-differ", "QoS other_config:x"),
        ),
    ]
    for qos, drift in changed:
        assert drift in drifts(qos, TREE)
    # Open vSwitch makes no queue of a linux-noop.
    queued = QosRow(type="linux-noop", other_config=CONFIG, external_ids=OWNER, queues={1: queue})
    assert drifts(queued, TREE) == []


@pytest.mark.parametrize("field", ["rate", "ceil", "buffer", "cbuffer", "quantum", "prio", "mpu"])
def test_every_deviation_of_the_class_is_one(field: str) -> None:
    values = {name: getattr(CLASS, name) for name in HtbClass.__slots__}
    other = HtbClass(**{**values, field: values[field] + 1})
    assert drifts(QOS, Tree(qdisc=QDISC, classes={"6e71:1": other})) == [("tree-differs", f"class 6e71:1 {field}")]


def test_every_deviation_of_the_qdisc_is_one() -> None:
    for qdisc in (
        None,
        Qdisc(kind="pfifo_fast", handle="0:"),
        Qdisc(kind="htb", handle="1:", default=1, r2q=10),
        Qdisc(kind="htb", handle="6e71:", default=2, r2q=10),
    ):
        assert drifts(QOS, Tree(qdisc=qdisc, classes=TREE.classes)) == [("tree-missing", "qdisc")]
    assert drifts(QOS, Tree(qdisc=QDISC)) == [("tree-missing", "class 6e71:1")]


def test_a_tree_of_ours_without_a_row_is_one_even_without_a_class() -> None:
    assert drifts(None, TREE) == drifts(None, Tree(qdisc=QDISC)) == [("tree-unexpected", "qdisc")]


def test_a_drift_names_the_qdisc_that_is_missing() -> None:
    port = PortRows(name="vnet0", interfaces=(InterfaceRow(name="vnet0"),), qos=QOS)
    links = {"vnet0": Link(name="vnet0", index=7, mtu=1500)}
    assert verify({"vnet0": port}, links, ovs_version=(3, 1, 0), psched=HIGH_RESOLUTION) == [
        Drift(port="vnet0", code="tree-missing", where="qdisc", wanted="htb 6e71:", actual="none")
    ]
