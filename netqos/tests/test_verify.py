from collections.abc import Mapping
from dataclasses import replace

import pytest
from shared.reference import LEAF, TOP, TREE

from netqos import (
    Drift,
    HtbClass,
    InterfaceRow,
    Policing,
    PortRows,
    Psched,
    Qdisc,
    QosRow,
    QueueRow,
    Tree,
    marked,
    tree_drifts,
    verify,
)
from netqos.link import Link
from netqos.policing import Filter, Police
from vifkit import Bandwidth, Rate

REFERENCE = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
BOTH = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32), outbound=Rate(average=100, burst=50))
CONFIG = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
OWNER = {"ifname": "vnet0", "netqos": "average=512 peak=1024 burst=32"}
QUEUE = QueueRow(other_config=CONFIG, external_ids=OWNER, uuid="4d6f")
QOS = QosRow(type="linux-htb", other_config=CONFIG, external_ids=OWNER, queues={0: QUEUE}, uuid="a087")
FOREIGN = QosRow(type="linux-htb", other_config={"max-rate": "8000"}, external_ids={}, uuid="f0f0")
HTB = Qdisc(kind="htb", handle="1:", default=1, r2q=10)
BARE = Tree(qdisc=Qdisc(kind="pfifo_fast", handle="0:"))
POLICED = InterfaceRow(
    name="vnet0",
    policing=Policing(ingress_policing_rate=800, ingress_policing_burst=400),
    external_ids={"netqos": "average=100 burst=50"},
)
LIMIT = Police(rate=100_000, burst=8_000_000, mpu=60)  # 800 kbit/s, 51200 bytes in ticks of 64 ns
POLICE = (Filter(kind="matchall", pref=1, handle=1, actions=(LIMIT,)),)


def port(qos: QosRow | None = QOS, *interfaces: InterfaceRow) -> PortRows:
    return PortRows(name="vnet0", interfaces=interfaces or (InterfaceRow(name="vnet0"),), qos=qos)


def link(tree: Tree = TREE, *, mtu: int = 1500, policers: tuple[Filter, ...] = ()) -> Link:
    return Link(name="vnet0", index=7, mtu=mtu, tree=tree, policers=policers)


def drifts(rows: PortRows, *links: Link, wanted: Bandwidth | str | None = "by its marks") -> list[Drift]:
    asked: Mapping[str, Bandwidth | None] | None = None if isinstance(wanted, str) else {"vnet0": wanted}
    found = {each.name: each for each in links}
    return verify({"vnet0": rows}, found, ovs_version=(3, 1, 0), psched=Psched(), wanted=asked)


def drift(code: str, where: str, wanted: str, actual: str) -> Drift:
    return Drift(port="vnet0", code=code, where=where, wanted=wanted, actual=actual)


@pytest.mark.parametrize("wanted", ["by its marks", REFERENCE])
def test_what_is_as_it_was_asked_for_does_not_drift(wanted: Bandwidth | str) -> None:
    assert drifts(port(), link(), wanted=wanted) == []


@pytest.mark.parametrize("wanted", ["by its marks", BOTH])
def test_both_directions_as_they_were_asked_for_do_not_drift(wanted: Bandwidth | str) -> None:
    assert drifts(port(QOS, POLICED), link(policers=POLICE), wanted=wanted) == []


@pytest.mark.parametrize("wanted", ["by its marks", None, Bandwidth()])
def test_a_port_without_a_limit_does_not_drift(wanted: Bandwidth | str | None) -> None:
    assert drifts(port(None), link(BARE), wanted=wanted) == []
    assert drifts(port(None), wanted=wanted) == []


def test_a_stale_key_in_a_row_is_a_drift_in_either_table() -> None:
    stale = {**CONFIG, "priority": "1"}
    queue = replace(QUEUE, other_config=stale)
    found = drifts(port(replace(QOS, other_config=stale, queues={0: queue})), link(TREE), wanted=REFERENCE)
    assert [each for each in found if each.code == "rows-differ"] == [
        drift("rows-differ", "QoS other_config:priority", "none", "1"),
        drift("rows-differ", "Queue 0 other_config:priority", "none", "1"),
    ]


