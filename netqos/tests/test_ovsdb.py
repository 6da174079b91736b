import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netqos import InterfaceRow, Policing, PortRows, QosRow, QueueRow
from netqos.ovsdb import Leak, Plug, Switch, default_db
from netqos.rpc import LostRaceError, Operation, Rpc
from vifkit import (
    BackendError,
    Bandwidth,
    ForeignQosError,
    PortExistsError,
    PortNotFoundError,
    Rate,
    SwitchUnavailableError,
)
from vifkit_conformance.lab import Lab, Link, tap

pytestmark = pytest.mark.switch

Port = Callable[..., Link]
Row = dict[str, Any]

DOMAIN = "7714e6b5-4885-4140-bc59-2f77cc99b3b5"
REFERENCE = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
CONFIG = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
MARK = "average=512 peak=1024 burst=32"
CLASSES = {
    "class htb 1:fffe root rate 8192Kbit ceil 8192Kbit burst 1499b cburst 1499b",
    "class htb 1:1 parent 1:fffe prio 0 rate 4096Kbit ceil 8192Kbit burst 32Kb cburst 32Kb",
}


def inbound(average: int) -> Bandwidth:
    return Bandwidth(inbound=Rate(average=average))


def table(lab: Lab, name: str) -> dict[str, Row]:
    return {row["_uuid"]: row for row in lab.ovs.rows(name)}


def qos_of(lab: Lab, port: str) -> Row | None:
    """The QoS row of a port as the database has it."""
    (row,) = (row for row in lab.ovs.rows("Port") if row["name"] == port)
    return None if row["qos"] is None else table(lab, "QoS")[row["qos"]]


def interface(lab: Lab, name: str) -> Row:
    (row,) = (row for row in lab.ovs.rows("Interface") if row["name"] == name)
    return row


def classes(lab: Lab, device: str) -> set[str]:
    return {line.strip() for line in lab.host.run("tc", "class", "show", "dev", device).splitlines()}


def next_cfg(lab: Lab) -> int:
    (row,) = lab.ovs.rows("Open_vSwitch", "next_cfg")
    return int(row["next_cfg"])


def create(lab: Lab, port: str | None, *settings: str, queues: dict[int, list[str]] | None = None) -> str:
    """Write a QoS row as any other program might, and return its UUID."""
    words: list[str] = []
    for number, each in (queues or {}).items():
        words += ["--", f"--id=@q{number}", "create", "Queue", *each]
    keys = [f"queues:{number}=@q{number}" for number in queues or {}]
    set_port = ["--", "set", "Port", port, "qos=@qos"] if port else []
    made = lab.ovs.vsctl("--", "--id=@qos", "create", "QoS", "type=linux-htb", *settings, *keys, *words, *set_port)
    return made.splitlines()[0]


def libvirts(port: str, vm_id: str = DOMAIN) -> list[str]:
    return [f"external_ids:ifname={port}", f"external_ids:vm-id={vm_id}", "other_config:max-rate=1000000"]


class Rival(Switch):
    """A switch where a rival is quicker, each time until it has been so `times`."""

    def __init__(self, db: str, rival: Callable[[], object], times: int = 1) -> None:
        super().__init__(db)
        self._rival = rival
        self._left = times

    def _commit(self, edit: Any) -> None:
        def edit_late(snapshot: Any) -> list[Operation]:
            operations = list(edit(snapshot))
            if self._left:
                self._left -= 1
                self._rival()
            return operations

        super()._commit(edit_late)


# Applying


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


# Whose rows they are


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


# Plugging


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


# Rivals


