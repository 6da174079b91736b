"""A connection whose libvirtd is away, or that is closed: every verb says so at once, and nothing changes."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from vifkit import Bandwidth, ConnectError, Rate, State
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests, interface
from vifkit_conformance.suite.trees import differences
from vifkit_qemu.driver import QemuConnection, QemuDomain, QemuDriver
from vifkit_qemu.testbed import QemuTestbed

pytestmark = pytest.mark.switch

SLOW = Bandwidth(inbound=Rate(average=128))


@contextmanager
def away(testbed: QemuTestbed) -> Iterator[None]:
    """Without libvirtd, and then again with it."""
    testbed.kill_daemon()
    try:
        yield
    finally:
        testbed.start_daemon()


def verbs(connection: QemuConnection, guest: Guests, made: Guest) -> dict[str, Callable[[], object]]:
    domain, mac = made.domain, made.mac
    assert isinstance(domain, QemuDomain)
    xml, _ = guest.write(REFERENCE)
    return {
        "version": connection.version,
        "domains": connection.domains,
        "domain": lambda: connection.domain(domain.name),
        "define": lambda: connection.define(xml),
        "create": lambda: connection.create(xml),
        "state": domain.state,
        "start": domain.start,
        "stop": domain.stop,
        "undefine": domain.undefine,
        "xml": domain.xml,
        "vifs": domain.vifs,
        "bandwidth": lambda: domain.bandwidth(mac),
        "set_bandwidth": lambda: domain.set_bandwidth(mac, SLOW),
        "shutdown": domain.shutdown,
        "reboot": domain.reboot,
        "suspend": domain.suspend,
        "resume": domain.resume,
        "attach_vif": lambda: domain.attach_vif(interface("52:54:00:00:00:aa", REFERENCE)),
        "detach_vif": lambda: domain.detach_vif(mac),
        "statistics": lambda: domain.statistics(mac),
        "migrate": lambda: domain.migrate(connection),
    }


def each_fails_at_once(attempts: dict[str, Callable[[], object]], said: str) -> None:
    for name, attempt in attempts.items():
        began = time.monotonic()
        with pytest.raises(ConnectError, match=said) as caught:
            attempt()
        assert time.monotonic() - began < 2, name
        assert "\n" not in str(caught.value), name


def test_every_verb_fails_at_once_while_libvirtd_is_away(
    guest: Guests, connection: QemuConnection, testbed: QemuTestbed
) -> None:
    made = guest(REFERENCE)
    tree = made.tree()
    with away(testbed):
        each_fails_at_once(verbs(connection, guest, made), "libvirt")
        assert made.tree() == tree
    assert [each.name for each in connection.domains()] == [made.domain.name]
    assert made.domain.state() is State.RUNNING
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512, peak=1024, burst=32)))
    assert differences(made.tree(), "reference") == []


def test_every_verb_of_a_closed_connection_says_that_it_is_closed(guest: Guests, driver: QemuDriver, uri: str) -> None:
    made = guest(REFERENCE)
    connection = driver.open(uri)
    assert isinstance(connection, QemuConnection)
    same = Guest(connection.domain(made.domain.name), made.macs, made.lab, made.testbed)
    connection.close()
    connection.close()
    each_fails_at_once(verbs(connection, guest, same), "is closed")
    assert made.domain.state() is State.RUNNING
    assert differences(made.tree(), "reference") == []


def test_a_libvirtd_that_is_away_is_a_connect_error_to_who_opens(
    driver: QemuDriver, testbed: QemuTestbed, uri: str
) -> None:
    with away(testbed), pytest.raises(ConnectError, match=r"Failed to connect socket to .*: Connection refused"):
        driver.open(uri)


def test_the_testbed_forgets_a_domain_that_libvirtd_died_over_before_it_had_a_process(
    guest: Guests, testbed: QemuTestbed
) -> None:
    made = guest(REFERENCE)
    record = testbed.libvirt.root / f"run/libvirt/qemu/{made.domain.name}.xml"
    half = re.sub(r"<domstatus .*>", "<domstatus state='paused' reason='starting up' pid='0'>", record.read_text())
    job = "<job type='none' async='start' flags='0x0'/>"
    with away(testbed):
        testbed.kill_guest(made.domain)
        record.write_text(half.replace("<monitor ", f"{job}<monitor ", 1))
    assert made.domain.state() is State.SHUTOFF
    made.domain.start()
    assert differences(made.tree(), "reference") == []
    made.domain.stop()
    assert made.ports() == []


def test_two_connections_see_and_change_the_same_domain(guest: Guests, driver: QemuDriver, uri: str) -> None:
    made = guest(REFERENCE)
    with driver.open(uri) as other:
        other.domain(made.domain.name).set_bandwidth(made.mac, SLOW)
    assert made.domain.bandwidth(made.mac) == SLOW
    assert made.tree().classes["1:1"].ceil == 128_000


def test_sixteen_threads_read_one_connection(guest: Guests, connection: QemuConnection) -> None:
    made = guest(REFERENCE)

    def read(_: int) -> tuple[State, Bandwidth | None, int]:
        return made.domain.state(), made.domain.bandwidth(made.mac), len(connection.domains())

    with ThreadPoolExecutor(16) as threads:
        seen = set(threads.map(read, range(200)))
    assert seen == {(State.RUNNING, Bandwidth(inbound=Rate(average=512, peak=1024, burst=32)), 1)}