def test_an_old_figure_and_a_missing_one_are_drifts() -> None:
    qos = replace(QOS, other_config={"min-rate": "8000", "max-rate": "8192000"})
    assert drifts(port(qos), link()) == [
        drift("rows-differ", "QoS other_config:burst", "262144", "none"),
        drift("rows-differ", "QoS other_config:min-rate", "4096000", "8000"),
    ]


def test_a_qos_without_its_queue_differs_in_every_key() -> None:
    found = drifts(port(replace(QOS, queues={})), link())
    assert [each for each in found if each.code == "rows-differ"] == [
        drift("rows-differ", "Queue 0 other_config:burst", "262144", "none"),
        drift("rows-differ", "Queue 0 other_config:max-rate", "8192000", "none"),
        drift("rows-differ", "Queue 0 other_config:min-rate", "4096000", "none"),
    ]


def test_another_type_of_qos_is_a_drift() -> None:
    assert drifts(port(replace(QOS, type="linux-hfsc")), link()) == [
        drift("rows-differ", "QoS type", "linux-htb", "linux-hfsc")
    ]


def test_a_row_that_is_missing_or_too_much_is_a_drift() -> None:
    assert drifts(port(None), link(BARE), wanted=REFERENCE) == [drift("rows-differ", "Port qos", "a row", "none")]
    assert drifts(port(), link(), wanted=None) == [drift("rows-differ", "Port qos", "none", "a row")]


def test_other_policing_than_was_asked_for_is_a_drift() -> None:
    other = replace(POLICED, policing=Policing(ingress_policing_rate=8, ingress_policing_burst=0))
    expected = [
        drift("rows-differ", "Interface ingress_policing_rate", "800", "8"),
        drift("rows-differ", "Interface ingress_policing_burst", "400", "0"),
    ]
    slower = (replace(POLICE[0], actions=(replace(LIMIT, rate=1000, burst=3_115_098_112),)),)
    assert drifts(port(QOS, other), link(policers=slower), wanted=BOTH) == expected
    assert drifts(port(QOS, other), link(policers=slower)) == expected
    assert drifts(port(QOS, POLICED), link(policers=POLICE), wanted=REFERENCE) == [
        drift("rows-differ", "Interface ingress_policing_rate", "0", "800"),
        drift("rows-differ", "Interface ingress_policing_burst", "0", "400"),
    ]


def test_what_netqos_was_never_asked_for_is_not_judged_by_its_rows() -> None:
    libvirts = replace(QOS, external_ids={"ifname": "vnet0", "vm-id": "7714"}, other_config={"max-rate": "8192000"})
    unmarked = InterfaceRow(name="vnet0", external_ids={"vm-id": "7714"}, policing=POLICED.policing)
    assert drifts(port(libvirts, unmarked), link(policers=POLICE)) == []


def test_somebody_elses_row_is_a_drift_only_where_ours_is_wanted() -> None:
    tree = Tree(
        qdisc=HTB,
        classes={
            "1:fffe": replace(TOP, rate=1000, ceil=1000, buffer=23_437_500, cbuffer=23_437_500),
            "1:1": replace(LEAF, rate=1000, ceil=1000, buffer=24_437_500, cbuffer=24_437_500, quantum=1500),
        },
    )
    assert drifts(port(FOREIGN), link(tree), wanted=REFERENCE) == [
        drift("foreign-qos", "Port qos", "a row of ours", "QoS f0f0 of another")
    ]
    assert drifts(port(FOREIGN), link(tree), wanted=None) == []
    assert drifts(port(FOREIGN), link(tree)) == []


def test_a_device_that_is_missing_is_a_drift_where_something_limits_it() -> None:
    missing = drift("device-missing", "vnet0", "a device", "none")
    assert drifts(port()) == [missing]
    assert drifts(port(None, POLICED)) == [missing]
    assert drifts(port(None)) == []