def test_a_lost_race_is_run_again_on_what_the_rival_left(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": inbound(100)}))
    assert late.apply({"vnet0": REFERENCE}) == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert qos["other_config"] == CONFIG
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_a_rival_that_wanted_the_same_leaves_nothing_to_do(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": REFERENCE}))
    assert late.apply({"vnet0": REFERENCE}) == []
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_a_race_that_is_always_lost_ends(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    rates = iter(range(1, 100))
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": inbound(next(rates))}), times=99)
    with pytest.raises(LostRaceError):
        late.apply({"vnet0": REFERENCE})
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert qos["external_ids"]["netqos"] == "average=10"


def test_a_foreign_row_that_comes_meanwhile_is_left_alone(lab: Lab, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: create(lab, "vnet0", "other_config:max-rate=1000000"))
    with pytest.raises(ForeignQosError):
        late.apply({"vnet0": REFERENCE})
    (row,) = lab.ovs.rows("QoS")
    assert row["other_config"] == {"max-rate": "1000000"}


def test_a_row_that_others_come_to_share_meanwhile_is_not_deleted(lab: Lab, switch: Switch, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE})
    (uuid,) = table(lab, "QoS")
    late = Rival(lab.ovs.db, lambda: lab.ovs.vsctl("set", "Port", "vnet1", f"qos={uuid}"))
    assert late.apply({"vnet0": None}) == ["vnet0"]
    assert qos_of(lab, "vnet0") is None
    assert list(table(lab, "QoS")) == [uuid]


def test_a_port_that_goes_meanwhile_is_told(lab: Lab, port: Port) -> None:
    port("vnet0")
    late = Rival(lab.ovs.db, lambda: lab.ovs.vsctl("del-port", "vnet0"))
    with pytest.raises(PortNotFoundError):
        late.apply({"vnet0": REFERENCE})
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_two_that_differ_in_both_directions_do_not_mix(lab: Lab, switch: Switch, port: Port) -> None:
    def both(average: int, outbound: int) -> Bandwidth:
        return Bandwidth(inbound=Rate(average=average), outbound=Rate(average=outbound))

    port("vnet0")
    switch.apply({"vnet0": both(200, 10)})
    late = Rival(lab.ovs.db, lambda: switch.apply({"vnet0": both(200, 20)}))
    late.apply({"vnet0": both(100, 10)})
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert (qos["other_config"]["min-rate"], interface(lab, "vnet0")["ingress_policing_rate"]) == ("800000", 80)


def test_two_threads_at_one_port_leave_what_one_of_them_wanted(lab: Lab, port: Port) -> None:
    port("vnet0")
    bandwidths = [
        Bandwidth(inbound=Rate(average=512, peak=1024, burst=32), outbound=Rate(average=100)),
        Bandwidth(inbound=Rate(average=100), outbound=Rate(average=200, burst=50)),
    ]
    failed: list[BaseException] = []
    start = threading.Barrier(2)

    def work(mine: int) -> None:
        try:
            switch = Switch(lab.ovs.db)
            start.wait()
            for turn in range(50):
                switch.apply({"vnet0": bandwidths[mine] if turn % 5 or turn == 0 else None})
        except BaseException as error:  # noqa: BLE001  told to the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    (qos,) = lab.ovs.rows("QoS")
    (queue,) = lab.ovs.rows("Queue")
    row = interface(lab, "vnet0")
    policing = row["ingress_policing_rate"], row["ingress_policing_burst"], row["external_ids"]
    assert qos["other_config"] == queue["other_config"]
    assert (qos["other_config"], policing) in (
        (CONFIG, (800, 0, {"netqos": "average=100"})),
        ({"min-rate": "800000", "max-rate": "800000"}, (1600, 400, {"netqos": "average=200 burst=50"})),
    )


def test_many_rivals_all_get_their_turn(lab: Lab, port: Port) -> None:
    port("vnet0")
    failed: list[BaseException] = []

    def work(mine: int) -> None:
        try:
            switch = Switch(lab.ovs.db)
            for turn in range(10):
                switch.apply({"vnet0": inbound(100 * mine + turn)})
        except BaseException as error:  # noqa: BLE001  told to the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    (qos,) = lab.ovs.rows("QoS")
    (queue,) = lab.ovs.rows("Queue")
    assert qos["external_ids"] == queue["external_ids"]
    assert qos["external_ids"]["netqos"] in {f"average={100 * number + 9}" for number in range(1, 7)}


# What was left behind


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


# A switch that does not answer


@contextmanager
def with_a_port(lab: Lab) -> Iterator[None]:
    with tap(lab.host, "vnet0"):
        lab.ovs.add_port("br0", "vnet0")
        yield


def test_a_switch_that_hangs_is_told_and_what_was_committed_takes_effect_later(own_lab: Lab) -> None:
    with with_a_port(own_lab):
        switch = Switch(own_lab.ovs.db, timeout=1)
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGSTOP)
        for _ in range(2):  # a second call finds nothing to change, and yet it is not in effect
            with pytest.raises(SwitchUnavailableError, match="ovs-vswitchd is not answering") as raised:
                switch.apply({"vnet0": REFERENCE})
            assert raised.value.committed
        assert len(own_lab.ovs.rows("QoS")) == 1
        assert classes(own_lab, "vnet0") == set()
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGCONT)
        assert Switch(own_lab.ovs.db).apply({"vnet0": REFERENCE}) == []
        assert classes(own_lab, "vnet0") == CLASSES


