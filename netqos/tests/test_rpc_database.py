"""A real server: what it refuses, and how long it is waited for."""

import os
import signal

import pytest
from shared.server import SELECT

from netqos.ovsdb import Switch
from netqos.rpc import LostRaceError, Rpc
from vifkit import BackendError, SwitchUnavailableError
from vifkit_conformance.lab import Lab


@pytest.mark.switch
def test_a_real_server_says_what_it_refuses(lab: Lab) -> None:
    nowhere = {"op": "select", "table": "nowhere", "where": [], "columns": []}
    with Rpc(lab.ovs.db, 10) as rpc:
        with pytest.raises(BackendError, match=r"^ovsdb-server refused: .*nowhere") as raised:
            rpc.transact(nowhere)
        assert not isinstance(raised.value, LostRaceError | SwitchUnavailableError)
        (answer,) = rpc.transact(SELECT)  # and the connection goes on
    assert answer == {"rows": [{"ovs_version": lab.ovs.version}]}


@pytest.mark.switch
def test_what_was_waited_for_in_vain_is_a_lost_race_and_changes_nothing(lab: Lab) -> None:
    wait = {"op": "wait", "columns": ["name"], "until": "==", "rows": [{"name": "br0"}], "timeout": 0}
    delete = {"op": "delete", "table": "Bridge", "where": [["name", "==", "br0"]]}
    with Rpc(lab.ovs.db, 10) as rpc, pytest.raises(LostRaceError):
        rpc.transact(delete, {**wait, "table": "Bridge", "where": [["name", "==", "br0"]]})
    assert [row["name"] for row in lab.ovs.rows("Bridge")] == ["br0"]


@pytest.mark.switch
def test_a_name_that_is_taken_and_a_row_that_is_in_use_are_lost_races(lab: Lab) -> None:
    (bridge,) = lab.ovs.rows("Bridge")
    interface = {"op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": "br0"}}
    port = {"op": "insert", "table": "Port", "uuid-name": "p", "row": {"name": "p", "interfaces": ["named-uuid", "i"]}}
    ports = [["ports", "insert", ["named-uuid", "p"]]]
    mutate = {"op": "mutate", "table": "Bridge", "where": [], "mutations": ports}
    with Rpc(lab.ovs.db, 10) as rpc:
        with pytest.raises(LostRaceError, match="constraint violation"):
            rpc.transact(interface, port, mutate)
        with pytest.raises(LostRaceError, match="referential integrity violation"):
            rpc.transact({"op": "delete", "table": "Port", "where": [["_uuid", "==", ["uuid", bridge["ports"][0]]]]})


@pytest.mark.switch
def test_a_change_has_settled_when_the_switch_says_so(lab: Lab) -> None:
    with Rpc(lab.ovs.db, 10) as rpc:
        number = rpc.bump([])
        assert rpc.settled(number, 10)
        (row,) = lab.ovs.rows("Open_vSwitch", "cur_cfg", "next_cfg")
        assert row["cur_cfg"] >= number
        assert rpc.bump([]) == number + 1 or row["next_cfg"] > number


@pytest.mark.switch
def test_a_stopped_switch_does_not_settle(own_lab: Lab) -> None:
    with Rpc(own_lab.ovs.db, 10) as rpc:
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGSTOP)
        number = rpc.bump([])
        assert not rpc.settled(number, 0.2)
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGCONT)
        assert rpc.settled(number, 10)


@pytest.mark.switch
def test_a_database_that_nobody_initialised_says_so(own_lab: Lab) -> None:
    own_lab.ovs.vswitchd.kill()
    own_lab.ovs.transact({"op": "delete", "table": "Open_vSwitch", "where": []})
    assert Switch(own_lab.ovs.db).version == ""
    assert Switch(own_lab.ovs.db).ports() == {}
    with Rpc(own_lab.ovs.db, 10) as rpc, pytest.raises(SwitchUnavailableError, match="was never initialised"):
        rpc.bump([])
