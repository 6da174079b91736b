"""Ports that are plugged and unplugged, with their rows."""

import pytest
from shared.rows import (
    CLASSES,
    DOMAIN,
    MARK,
    REFERENCE,
    Port,
    Rival,
    classes,
    create,
    inbound,
    interface,
    libvirts,
    next_cfg,
    qos_of,
    table,
)

from netqos.ovsdb import Plug, Switch
from vifkit import Bandwidth, PortExistsError, PortNotFoundError, Rate
from vifkit_conformance.lab import Lab, tap

pytestmark = pytest.mark.switch


def test_ports_are_plugged_with_their_bandwidths_in_one_transaction(lab: Lab, switch: Switch, port: Port) -> None:
    both = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32), outbound=Rate(average=100, burst=50))
    ids = {"attached-mac": "52:54:00:00:00:01", "iface-id": "a", "vm-id": DOMAIN}
    with tap(lab.host, "vnet0"), tap(lab.host, "vnet1"), tap(lab.host, "vnet2"):
        before = next_cfg(lab)
        switch.plug(
            Plug(bridge="br0", port="vnet0", external_ids=ids, bandwidth=both),
            Plug(bridge="br0", port="vnet1", bandwidth=inbound(100)),
            Plug(bridge="br0", port="vnet2"),
        )
        assert next_cfg(lab) == before + 1
        assert {"vnet0", "vnet1", "vnet2"} <= set(lab.ovs.vsctl("list-ports", "br0").split())
        assert interface(lab, "vnet0")["external_ids"] == {**ids, "netqos": "average=100 burst=50"}
        assert interface(lab, "vnet0")["ingress_policing_rate"] == 800
        assert classes(lab, "vnet0") == CLASSES
        qos = qos_of(lab, "vnet0")
        assert qos is not None
        assert qos["external_ids"] == {"ifname": "vnet0", "vm-id": DOMAIN, "netqos": MARK}
        assert "rate 800Kbit ceil 800Kbit" in str(classes(lab, "vnet1"))
        assert (qos_of(lab, "vnet2"), classes(lab, "vnet2")) == (None, set())
        assert switch.apply({"vnet0": both, "vnet1": inbound(100), "vnet2": None}) == []
        switch.unplug(["vnet0", "vnet1", "vnet2"])
        assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_to_plug_nothing_is_no_change(lab: Lab, switch: Switch) -> None:
    before = next_cfg(lab)
    switch.plug()
    switch.unplug([])
    assert next_cfg(lab) == before


def test_an_unknown_bridge_is_told_and_nothing_is_plugged(lab: Lab, switch: Switch) -> None:
    with pytest.raises(PortNotFoundError, match=r"^no bridge is named 'nowhere'$"):
        switch.plug(Plug(bridge="br0", port="vnet0", bandwidth=REFERENCE), Plug(bridge="nowhere", port="vnet1"))
    assert (set(switch.ports()), lab.ovs.rows("QoS")) == ({"br0"}, [])


def test_a_port_that_is_there_already_is_told_and_left_alone(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    before = interface(lab, "vnet0")
    with pytest.raises(PortExistsError) as raised:
        switch.plug(Plug(bridge="br0", port="vnet1"), Plug(bridge="br0", port="vnet0", bandwidth=REFERENCE))
    assert raised.value.port == "vnet0"
    assert (set(switch.ports()), lab.ovs.rows("QoS")) == ({"br0", "vnet0"}, [])
    assert interface(lab, "vnet0") == before


def test_of_two_that_plug_the_same_port_one_is_told(lab: Lab, switch: Switch, port: Port) -> None:
    plug = Plug(bridge="br0", port="vnet0", bandwidth=REFERENCE)
    with tap(lab.host, "vnet0"):
        with pytest.raises(PortExistsError):
            Rival(lab.ovs.db, lambda: switch.plug(plug)).plug(plug)
        assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1
        switch.unplug(["vnet0"])


def test_a_bridge_that_goes_meanwhile_is_told(lab: Lab, port: Port) -> None:
    lab.bridge("br1")
    late = Rival(lab.ovs.db, lambda: lab.ovs.vsctl("del-br", "br1"))
    with pytest.raises(PortNotFoundError, match="no bridge is named 'br1'"):
        late.plug(Plug(bridge="br1", port="vnet0", bandwidth=REFERENCE))
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_to_unplug_what_is_not_there_is_no_error(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    before = next_cfg(lab)
    switch.unplug(["vnet1"])
    assert next_cfg(lab) == before
    switch.unplug(["vnet1", "vnet0", "vnet0"])
    assert set(switch.ports()) == {"br0"}


def test_unplugging_takes_our_rows_and_libvirts_along_but_no_foreign_ones(lab: Lab, switch: Switch, port: Port) -> None:
    for name in ("vnet0", "vnet1", "vnet2"):
        port(name, vm_id=DOMAIN)
    switch.apply({"vnet0": REFERENCE})
    create(lab, "vnet1", *libvirts("vnet1"), queues={0: libvirts("vnet1")})
    foreign = create(lab, "vnet2", queues={0: ["dscp=1"]})
    switch.unplug(["vnet0", "vnet1", "vnet2"])
    assert set(switch.ports()) == {"br0"}
    assert set(table(lab, "QoS")) == {foreign}
    assert len(lab.ovs.rows("Queue")) == 1


def test_unplugging_works_on_whatever_bridge_has_the_port(lab: Lab, switch: Switch, port: Port) -> None:
    lab.bridge("br1")
    with tap(lab.host, "vnet0"):
        switch.plug(Plug(bridge="br1", port="vnet0", bandwidth=REFERENCE))
        port("vnet1")
        switch.unplug(["vnet0", "vnet1"])
        assert set(switch.ports()) == {"br0", "br1"}
    lab.ovs.vsctl("del-br", "br1")