def test_a_switch_that_died_is_told_and_what_was_committed_is_in_effect_after_its_restart(own_lab: Lab) -> None:
    with with_a_port(own_lab):
        switch = Switch(own_lab.ovs.db, timeout=1)
        own_lab.ovs.vswitchd.kill()
        for refused in (
            lambda: switch.apply({"vnet0": REFERENCE}),
            lambda: switch.plug(Plug(bridge="br0", port="vnet1")),
            lambda: switch.unplug(["vnet1"]),
            switch.refresh,
        ):
            with pytest.raises(SwitchUnavailableError) as raised:
                refused()
            assert raised.value.committed
        qos = qos_of(own_lab, "vnet0")
        assert qos is not None
        assert qos["other_config"] == CONFIG
        own_lab.ovs.start_vswitchd()
        assert classes(own_lab, "vnet0") == CLASSES
        assert Switch(own_lab.ovs.db).apply({"vnet0": REFERENCE}) == []


def test_reading_needs_no_vswitchd(own_lab: Lab) -> None:
    own_lab.ovs.vswitchd.kill()
    switch = Switch(own_lab.ovs.db)
    assert (set(switch.ports()), switch.leaks(), switch.version) == ({"br0"}, [], own_lab.ovs.version)


def test_a_database_that_died_is_told_and_its_restart_does_not_matter(own_lab: Lab) -> None:
    with with_a_port(own_lab), Switch(own_lab.ovs.db, timeout=5) as switch:
        own_lab.ovs.ovsdb_server.kill()
        for refused in (
            switch.ports,
            lambda: switch.apply({"vnet0": REFERENCE}),
            lambda: switch.unplug(["vnet0"]),
            switch.collect,
            switch.refresh,
            lambda: Switch(own_lab.ovs.db),
        ):
            with pytest.raises(SwitchUnavailableError, match="no Open vSwitch database answers at unix:") as raised:
                refused()
            assert not raised.value.committed
        own_lab.ovs.start_ovsdb_server()
        own_lab.ovs.wait_until_settled()
        assert Switch(own_lab.ovs.db).apply({"vnet0": REFERENCE}) == ["vnet0"]
        assert switch.apply({"vnet0": REFERENCE}) == []


def test_a_database_that_dies_while_it_is_waited_for_leaves_the_effect_unknown(own_lab: Lab) -> None:
    class Dying(Rpc):
        def bump(self, operations: list[Operation]) -> int:
            number = super().bump(operations)
            own_lab.ovs.ovsdb_server.kill()
            return number

    with with_a_port(own_lab), pytest.MonkeyPatch.context() as patch:
        switch = Switch(own_lab.ovs.db, timeout=5)
        patch.setattr("netqos.ovsdb.Rpc", Dying)
        with pytest.raises(SwitchUnavailableError, match="the rows are committed, but the database") as raised:
            switch.apply({"vnet0": REFERENCE})
        assert raised.value.committed
        assert isinstance(raised.value.__cause__, BackendError)


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
