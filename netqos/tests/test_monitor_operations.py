"""A watched switch does what a switch does that reads each time."""

from collections.abc import Iterator

import pytest
from shared.rows import (
    CLASSES,
    CONFIG,
    DOMAIN,
    REFERENCE,
    Port,
    Rival,
    classes,
    create,
    inbound,
    libvirts,
    next_cfg,
    qos_of,
)

from netqos.monitor import LiveSwitch
from netqos.ovsdb import Plug, Switch
from vifkit import Bandwidth, ForeignQosError, PortExistsError, PortNotFoundError, Rate
from vifkit_conformance.lab import Lab, tap

pytestmark = pytest.mark.switch


class LiveRival(Rival, LiveSwitch):
    """A watched switch where a rival is quicker."""


@pytest.fixture
def live(lab: Lab) -> Iterator[LiveSwitch]:
    with LiveSwitch(lab.ovs.db) as opened:
        yield opened


def written(lab: Lab) -> list[object]:
    """All that an apply writes, without UUIDs."""
    columns = {
        "Interface": ("name", "external_ids", "ingress_policing_rate", "ingress_policing_burst"),
        "QoS": ("type", "other_config", "external_ids"),
        "Queue": ("other_config", "external_ids"),
    }
    return [[row[column] for column in names for row in lab.ovs.rows(table)] for table, names in columns.items()]


