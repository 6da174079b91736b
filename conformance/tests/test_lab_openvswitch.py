import re
from pathlib import Path

import pytest

from vifkit_conformance.lab import CommandError, Lab, LabError, Namespace, OpenVSwitch

pytestmark = pytest.mark.switch


def test_the_version_is_the_databases_too(own_lab: Lab) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", own_lab.ovs.version)
    assert own_lab.ovs.version_info >= (2, 0, 0)
    (row,) = own_lab.ovs.rows("Open_vSwitch")
    assert row["ovs_version"] == own_lab.ovs.version


def test_rows_are_plain_python_and_always_of_the_same_shape(own_lab: Lab) -> None:
    own_lab.bridge("br0")
    assert [row["name"] for row in own_lab.ovs.rows("Bridge")] == ["br0"]
    (port,) = own_lab.ovs.rows("Port")
    (interface,) = own_lab.ovs.rows("Interface", "_uuid", "ofport", "options", "mtu_request", "type")
    assert port["interfaces"] == [interface["_uuid"]]  # a set of one is still a list
    assert port["qos"] is None
    assert port["external_ids"] == {}
    assert interface == interface | {"ofport": 65534, "options": {}, "mtu_request": None, "type": "internal"}
    own_lab.ovs.vsctl("set", "Port", "br0", "external_ids:vm-id=42", "--", "set", "Port", "br0", "trunks=1,2")
    (port,) = own_lab.ovs.rows("Port", "external_ids", "trunks")
    assert port == {"external_ids": {"vm-id": "42"}, "trunks": [1, 2]}


def test_queues_are_keyed_by_number(own_lab: Lab) -> None:
    own_lab.ovs.vsctl(
        "--", "--id=@q", "create", "Queue", "dscp=1", "--", "create", "QoS", "type=linux-htb", "queues:0=@q"
    )
    (queue,) = own_lab.ovs.rows("Queue", "_uuid")
    assert own_lab.ovs.rows("QoS", "queues") == [{"queues": {0: queue["_uuid"]}}]


def test_both_daemons_answer_ovs_appctl(own_lab: Lab) -> None:
    assert own_lab.ovs.version in own_lab.ovs.appctl("version")
    assert "ovsdb-server" in own_lab.ovs.appctl("version", target="ovsdb-server")


def test_a_refused_command_and_a_refused_transaction_are_errors(own_lab: Lab) -> None:
    with pytest.raises(CommandError, match="no bridge named nowhere"):
        own_lab.ovs.vsctl("add-port", "nowhere", "eth0")
    with pytest.raises(LabError, match="nowhere"):
        own_lab.ovs.transact({"op": "select", "table": "nowhere", "where": []})


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_rows_and_ports_survive_a_restart_of_ovs_vswitchd(own_lab: Lab, end: str) -> None:
    own_lab.bridge("br0")
    own_lab.guest("192.0.2.1/24")
    before = own_lab.ovs.rows("Port", "name", "interfaces")
    getattr(own_lab.ovs.vswitchd, end)()
    assert "guest1" in own_lab.ovs.vsctl("--no-wait", "list-ports", "br0")
    own_lab.ovs.start_vswitchd()
    assert own_lab.ovs.rows("Port", "name", "interfaces") == before
    assert all(row["ofport"] > 0 for row in own_lab.ovs.rows("Interface"))
    assert "guest1" in own_lab.ovs.appctl("dpif/show")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_rows_survive_a_restart_of_ovsdb_server(own_lab: Lab, end: str) -> None:
    own_lab.bridge("br0")
    getattr(own_lab.ovs.ovsdb_server, end)()
    with pytest.raises(LabError, match="no Open vSwitch database answers"):
        own_lab.ovs.rows("Bridge")
    own_lab.ovs.start_ovsdb_server()
    assert [row["name"] for row in own_lab.ovs.rows("Bridge")] == ["br0"]
    own_lab.ovs.wait_until_settled()


def test_settled_means_that_the_kernel_has_what_the_rows_say(own_lab: Lab) -> None:
    own_lab.bridge("br0")
    own_lab.guest("192.0.2.1/24")
    create = ["--id=@qos", "create", "QoS", "type=linux-htb", "other_config:max-rate=8192000"]
    own_lab.ovs.vsctl("--no-wait", "--", *create, "--", "set", "Port", "guest1", "qos=@qos")
    own_lab.ovs.wait_until_settled()
    assert "8192Kbit" in own_lab.host.run("tc", "class", "show", "dev", "guest1")


def test_waiting_for_a_dead_switch_ends_with_its_log(own_lab: Lab) -> None:
    own_lab.ovs.vswitchd.kill()
    with pytest.raises(LabError, match=r"ovs-vswitchd ended with status -9; the end of ovs-vswitchd\.log"):
        own_lab.ovs.wait_until_settled()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with Namespace() as namespace, OpenVSwitch(namespace, tmp_path) as ovs:
        ovs.ovsdb_server.stop()
        (tmp_path / "conf.db").write_text("no database")
        with pytest.raises(LabError, match="ovsdb-server ended with status 1") as raised:
            ovs.start_ovsdb_server()
        assert "conf.db" in str(raised.value)