def test_each_interface_of_a_bond_is_judged() -> None:
    bond = port(QOS, InterfaceRow(name="vnet0"), InterfaceRow(name="eth1"))
    assert drifts(bond, link()) == [drift("device-missing", "eth1", "a device", "none")]


@pytest.mark.parametrize(
    ("tree", "actual"),
    [
        (Tree(), "none"),
        (BARE, "pfifo_fast 0:"),
        (Tree(qdisc=Qdisc(kind="htb", handle="8001:", default=0, r2q=10)), "htb 8001:"),
        (Tree(qdisc=replace(HTB, default=2), classes=TREE.classes), "htb 1:"),
    ],
)
def test_a_tree_that_is_not_there_is_a_drift(tree: Tree, actual: str) -> None:
    assert drifts(port(), link(tree)) == [drift("tree-missing", "qdisc", "htb 1:", actual)]


def test_a_class_that_is_not_there_is_a_drift() -> None:
    assert drifts(port(), link(Tree(qdisc=HTB, classes={"1:fffe": TOP}))) == [
        drift("tree-missing", "class 1:1", "one", "no class")
    ]


def test_a_class_too_much_is_a_drift() -> None:
    more = Tree(qdisc=HTB, classes={**TREE.classes, "1:2": replace(LEAF, handle="1:2")})
    assert drifts(port(), link(more)) == [drift("tree-unexpected", "class 1:2", "no class", "one")]


def test_a_tree_without_a_row_is_a_drift() -> None:
    assert drifts(port(None), link()) == [drift("tree-unexpected", "qdisc", "none", "htb 1:")]


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("parent", "1:", "1:fffe"),
        ("rate", 511_999, "512000"),
        ("ceil", 1_250_000_000, "1024000"),
        ("buffer", 1_000_001, "1000000"),
        ("cbuffer", 499_999, "500000"),
        ("quantum", 1500, "51200"),
        ("prio", 7, "0"),
        ("level", 1, "0"),
        ("mpu", 0, "60"),
    ],
)
def test_a_field_of_a_class_that_differs_is_named(field: str, value: int | str, wanted: str) -> None:
    changed: HtbClass = replace(LEAF, **{field: value})  # type: ignore[arg-type]  # the field decides
    actual = Tree(qdisc=HTB, classes={"1:fffe": TOP, "1:1": changed})
    assert drifts(port(), link(actual)) == [drift("tree-differs", f"class 1:1 {field}", wanted, str(value))]


def test_another_mtu_is_counted_in() -> None:
    assert [(each.code, each.where) for each in drifts(port(), link(mtu=9000))] == [
        ("tree-differs", "class 1:fffe buffer"),
        ("tree-differs", "class 1:fffe cbuffer"),
    ]


def test_policing_without_a_filter_is_a_drift() -> None:
    assert drifts(port(QOS, POLICED), link()) == [drift("policing-missing", "ingress filter", "800 kbit/s", "none")]
    somebodys = Filter(kind="matchall", pref=49152, handle=1, actions=(LIMIT,))
    assert [each.code for each in drifts(port(QOS, POLICED), link(policers=(somebodys,)))] == ["policing-missing"]


def test_a_kernel_that_has_not_loaded_police_is_named() -> None:
    (found,) = verify(
        {"vnet0": port(QOS, POLICED)},
        {"vnet0": link()},
        ovs_version=(3, 1, 0),
        psched=Psched(),
        has_police=False,
    )
    assert (found.code, found.actual) == ("policing-missing", "none: the kernel lacks act_police, or has not loaded it")


def test_packets_and_bits_at_once_are_what_linux_refuses() -> None:
    both = Policing(ingress_policing_rate=800, ingress_policing_burst=400, ingress_policing_kpkts_rate=3)
    (*_, found) = drifts(port(QOS, replace(POLICED, policing=both)), link())
    said = "none: Linux refuses limits for bits and for packets in one action"
    assert found == drift("policing-missing", "ingress filter", "800 kbit/s and 3 kpkt/s", said)


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("rate", 125_000, "100000"),
        ("burst", 1, "8000000"),
        ("mtu", 1500, "65535"),
        ("mpu", 0, "60"),
        ("peakrate", 7, "0"),
        ("pkts_rate", 1000, "0"),
        ("exceed", "pass", "drop"),
        ("conform", "pipe", "continue"),
    ],
)
def test_each_field_of_a_filter_is_compared(field: str, value: object, wanted: str) -> None:
    changed: Police = replace(LIMIT, **{field: value})  # type: ignore[arg-type]  # the field decides
    actual = (replace(POLICE[0], actions=(changed,)),)
    assert drifts(port(QOS, POLICED), link(policers=actual)) == [
        drift("policing-differs", f"ingress filter {field}", wanted, str(value))
    ]


