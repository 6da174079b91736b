"""What is applied, and what is read of it."""

import pytest
from shared.rows import (
    CLASSES,
    CONFIG,
    DOMAIN,
    MARK,
    REFERENCE,
    Port,
    classes,
    inbound,
    interface,
    next_cfg,
    qos_of,
    table,
)

from netqos import InterfaceRow, Policing, PortRows, QosRow, QueueRow
from netqos.ovsdb import Plug, Switch, default_db
from vifkit import Bandwidth, PortNotFoundError, Rate
from vifkit_conformance.lab import Lab, tap

pytestmark = pytest.mark.switch


def test_one_port_is_limited_as_the_reference_says(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    assert switch.apply({"vnet0": REFERENCE}) == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    (queue,) = lab.ovs.rows("Queue")
    owner = {"ifname": "vnet0", "vm-id": DOMAIN, "netqos": MARK}
    assert (qos["type"], qos["other_config"], qos["external_ids"]) == ("linux-htb", CONFIG, owner)
    assert qos["queues"] == {0: queue["_uuid"]}
    assert (queue["other_config"], queue["external_ids"]) == (CONFIG, owner)
    assert classes(lab, "vnet0") == CLASSES


def test_what_was_applied_is_read(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    switch.apply({"vnet0": REFERENCE})
    found = switch.ports(["vnet0"])["vnet0"]
    qos, row = qos_of(lab, "vnet0"), interface(lab, "vnet0")
    assert qos is not None
    owner = {"ifname": "vnet0", "vm-id": DOMAIN, "netqos": MARK}
    assert found == PortRows(
        name="vnet0",
        interfaces=(
            InterfaceRow(
                name="vnet0",
                external_ids={"vm-id": DOMAIN},
                mtu=1500,
                link_speed=row["link_speed"],
                uuid=row["_uuid"],
            ),
        ),
        qos=QosRow(
            type="linux-htb",
            other_config=CONFIG,
            external_ids=owner,
            queues={0: QueueRow(other_config=CONFIG, external_ids=owner, uuid=qos["queues"][0])},
            uuid=qos["_uuid"],
        ),
        in_userspace=True,
    )


def test_many_ports_are_changed_in_one_transaction(lab: Lab, switch: Switch, port: Port) -> None:
    names = [f"vnet{number}" for number in range(12)]
    for name in names:
        port(name)
    before = next_cfg(lab)
    assert switch.apply({name: inbound(100 + number) for number, name in enumerate(names)}) == names
    assert next_cfg(lab) == before + 1
    for number, name in enumerate(names):
        assert f"rate {(100 + number) * 8}Kbit" in str(classes(lab, name))
    assert switch.apply({**dict.fromkeys(names), "vnet3": inbound(103)}) == [name for name in names if name != "vnet3"]
    assert next_cfg(lab) == before + 2
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_where_nothing_differs_there_is_no_transaction(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    both = Bandwidth(inbound=Rate(average=512), outbound=Rate(average=100, peak=200))
    switch.apply({"vnet0": both})
    before = next_cfg(lab), table(lab, "QoS"), table(lab, "Queue")
    assert switch.apply({"vnet0": both, "vnet1": None}) == []
    assert switch.apply({}) == []
    assert (next_cfg(lab), table(lab, "QoS"), table(lab, "Queue")) == before


def test_another_bandwidth_goes_into_the_same_rows_without_stale_keys(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    switch.apply({"vnet0": REFERENCE})
    before = table(lab, "QoS").keys(), table(lab, "Queue").keys()
    assert switch.apply({"vnet0": inbound(100)}) == ["vnet0"]
    assert (table(lab, "QoS").keys(), table(lab, "Queue").keys()) == before
    for name in ("QoS", "Queue"):
        (row,) = lab.ovs.rows(name)
        assert row["other_config"] == {"min-rate": "800000", "max-rate": "800000"}
        assert row["external_ids"] == {"ifname": "vnet0", "netqos": "average=100"}


def test_outbound_is_policed_marked_and_cleared(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    switch.apply({"vnet0": Bandwidth(outbound=Rate(average=100, peak=200, burst=50))})
    row = interface(lab, "vnet0")
    assert (row["ingress_policing_rate"], row["ingress_policing_burst"]) == (800, 400)
    assert row["external_ids"] == {"vm-id": DOMAIN, "netqos": "average=100 peak=200 burst=50"}
    assert lab.ovs.rows("QoS") == []
    assert switch.apply({"vnet0": Bandwidth(outbound=Rate(average=100, peak=300, burst=50))}) == ["vnet0"]
    assert interface(lab, "vnet0")["external_ids"]["netqos"] == "average=100 peak=300 burst=50"
    assert switch.apply({"vnet0": Bandwidth()}) == ["vnet0"]
    row = interface(lab, "vnet0")
    assert (row["ingress_policing_rate"], row["ingress_policing_burst"]) == (0, 0)
    assert row["external_ids"] == {"vm-id": DOMAIN}


def test_clearing_leaves_no_row_and_no_class(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    switch.apply({"vnet0": REFERENCE})
    assert switch.apply({"vnet0": None}) == ["vnet0"]
    assert (qos_of(lab, "vnet0"), lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == (None, [], [])
    assert classes(lab, "vnet0") == set()


def test_a_port_that_is_not_there_changes_nothing_for_the_others(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    before = next_cfg(lab)
    with pytest.raises(PortNotFoundError, match=r"^no bridge has a port named 'vnet1'$") as raised:
        switch.apply({"vnet0": REFERENCE, "vnet1": REFERENCE})
    assert raised.value.port == "vnet1"
    assert (qos_of(lab, "vnet0"), next_cfg(lab)) == (None, before)
    with pytest.raises(PortNotFoundError):
        switch.ports(["vnet0", "vnet1"])


def test_every_interface_of_a_bond_is_policed(lab: Lab, switch: Switch, port: Port) -> None:
    with tap(lab.host, "tap1"), tap(lab.host, "tap2"):
        lab.ovs.vsctl("add-bond", "br0", "bond0", "tap1", "tap2")
        both = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32), outbound=Rate(average=100))
        assert switch.apply({"bond0": both}) == ["bond0"]
        assert switch.apply({"bond0": both}) == []
        for name in ("tap1", "tap2"):
            assert interface(lab, name)["ingress_policing_rate"] == 800
            assert interface(lab, name)["external_ids"] == {"netqos": "average=100"}
            assert classes(lab, name) == CLASSES
        switch.unplug(["bond0"])
        assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


@pytest.mark.parametrize("name", ["p[0]{1}", "a'b\"c", "{", "@port", "--", "ü-é", "uuid", "set", "$HOME;`", "x,y=z"])
def test_names_of_ports_may_be_odd(lab: Lab, switch: Switch, port: Port, name: str) -> None:
    with tap(lab.host, name):
        switch.plug(Plug(bridge="br0", port=name, bandwidth=REFERENCE))
        assert classes(lab, name) == CLASSES
        assert set(switch.ports([name])) == {name}
        assert switch.apply({name: REFERENCE}) == []
        switch.unplug([name])
        assert name not in switch.ports()


def test_what_stands_in_external_ids_is_kept_to_the_letter(lab: Lab, switch: Switch, port: Port) -> None:
    odd = {"naïve \N{SNOWMAN}": 'say "hé"', "{}[]=,": "\\ \n\t}", "": "empty", "vm-id": "d\N{GREEK SMALL LETTER ALPHA}"}
    with tap(lab.host, "vnet0"):
        switch.plug(Plug(bridge="br0", port="vnet0", external_ids=odd, bandwidth=REFERENCE))
        assert interface(lab, "vnet0")["external_ids"] == odd
        found = switch.ports(["vnet0"])["vnet0"]
        assert found.interfaces[0].external_ids == odd
        assert found.qos is not None
        assert found.qos.external_ids["vm-id"] == "d\N{GREEK SMALL LETTER ALPHA}"
        switch.apply({"vnet0": Bandwidth(outbound=Rate(average=1))})
        assert interface(lab, "vnet0")["external_ids"] == {**odd, "netqos": "average=1"}
        switch.unplug(["vnet0"])


def test_the_version_is_that_of_the_switch(lab: Lab) -> None:
    with Switch(lab.ovs.db) as switch:
        assert switch.version == lab.ovs.version


def test_the_server_is_looked_for_where_open_vswitchs_own_tools_do(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    monkeypatch.setenv("OVS_RUNDIR", str(lab.directory))
    assert default_db() == f"unix:{lab.directory}/db.sock"
    assert Switch().db == lab.ovs.db
    monkeypatch.delenv("OVS_RUNDIR")
    assert default_db() == "unix:/var/run/openvswitch/db.sock"


def test_policing_is_read_as_it_stands(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    lab.ovs.vsctl("set", "Interface", "vnet0", "ingress_policing_rate=7", "ingress_policing_burst=9")
    (found,) = switch.ports(["vnet0"])["vnet0"].interfaces
    assert found.policing == Policing(ingress_policing_rate=7, ingress_policing_burst=9)


def test_a_datapath_in_the_kernel_is_told_from_one_in_user_space(own_lab: Lab) -> None:
    switch = Switch(own_lab.ovs.db)
    assert switch.ports(["br0"])["br0"].in_userspace
    own_lab.ovs.vsctl("--no-wait", "add-br", "br1", "--", "set", "Bridge", "br1", "datapath_type=system")
    assert not switch.ports(["br0"])["br0"].in_userspace  # which bridge has it is not read
