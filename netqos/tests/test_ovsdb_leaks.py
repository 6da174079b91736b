"""Rows that were left behind."""

import pytest
from shared.rows import MARK, REFERENCE, Port, Rival, create, inbound, libvirts, next_cfg, qos_of, table

from netqos.ovsdb import Leak, Switch
from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


def test_rows_without_a_port_are_found_and_collected(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE, "vnet1": inbound(100)})
    kept = qos_of(lab, "vnet1")
    assert kept is not None
    gone = qos_of(lab, "vnet0")
    assert gone is not None
    lab.ovs.vsctl("del-port", "vnet0")
    ids = {"ifname": "vnet0", "netqos": MARK}
    expected = [
        Leak(table="QoS", uuid=gone["_uuid"], owner="netqos", external_ids=ids),
        Leak(table="Queue", uuid=gone["queues"][0], owner="netqos", external_ids=ids),
    ]
    assert switch.leaks() == expected
    assert switch.collect() == expected
    assert list(table(lab, "QoS")) == [kept["_uuid"]]
    assert list(table(lab, "Queue")) == [kept["queues"][0]]
    before = next_cfg(lab)
    assert (switch.leaks(), switch.collect()) == ([], [])
    assert next_cfg(lab) == before


def test_libvirts_rows_without_a_port_are_leaks_too(lab: Lab, switch: Switch, port: Port) -> None:
    uuid = create(lab, None, *libvirts("vnet9"), queues={0: libvirts("vnet9")})
    alone = lab.ovs.vsctl("create", "Queue", *libvirts("vnet8")).strip()
    leaks = switch.leaks()
    assert {leak.owner for leak in leaks} == {"libvirt"}
    assert [leak.uuid for leak in leaks if leak.table == "QoS"] == [uuid]
    assert len(leaks) == 3 and alone in {leak.uuid for leak in leaks}
    assert switch.collect() == leaks
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_foreign_rows_are_never_leaks(lab: Lab, switch: Switch, port: Port) -> None:
    create(lab, None, "external_ids:vm-id=1", queues={0: ["dscp=1"], 1: libvirts("vnet0")})
    create(lab, None, "external_ids:ifname=vnet0")
    create(lab, None)
    lab.ovs.vsctl("create", "Queue", "external_ids:owner=me")
    before = table(lab, "QoS"), table(lab, "Queue")
    assert (switch.leaks(), switch.collect()) == ([], [])
    assert (table(lab, "QoS"), table(lab, "Queue")) == before


def test_a_foreign_queue_in_a_leaked_row_is_left_alone(lab: Lab, switch: Switch, port: Port) -> None:
    uuid = create(lab, None, *libvirts("vnet0"), queues={0: ["dscp=1"]})
    assert [leak.uuid for leak in switch.collect()] == [uuid]
    assert len(lab.ovs.rows("Queue")) == 1


def test_a_row_that_is_taken_into_use_meanwhile_is_no_leak(lab: Lab, port: Port) -> None:
    port("vnet0")
    uuid = create(lab, None, *libvirts("vnet0"), queues={0: libvirts("vnet0")})
    late = Rival(lab.ovs.db, lambda: lab.ovs.vsctl("set", "Port", "vnet0", f"qos={uuid}"))
    assert late.collect() == []
    assert list(table(lab, "QoS")) == [uuid]
    assert len(lab.ovs.rows("Queue")) == 1
