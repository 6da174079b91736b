"""libvirtd, ovsdb-server and ovs-vswitchd end and come back, and what changed meanwhile is brought in line."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from watching.domains import AVERAGE, PEAK
from watching.host import Host
from watching.process import Watch

pytestmark = pytest.mark.switch

LIMITED, PEAKING = (512_000, 512_000), (512_000, 1_024_000)
SOON = 2.5
"""Seconds after a daemon has come back: it is looked for each second."""


@contextmanager
def libvirtd_away(host: Host) -> Iterator[None]:
    host.libvirtd.kill()
    try:
        yield
    finally:
        host.libvirtd.start()


@contextmanager
def ovsdb_server_away(host: Host) -> Iterator[None]:
    host.lab.ovs.ovsdb_server.kill()
    try:
        yield
    finally:
        host.lab.ovs.start_ovsdb_server()
        host.lab.ovs.wait_until_settled()  # ovs-vswitchd, too, looks for it every few seconds only


@contextmanager
def vswitchd_away(host: Host) -> Iterator[None]:
    host.lab.ovs.vswitchd.kill()
    try:
        yield
    finally:
        host.lab.ovs.start_vswitchd()


@contextmanager
def all_away(host: Host) -> Iterator[None]:
    with libvirtd_away(host), vswitchd_away(host):
        host.lab.ovs.ovsdb_server.kill()
        try:
            yield
        finally:
            host.lab.ovs.start_ovsdb_server()


AWAY = pytest.mark.parametrize("away", [libvirtd_away, ovsdb_server_away, vswitchd_away, all_away])
Away = Callable[[Host], AbstractContextManager[None]]


@AWAY
def test_what_changes_after_a_restart_is_in_effect(host: Host, away: Away) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch:
        with away(host):
            pass
        host.keep(guest, PEAK)
        watch.wait_for_limit(guest, PEAKING, SOON)
        assert watch.end() == 0


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (libvirtd_away, ["lxc:///system answers again"]),
        (ovsdb_server_away, ["Open vSwitch answers again"]),
        (vswitchd_away, []),
        (all_away, ["Open vSwitch answers again"]),
    ],
)
def test_while_they_are_away_it_is_told_once_and_costs_nothing(host: Host, away: Away, back: list[str]) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc", options=("--audit", "1")) as watch:
        with away(host):
            time.sleep(1)
            before = watch.cpu_seconds()
            time.sleep(3)
            assert watch.cpu_seconds() - before < 0.1
        host.keep(guest, PEAK)
        watch.wait_for_limit(guest, PEAKING, SOON)
        watch.wait_until(lambda: [line for line in watch.lines() if line in back] == back, "its end is told")
        troubles = [line for line in watch.lines() if line.startswith("vifkit-libvirt: ")]
        assert len(back) <= len(troubles) == len(set(troubles)) <= 2, troubles


def test_rows_that_are_changed_while_libvirtd_is_away_are_restored(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch:
        with libvirtd_away(host):
            qos = host.qos(guest)
            rate = "other_config:max-rate=9000000"
            host.lab.ovs.vsctl("set", "QoS", qos["_uuid"], rate, "--", "set", "Queue", qos["queues"][0], rate)
            assert host.limit(guest) == (512_000, 1_125_000)
        watch.wait_for_limit(guest, LIMITED, SOON)


def test_a_domain_that_ends_while_libvirtd_is_away_leaves_no_rows(host: Host) -> None:
    guest = host.start("qemu", AVERAGE)
    with Watch(host, "qemu") as watch:
        with libvirtd_away(host):
            host.kill(guest)
        watch.wait_until(lambda: host.rows() == 0, "the rows are deleted", SOON)


def test_a_domain_that_starts_while_ovs_vswitchd_is_away_is_limited_when_it_is_back(host: Host) -> None:
    guest = host.start("lxc")
    with Watch(host, "lxc") as watch:
        with vswitchd_away(host):
            host.keep(guest, AVERAGE)
            time.sleep(0.5)
        watch.wait_for_limit(guest, LIMITED, SOON)


def test_rows_that_are_changed_while_ovs_vswitchd_is_away_are_restored_before_it_is_back(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch, vswitchd_away(host):
        host.lab.ovs.vsctl("--no-wait", "set", "QoS", host.qos(guest)["_uuid"], "other_config:max-rate=9000000")
        watch.wait_until(lambda: host.qos(guest)["other_config"]["max-rate"] == "4096000", "the row is restored")


def test_a_daemon_that_hangs_does_not_keep_the_service_from_ending(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch:
        os.kill(host.lab.ovs.vswitchd.pid, signal.SIGSTOP)
        try:
            host.keep(guest, PEAK)
            watch.wait_until(lambda: host.qos(guest)["other_config"]["max-rate"] == "8192000", "the row is written")
            before = time.monotonic()
            assert watch.end() == 0
            assert time.monotonic() - before < 1
        finally:
            os.kill(host.lab.ovs.vswitchd.pid, signal.SIGCONT)


@pytest.mark.parametrize("asked", [False, True], ids=["idle", "asked"])
def test_a_libvirtd_that_hangs_does_not_keep_the_service_from_ending(host: Host, asked: bool) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch:
        host.freeze(frozen=True)
        try:
            if asked:
                host.lab.ovs.vsctl("clear", "Port", host.port(guest), "qos")
                time.sleep(0.5)
            before = time.monotonic()
            assert watch.end() == 0
            assert time.monotonic() - before < 1
        finally:
            host.freeze(frozen=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_second_when_it_is_asked_to(host: Host, number: int) -> None:
    with Watch(host, "qemu", "lxc") as watch:
        before = time.monotonic()
        watch.process.send_signal(number)
        assert watch.process.wait(10) == 0
        assert time.monotonic() - before < 1
        assert [line for line in watch.lines() if not line.startswith("watching ")] == []


def test_a_service_that_has_nothing_to_do_does_nothing(host: Host) -> None:
    guests = [host.start("lxc", AVERAGE) for _ in range(3)]
    with Watch(host, "qemu", "lxc", options=("--json",)) as watch:
        before, transactions = watch.cpu_seconds(), host.transactions()
        time.sleep(6)  # longer than the keepalive of libvirt and the echo of ovsdb-server
        assert watch.cpu_seconds() - before < 0.06
        assert host.transactions() == transactions
        assert len(watch.passes()) == 1
        assert {host.limit(guest) for guest in guests} == {LIMITED}