def test_what_was_not_to_be_seen_of_a_filter_counts_as_right() -> None:
    seen = (replace(POLICE[0], actions=(replace(LIMIT, mtu=None, mpu=None, pkts_burst=None),)),)
    assert drifts(port(QOS, POLICED), link(policers=seen)) == []


def test_another_action_beside_it_is_told() -> None:
    actual = (replace(POLICE[0], handle=2, actions=(LIMIT, LIMIT)),)
    assert drifts(port(QOS, POLICED), link(policers=actual)) == [
        drift("policing-differs", "ingress filter handle", "1", "2"),
        drift("policing-differs", "ingress filter actions", "1", "2"),
    ]


def test_basic_does_where_open_vswitch_has_to_take_it() -> None:
    fallback = (Filter(kind="basic", pref=49, handle=1, actions=(LIMIT,)),)
    assert drifts(port(QOS, POLICED), link(policers=fallback)) == []


@pytest.mark.parametrize(("kind", "pref"), [("matchall", 1), ("basic", 49)])
def test_a_police_filter_of_open_vswitchs_kind_that_no_row_asks_for_is_a_drift(kind: str, pref: int) -> None:
    stray = (Filter(kind=kind, pref=pref, handle=1, actions=(LIMIT,)),)
    found = [drift("policing-unexpected", "ingress filter", "none", f"{kind} pref {pref}")]
    assert drifts(port(), link(policers=stray)) == found
    bursting = InterfaceRow(name="vnet0", policing=Policing(ingress_policing_burst=400))
    assert drifts(port(QOS, bursting), link(policers=stray)) == found
    assert drifts(port(QOS, bursting), link()) == []


def test_an_unrelated_filter_is_nobodys_business() -> None:
    others = (
        Filter(kind="u32", pref=1, actions=()),
        Filter(kind="matchall", pref=1, handle=1),  # it does not police
        Filter(kind="matchall", pref=49152, handle=1, actions=(LIMIT,)),
        Filter(kind="flower", pref=2),
    )
    assert drifts(port(), link(policers=others)) == []
    assert drifts(port(QOS, POLICED), link(policers=others + POLICE)) == []


def test_trees_compare_without_regard_to_order() -> None:
    assert list(tree_drifts("vnet0", TREE, Tree(qdisc=HTB, classes={"1:1": LEAF, "1:fffe": TOP}))) == []


def test_where_no_tree_is_predicted_any_will_do() -> None:
    assert list(tree_drifts("vnet0", Tree(), TREE)) == []


def test_a_drift_reads_as_one_line() -> None:
    said = str(drift("tree-differs", "class 1:1 rate", "512000", "511999"))
    assert said == "vnet0: tree-differs: class 1:1 rate: wanted 512000, there is 511999"


def test_marks_tell_what_was_asked() -> None:
    assert marked(port(QOS, POLICED)) == BOTH
    assert marked(port()) == REFERENCE
    assert marked(port(None, POLICED)) == Bandwidth(outbound=Rate(average=100, burst=50))


def test_foreign_spoilt_and_missing_marks_tell_nothing() -> None:
    spoilt = replace(QOS, external_ids={"ifname": "vnet0", "netqos": "average"})
    another = replace(QOS, external_ids={"ifname": "vnet1", "netqos": "average=512"})
    for qos in (None, FOREIGN, spoilt, another):
        assert marked(port(qos)) is None
    assert marked(PortRows(name="vnet0", interfaces=())) is None