def test_every_apply_leaves_the_same_rows_and_classes(lab: Lab, switch: Switch, live: LiveSwitch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    both = Bandwidth(inbound=Rate(average=100), outbound=Rate(average=100, peak=200, burst=50))
    outbound = Bandwidth(outbound=Rate(average=7))

    def history(judged: Switch) -> Iterator[tuple[list[str], list[object], set[str]]]:
        for wanted in (REFERENCE, REFERENCE, inbound(100), both, outbound, both, None, None):
            yield judged.apply({"vnet0": wanted}), written(lab), classes(lab, "vnet0")
        foreign = create(lab, "vnet0", "other_config:max-rate=1000000")
        with pytest.raises(ForeignQosError):
            judged.apply({"vnet0": REFERENCE})
        yield judged.apply({"vnet0": REFERENCE}, adopt=["vnet0"]), written(lab)[:1], classes(lab, "vnet0")
        lab.ovs.vsctl("destroy", "QoS", foreign)
        with pytest.raises(PortNotFoundError):
            judged.apply({"vnet0": None, "vnet1": None})
        yield judged.apply({"vnet0": None}), written(lab), classes(lab, "vnet0")

    watched = list(history(live))
    assert watched == list(history(switch))
    assert [(changed, tree) for changed, _, tree in watched[:2]] == [(["vnet0"], CLASSES), ([], CLASSES)]


def test_the_same_is_read(lab: Lab, switch: Switch, live: LiveSwitch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    port("vnet1")
    switch.apply({"vnet0": Bandwidth(inbound=Rate(average=512), outbound=Rate(average=100)), "vnet1": REFERENCE})
    create(lab, None, *libvirts("vnet9"), queues={0: libvirts("vnet9")})
    assert live.ports() == switch.ports()
    assert live.ports(["vnet1"]) == switch.ports(["vnet1"])
    assert live.leaks() == switch.leaks()
    assert len(live.leaks()) == 2
    with pytest.raises(PortNotFoundError):
        live.ports(["vnet2"])


def test_the_version_follows_an_upgrade(lab: Lab, live: LiveSwitch) -> None:
    assert live.version == lab.ovs.version
    try:
        lab.ovs.vsctl("--no-wait", "set", "Open_vSwitch", ".", "ovs_version=9.9.9")
        live.ports()
        assert live.version == "9.9.9"
    finally:
        lab.ovs.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"ovs_version={lab.ovs.version}")


def test_what_somebody_committed_a_moment_ago_is_known(switch: Switch, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    for turn in range(20):
        one, other = (switch, live) if turn % 2 else (live, switch)
        assert one.apply({"vnet0": inbound(100 + turn)}) == ["vnet0"]
        assert other.apply({"vnet0": inbound(100 + turn)}) == []


def test_ports_are_plugged_and_unplugged_as_ever(lab: Lab, live: LiveSwitch) -> None:
    with tap(lab.host, "vnet0"):
        live.plug(Plug(bridge="br0", port="vnet0", bandwidth=REFERENCE))
        assert classes(lab, "vnet0") == CLASSES
        with pytest.raises(PortExistsError):
            live.plug(Plug(bridge="br0", port="vnet0"))
        with pytest.raises(PortNotFoundError, match="no bridge is named 'br1'"):
            live.plug(Plug(bridge="br1", port="vnet1"))
        live.unplug(["vnet0"])
        assert "vnet0" not in live.ports()
        assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_a_bridge_that_came_later_is_known(lab: Lab, live: LiveSwitch) -> None:
    lab.ovs.add_bridge("br1")
    try:
        with tap(lab.host, "vnet0"):
            live.plug(Plug(bridge="br1", port="vnet0"))
            live.unplug(["vnet0"])
    finally:
        lab.ovs.vsctl("del-br", "br1")


def test_a_refresh_mends_what_tc_broke(lab: Lab, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    live.apply({"vnet0": REFERENCE})
    change = ["tc", "class", "change", "dev", "vnet0", "parent", "1:fffe", "classid", "1:1", "htb", "rate", "1mbit"]
    lab.host.run(*change)
    assert classes(lab, "vnet0") != CLASSES
    live.refresh()
    assert classes(lab, "vnet0") == CLASSES


def test_where_nothing_differs_there_is_no_transaction(lab: Lab, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    live.apply({"vnet0": REFERENCE})
    before = next_cfg(lab)
    assert live.apply({"vnet0": REFERENCE}) == []
    assert live.collect() == []
    live.unplug(["vnet1"])
    assert next_cfg(lab) == before


def test_a_lost_race_is_run_again_on_what_the_rival_left(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    with LiveRival(lab.ovs.db, lambda: switch.apply({"vnet0": inbound(100)})) as late:
        assert late.apply({"vnet0": REFERENCE}) == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert qos["other_config"] == CONFIG
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_races_are_lost_again_and_again_until_one_is_won(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    rates = iter(range(1, 100))
    with LiveRival(lab.ovs.db, lambda: switch.apply({"vnet0": inbound(next(rates))}), times=6) as late:
        assert late.apply({"vnet0": REFERENCE}) == ["vnet0"]
    assert next(rates) == 7
    assert classes(lab, "vnet0") == CLASSES


def test_a_foreign_row_that_comes_meanwhile_is_left_alone(lab: Lab, port: Port) -> None:
    port("vnet0")
    with (
        LiveRival(lab.ovs.db, lambda: create(lab, "vnet0", "other_config:max-rate=1000000")) as late,
        pytest.raises(ForeignQosError),
    ):
        late.apply({"vnet0": REFERENCE})
    (row,) = lab.ovs.rows("QoS")
    assert row["other_config"] == {"max-rate": "1000000"}


def test_a_port_that_goes_meanwhile_is_told(lab: Lab, port: Port) -> None:
    port("vnet0")
    with (
        LiveRival(lab.ovs.db, lambda: lab.ovs.vsctl("del-port", "vnet0")) as late,
        pytest.raises(PortNotFoundError),
    ):
        late.apply({"vnet0": REFERENCE})
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_a_leak_that_is_taken_into_use_meanwhile_stays(lab: Lab, port: Port) -> None:
    port("vnet0")
    uuid = create(lab, None, *libvirts("vnet0"), queues={0: libvirts("vnet0")})
    with LiveRival(lab.ovs.db, lambda: lab.ovs.vsctl("set", "Port", "vnet0", f"qos={uuid}")) as late:
        assert late.collect() == []
    (row,) = lab.ovs.rows("QoS")
    assert row["_uuid"] == uuid
