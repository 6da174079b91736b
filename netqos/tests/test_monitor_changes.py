"""What a watched switch is seen to change."""

import select
from collections.abc import Iterator

import pytest
from shared.rows import REFERENCE, Port, create, inbound, libvirts, qos_of, table

from netqos.monitor import Changes, LiveSwitch
from netqos.ovsdb import Switch
from vifkit_conformance.lab import Lab, until

pytestmark = pytest.mark.switch


@pytest.fixture
def live(lab: Lab) -> Iterator[LiveSwitch]:
    with LiveSwitch(lab.ovs.db) as opened:
        yield opened


def readable(live: LiveSwitch, seconds: float) -> bool:
    return bool(select.select([live], [], [], seconds)[0])


def news(live: LiveSwitch) -> Changes:
    """What is seen by one who sleeps until there is something, and has nothing else to do."""
    assert readable(live, 10)
    return live.changes()


def at_rest(live: LiveSwitch) -> None:
    """Wait until ovs-vswitchd has written what it knows of new devices, and look."""

    def known() -> bool:
        interfaces = [interface for port in live.ports().values() for interface in port.interfaces]
        return all(each.mtu is not None and each.link_speed is not None for each in interfaces)

    until(known, "ovs-vswitchd knows all devices")
    live.changes()


def test_the_first_look_names_all_and_the_next_one_nothing(lab: Lab, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    create(lab, None, *libvirts("vnet9"))
    at_rest(live)
    with LiveSwitch(lab.ovs.db) as opened:
        first = opened.changes()
        assert first.ports == {"br0", "vnet0"} and not first.gone
        assert [leak.external_ids["ifname"] for leak in first.leaks] == ["vnet9"]
        assert opened.changes() == Changes()


@pytest.mark.parametrize(
    "command",
    [
        ["set", "QoS", "{qos}", "other_config:max-rate=1000000"],
        ["set", "QoS", "{qos}", "external_ids:owner=me"],
        ["set", "QoS", "{qos}", "type=linux-noop"],
        ["set", "Queue", "{queue}", "other_config:max-rate=1000000"],
        ["--id=@q", "create", "Queue", "other_config:max-rate=1000000", "--", "set", "QoS", "{qos}", "queues:0=@q"],
        ["set", "Interface", "vnet0", "ingress_policing_rate=7"],
        ["set", "Interface", "vnet0", "ingress_policing_burst=7"],
        ["set", "Interface", "vnet0", "external_ids:vm-id=a"],
        ["clear", "Port", "vnet0", "qos"],
        ["--id=@q", "create", "QoS", "type=linux-htb", "--", "set", "Port", "vnet0", "qos=@q"],
    ],
    ids=" ".join,
)
def test_a_change_of_any_row_of_a_port_names_the_port(
    lab: Lab, switch: Switch, live: LiveSwitch, port: Port, command: list[str]
) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE, "vnet1": REFERENCE})
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    at_rest(live)
    lab.ovs.vsctl("--no-wait", *(word.format(qos=qos["_uuid"], queue=qos["queues"][0]) for word in command))
    changes = news(live)
    assert changes.ports == {"vnet0"} and not changes.gone
    assert live.ports() == switch.ports()


def test_ports_that_come_and_go_are_named(lab: Lab, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    at_rest(live)
    port("vnet1")
    came = news(live)
    assert came.ports == {"vnet1"} and not came.gone
    at_rest(live)
    lab.ovs.vsctl("del-port", "vnet1")
    assert news(live) == Changes(gone=frozenset({"vnet1"}))
    assert set(live.ports()) == {"br0", "vnet0"}


def test_a_port_that_was_made_anew_has_changed_and_is_not_gone(lab: Lab, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    at_rest(live)
    lab.ovs.vsctl("del-port", "vnet0", "--", "add-port", "br0", "vnet0")
    changes = news(live)
    assert changes.ports == {"vnet0"} and not changes.gone


def test_a_row_that_ports_share_names_them_all(lab: Lab, live: LiveSwitch, port: Port) -> None:
    for name in ("vnet0", "vnet1", "vnet2"):
        port(name)
    uuid = create(lab, "vnet0", queues={0: ["dscp=1"]})
    lab.ovs.vsctl("set", "Port", "vnet1", f"qos={uuid}")
    at_rest(live)
    lab.ovs.vsctl("--no-wait", "set", "QoS", uuid, "other_config:max-rate=1000000")
    assert news(live).ports == {"vnet0", "vnet1"}


def test_rows_of_a_port_that_was_deleted_are_told_once_as_leaks(
    lab: Lab, switch: Switch, live: LiveSwitch, port: Port
) -> None:
    port("vnet0")
    port("vnet1")
    switch.apply({"vnet0": REFERENCE, "vnet1": REFERENCE})
    gone, kept = qos_of(lab, "vnet0"), qos_of(lab, "vnet1")
    assert gone is not None and kept is not None
    at_rest(live)
    lab.ovs.vsctl("del-port", "vnet0")
    changes = news(live)
    assert [(leak.table, leak.uuid) for leak in changes.leaks] == [("QoS", gone["_uuid"]), ("Queue", gone["queues"][0])]
    assert (live.leaks(), switch.leaks()) == ([*changes.leaks], [*changes.leaks])
    lab.ovs.vsctl("--no-wait", "set", "QoS", kept["_uuid"], "other_config:max-rate=1000000")
    assert news(live) == Changes(ports=frozenset({"vnet1"}))
    assert live.collect() == [*changes.leaks]
    assert list(table(lab, "QoS")) == [kept["_uuid"]]
    assert live.changes() == Changes()


def test_what_others_have_done_to_nothing_that_matters_wakes_nobody(lab: Lab, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    at_rest(live)
    lab.ovs.wait_until_settled()  # next_cfg and cur_cfg become others
    lab.ovs.vsctl("set", "Port", "vnet0", "external_ids:who=me")
    assert not readable(live, 0.2)
    assert live.changes() == Changes()


def test_what_comes_during_an_operation_is_told_afterwards(
    lab: Lab, switch: Switch, live: LiveSwitch, port: Port
) -> None:
    port("vnet0")
    port("vnet1")
    at_rest(live)
    switch.apply({"vnet1": inbound(100)})
    live.apply({"vnet0": REFERENCE})
    assert live.changes().ports == {"vnet0", "vnet1"}
    assert live.changes() == Changes()


def test_what_was_done_and_undone_between_two_looks_is_no_change(switch: Switch, live: LiveSwitch, port: Port) -> None:
    port("vnet0")
    at_rest(live)
    switch.apply({"vnet0": REFERENCE})
    live.ports()
    switch.apply({"vnet0": None})
    live.ports()
    assert live.changes() == Changes()
