"""A watched switch whose daemons stop, and what its server wants of it meanwhile."""

import os
import select
import signal
import time
from collections.abc import Callable

import pytest
from shared.rows import CLASSES, REFERENCE, classes, inbound

from netqos.monitor import Changes, LiveSwitch
from netqos.ovsdb import Plug, Switch
from vifkit import SwitchUnavailableError
from vifkit_conformance.lab import Lab, tap, until

pytestmark = pytest.mark.switch


@pytest.mark.parametrize(
    "use",
    [
        LiveSwitch.changes,
        LiveSwitch.ports,
        LiveSwitch.leaks,
        LiveSwitch.collect,
        LiveSwitch.refresh,
        lambda live: live.apply({"br0": REFERENCE}),
        lambda live: live.unplug(["br0"]),
        lambda live: live.plug(Plug(bridge="br0", port="vnet1")),
    ],
    ids=["changes", "ports", "leaks", "collect", "refresh", "apply", "unplug", "plug"],
)
def test_a_database_that_was_restarted_is_told_and_a_new_object_goes_on(
    own_lab: Lab, use: Callable[[LiveSwitch], object]
) -> None:
    with tap(own_lab.host, "vnet0"), LiveSwitch(own_lab.ovs.db) as live:
        own_lab.ovs.add_port("br0", "vnet0")
        live.changes()
        own_lab.ovs.ovsdb_server.kill()
        own_lab.ovs.start_ovsdb_server()
        for _ in range(2):  # nor does it come back by itself
            assert select.select([live], [], [], 10)[0]
            with pytest.raises(SwitchUnavailableError, match=r"^the Open vSwitch database at .*stopped answering$"):
                live.changes()
            with pytest.raises(SwitchUnavailableError) as raised:
                use(live)
            assert not raised.value.committed
        own_lab.ovs.wait_until_settled()
        with LiveSwitch(own_lab.ovs.db) as again:
            assert {"br0", "vnet0"} <= again.changes().ports
            assert again.apply({"vnet0": REFERENCE}) == ["vnet0"]
            assert classes(own_lab, "vnet0") == CLASSES


def test_a_database_that_hangs_is_given_up(own_lab: Lab) -> None:
    with LiveSwitch(own_lab.ovs.db, timeout=0.5) as live:
        live.changes()
        os.kill(own_lab.ovs.ovsdb_server.pid, signal.SIGSTOP)
        assert live.changes() == Changes()  # nothing has come, and nothing is asked
        with pytest.raises(SwitchUnavailableError, match="stopped answering"):
            live.ports()
        os.kill(own_lab.ovs.ovsdb_server.pid, signal.SIGCONT)
        with pytest.raises(SwitchUnavailableError):  # an answer that comes late is nobody's
            live.ports()


def test_a_vswitchd_that_hangs_holds_an_apply_for_its_timeout_and_the_object_goes_on(own_lab: Lab) -> None:
    with tap(own_lab.host, "vnet0"), LiveSwitch(own_lab.ovs.db, timeout=0.5) as live:
        own_lab.ovs.add_port("br0", "vnet0")
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGSTOP)
        for _ in range(2):
            start = time.monotonic()
            with pytest.raises(SwitchUnavailableError, match="ovs-vswitchd is not answering") as raised:
                live.apply({"vnet0": REFERENCE})
            assert raised.value.committed
            assert 0.5 <= time.monotonic() - start < 5
        assert "vnet0" in live.changes().ports
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGCONT)
        until(lambda: classes(own_lab, "vnet0") == CLASSES, "what was committed is in effect")
        assert live.apply({"vnet0": REFERENCE}) == []


def test_a_server_that_drops_silent_clients_keeps_one_that_looks(own_lab: Lab) -> None:
    # One that is idle for a second, the least that can be set, is asked, and dropped a second later.
    probes = ["target=ptcp\\:6640\\:127.0.0.1", "inactivity_probe=1000"]
    own_lab.ovs.vsctl("--id=@m", "create", "Manager", *probes, "--", "set", "Open_vSwitch", ".", "manager_options=@m")
    own_lab.ovs.appctl("ovsdb-server/add-remote", "db:Open_vSwitch,Open_vSwitch,manager_options", target="ovsdb-server")
    db = "tcp:127.0.0.1:6640"
    with own_lab.host.call(LiveSwitch, db) as looks, own_lab.host.call(LiveSwitch, db) as silent:
        looks.changes()
        end = time.monotonic() + 4
        while (left := end - time.monotonic()) > 0:
            if select.select([looks], [], [], left)[0]:
                looks.changes()
        Switch(own_lab.ovs.db).apply({"br0": inbound(100)})
        looks.ports()
        assert looks.changes().ports == {"br0"}
        with pytest.raises(SwitchUnavailableError):
            silent.ports()


def test_what_is_closed_holds_nothing_and_may_be_closed_again(own_lab: Lab) -> None:
    live = LiveSwitch(own_lab.ovs.db)
    live.close()
    live.close()
    assert live.fileno() == -1
    with pytest.raises(SwitchUnavailableError):
        live.ports()
