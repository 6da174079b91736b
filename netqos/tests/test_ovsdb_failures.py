"""A switch that does not answer."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from shared.rows import CLASSES, CONFIG, REFERENCE, classes, qos_of

from netqos.ovsdb import Plug, Switch
from netqos.patience import is_gone
from netqos.rpc import Operation, Rpc
from vifkit import BackendError, SwitchUnavailableError
from vifkit_conformance.lab import Lab, tap, until

pytestmark = pytest.mark.switch


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


def test_a_switch_that_has_crashed_is_not_waited_for_to_the_end(own_lab: Lab) -> None:
    switch = Switch(own_lab.ovs.db, timeout=60)
    own_lab.ovs.vswitchd.kill()
    began = time.monotonic()
    with pytest.raises(SwitchUnavailableError, match="ovs-vswitchd is not answering") as raised:
        switch.refresh()
    assert raised.value.committed
    assert 2 <= time.monotonic() - began < 30


def test_a_switch_that_is_started_again_is_waited_for(own_lab: Lab) -> None:
    switch = Switch(own_lab.ovs.db)
    before = own_lab.ovs.rows("Open_vSwitch", "next_cfg")
    own_lab.ovs.vswitchd.kill()
    with ThreadPoolExecutor(1) as thread:
        refreshed = thread.submit(switch.refresh)
        until(lambda: own_lab.ovs.rows("Open_vSwitch", "next_cfg") != before, "it is asked")
        own_lab.ovs.start_vswitchd()
        refreshed.result()


@pytest.mark.parametrize("db", ["tcp:127.0.0.1:1", "unix:", "unix:/nowhere/db.sock", "unix:/proc/self/db.sock"])
def test_nobody_is_gone_of_whom_nothing_is_known(db: str) -> None:
    assert not is_gone(db)


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
