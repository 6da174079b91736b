"""Whose rows they are."""

import pytest
from shared.rows import (
    CLASSES,
    CONFIG,
    DOMAIN,
    REFERENCE,
    Port,
    classes,
    create,
    inbound,
    libvirts,
    next_cfg,
    qos_of,
    table,
)

from netqos.ovsdb import Switch
from vifkit import Bandwidth, ForeignQosError, Rate
from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


def test_a_foreign_qos_is_refused_and_left_alone(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    port("vnet1")
    foreign = create(lab, "vnet0", "other_config:max-rate=1000000", "external_ids:owner=me", queues={0: ["dscp=1"]})
    before = table(lab, "QoS"), table(lab, "Queue"), next_cfg(lab)
    for wanted in (REFERENCE, Bandwidth(outbound=Rate(average=1))):
        with pytest.raises(ForeignQosError, match=rf"^the QoS row {foreign} of port 'vnet0' is not ours") as raised:
            switch.apply({"vnet1": REFERENCE, "vnet0": wanted})
        assert raised.value.port == "vnet0"
    assert (table(lab, "QoS"), table(lab, "Queue"), next_cfg(lab)) == before
    assert qos_of(lab, "vnet1") is None


def test_no_limit_beside_a_foreign_qos_is_no_change(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    create(lab, "vnet0", "other_config:max-rate=1000000")
    before = table(lab, "QoS"), next_cfg(lab)
    assert switch.apply({"vnet0": None}) == []
    assert (table(lab, "QoS"), next_cfg(lab)) == before


def test_adopting_leaves_the_foreign_row_where_it_is(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    foreign = create(lab, "vnet0", "other_config:max-rate=1000000", queues={0: ["dscp=1"]})
    before = table(lab, "QoS")[foreign]
    assert switch.apply({"vnet0": REFERENCE}, adopt=["vnet0"]) == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert qos["_uuid"] != foreign
    assert table(lab, "QoS")[foreign] == before
    assert len(lab.ovs.rows("Queue")) == 2
    assert classes(lab, "vnet0") == CLASSES
    assert switch.apply({"vnet0": None}) == ["vnet0"]
    assert table(lab, "QoS") == {foreign: before}


def test_adopting_without_a_limit_takes_the_foreign_row_off_the_port(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    foreign = create(lab, "vnet0", "other_config:max-rate=1000000")
    assert switch.apply({"vnet0": None}, adopt=["vnet0"]) == ["vnet0"]
    assert qos_of(lab, "vnet0") is None
    assert list(table(lab, "QoS")) == [foreign]


def test_the_row_of_libvirt_is_taken_over_in_place(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    stale = [*libvirts("vnet0"), "other_config:burst=8", "other_config:stale=1", "external_ids:more=kept"]
    uuid = create(lab, "vnet0", *stale, queues={0: stale})
    (queue,) = table(lab, "Queue")
    assert switch.apply({"vnet0": inbound(100)}) == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert (qos["_uuid"], qos["queues"], list(table(lab, "Queue"))) == (uuid, {0: queue}, [queue])
    for row in (qos, table(lab, "Queue")[queue]):
        assert row["other_config"] == {"min-rate": "800000", "max-rate": "800000"}
        assert row["external_ids"] == {"ifname": "vnet0", "vm-id": DOMAIN, "netqos": "average=100", "more": "kept"}


@pytest.mark.parametrize("ids", [libvirts("vnet0", "another"), libvirts("vnet1")])
def test_the_row_of_libvirt_for_another_domain_or_port_is_foreign(
    lab: Lab, switch: Switch, port: Port, ids: list[str]
) -> None:
    port("vnet0", vm_id=DOMAIN)
    create(lab, "vnet0", *ids, queues={0: ids})
    before = table(lab, "QoS")
    with pytest.raises(ForeignQosError):
        switch.apply({"vnet0": REFERENCE})
    assert table(lab, "QoS") == before


def test_a_qos_row_of_ours_that_lost_its_queue_gets_another(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    switch.apply({"vnet0": REFERENCE})
    (uuid,) = table(lab, "QoS")
    lab.ovs.vsctl("clear", "QoS", uuid, "queues", "--", "--all", "destroy", "Queue")
    assert switch.apply({"vnet0": REFERENCE}) == ["vnet0"]
    (qos,) = lab.ovs.rows("QoS")
    (queue,) = lab.ovs.rows("Queue")
    assert (qos["_uuid"], qos["queues"]) == (uuid, {0: queue["_uuid"]})
    assert queue["other_config"] == CONFIG


def test_a_foreign_queue_in_a_qos_row_of_ours_is_replaced_and_left_alone(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    switch.apply({"vnet0": REFERENCE})
    (uuid,) = table(lab, "QoS")
    (ours,) = table(lab, "Queue")
    lab.ovs.vsctl("set", "Queue", ours, "dscp=7", "--", "clear", "Queue", ours, "external_ids")
    more = lab.ovs.vsctl("--", "--id=@q", "create", "Queue", "dscp=5", "--", "set", "QoS", uuid, "queues:5=@q").strip()
    foreign = table(lab, "Queue")[ours]
    assert switch.apply({"vnet0": inbound(100)}) == ["vnet0"]
    (qos,) = lab.ovs.rows("QoS")
    assert qos["queues"].keys() == {0, 5}
    assert qos["queues"][5] == more
    assert qos["queues"][0] not in (ours, more)
    assert table(lab, "Queue")[ours] == foreign
    assert switch.apply({"vnet0": None}) == ["vnet0"]
    assert table(lab, "Queue").keys() == {ours, more}


def test_a_row_that_two_ports_share_is_not_deleted_with_one(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE})
    (uuid,) = table(lab, "QoS")
    lab.ovs.vsctl("set", "Port", "vnet1", f"qos={uuid}")
    with pytest.raises(ForeignQosError):
        switch.apply({"vnet1": inbound(1)})
    assert switch.apply({"vnet0": None}) == ["vnet0"]
    assert qos_of(lab, "vnet0") is None
    qos = qos_of(lab, "vnet1")
    assert qos is not None
    assert (qos["_uuid"], list(qos["queues"].values())) == (uuid, list(table(lab, "Queue")))
    assert classes(lab, "vnet1") == CLASSES


def test_a_row_that_two_ports_share_is_not_changed_with_one(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE})
    (uuid,) = table(lab, "QoS")
    lab.ovs.vsctl("set", "Port", "vnet1", f"qos={uuid}")
    before = qos_of(lab, "vnet1"), table(lab, "Queue")
    assert switch.apply({"vnet0": inbound(100)}) == ["vnet0"]
    own = qos_of(lab, "vnet0")
    assert own is not None
    assert own["_uuid"] != uuid
    assert own["external_ids"] == {"ifname": "vnet0", "netqos": "average=100"}
    queues = table(lab, "Queue")
    new = queues.pop(own["queues"][0])
    assert own["other_config"] == new["other_config"] == {"min-rate": "800000", "max-rate": "800000"}
    assert (qos_of(lab, "vnet1"), queues) == before
    assert "rate 800Kbit ceil 800Kbit" in str(classes(lab, "vnet0"))
    assert classes(lab, "vnet1") == CLASSES
