"""A connection for reading only sees everything, and changes nothing."""

from collections.abc import Callable, Iterator

import pytest

from vifkit import Bandwidth, Connection, DomainNotFoundError, InvalidStateError, Rate, State
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guest, Guests, interface
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_qemu.driver import QemuConnection, QemuDomain, QemuDriver
from vifkit_qemu.testbed import QemuTestbed

pytestmark = pytest.mark.switch

Denied = Callable[[Callable[[], object]], None]

SLOW = Bandwidth(inbound=Rate(average=128))


@pytest.fixture
def reader(driver: QemuDriver, uri: str, nothing_left: None) -> Iterator[QemuConnection]:
    with driver.open(f"{uri}&readonly=on") as opened:
        assert isinstance(opened, QemuConnection)
        yield opened


@pytest.fixture
def running(guest: Guests) -> Guest:
    return guest(REFERENCE)


@pytest.fixture
def shut_off(guest: Guests) -> Guest:
    return guest(LOW, start=False)


def test_it_reads_all_that_there_is(reader: QemuConnection, running: Guest, shut_off: Guest) -> None:
    assert {each.name for each in reader.domains()} == {running.domain.name, shut_off.domain.name}
    seen = reader.domain(running.domain.name)
    assert isinstance(seen, QemuDomain)
    assert (seen.state(), seen.uuid, seen.xml()) == (State.RUNNING, running.domain.uuid, running.domain.xml())
    assert seen.vifs() == running.domain.vifs()
    assert seen.bandwidth(running.mac) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
    assert seen.statistics(running.mac).received_packets >= 0
    assert reader.domain(shut_off.domain.name).state() is State.SHUTOFF
    assert reader.version() == running_version(running)
    with pytest.raises(DomainNotFoundError):
        reader.domain("nobody")


def running_version(made: Guest) -> str:
    domain = made.domain
    assert isinstance(domain, QemuDomain)
    return domain._connection.version()


ON_A_RUNNING_DOMAIN: dict[str, Callable[[QemuDomain, Guest], object]] = {
    "stop": lambda domain, made: domain.stop(),
    "shutdown": lambda domain, made: domain.shutdown(),
    "reboot": lambda domain, made: domain.reboot(),
    "suspend": lambda domain, made: domain.suspend(),
    "set_bandwidth": lambda domain, made: domain.set_bandwidth(made.mac, SLOW),
    "clear": lambda domain, made: domain.set_bandwidth(made.mac, None),
    "attach_vif": lambda domain, made: domain.attach_vif(interface("52:54:00:00:00:aa", REFERENCE)),
    "detach_vif": lambda domain, made: domain.detach_vif(made.mac),
}
ON_A_SHUT_OFF_DOMAIN: dict[str, Callable[[QemuDomain, Guest], object]] = {
    "start": lambda domain, made: domain.start(),
    "undefine": lambda domain, made: domain.undefine(),
    "set_bandwidth": lambda domain, made: domain.set_bandwidth(made.mac, SLOW),
    "clear": lambda domain, made: domain.set_bandwidth(made.mac, None),
}


def handle(reader: QemuConnection, made: Guest) -> QemuDomain:
    found = reader.domain(made.domain.name)
    assert isinstance(found, QemuDomain)
    return found


@pytest.mark.parametrize("verb", ON_A_RUNNING_DOMAIN)
def test_it_changes_no_running_domain(reader: QemuConnection, denied: Denied, running: Guest, verb: str) -> None:
    attempt = ON_A_RUNNING_DOMAIN[verb]
    denied(lambda: attempt(handle(reader, running), running))


@pytest.mark.parametrize("verb", ON_A_SHUT_OFF_DOMAIN)
def test_it_changes_no_domain_that_is_shut_off(
    reader: QemuConnection, denied: Denied, shut_off: Guest, verb: str
) -> None:
    attempt = ON_A_SHUT_OFF_DOMAIN[verb]
    denied(lambda: attempt(handle(reader, shut_off), shut_off))


def test_it_resumes_no_domain(reader: QemuConnection, denied: Denied, running: Guest) -> None:
    assert isinstance(running.domain, QemuDomain)
    running.domain.suspend()
    denied(handle(reader, running).resume)
    assert running.domain.state() is State.PAUSED


def test_it_migrates_no_domain(reader: QemuConnection, connection: Connection, denied: Denied, running: Guest) -> None:
    denied(lambda: handle(reader, running).migrate(connection))


@pytest.mark.parametrize("verb", ["define", "create"])
def test_it_makes_no_domain(reader: QemuConnection, denied: Denied, guest: Guests, verb: str) -> None:
    xml, _ = guest.write(REFERENCE)
    denied(lambda: getattr(reader, verb)(xml))
    assert guest.connection.domains() == []


@pytest.mark.parametrize("verb", ["define", "create"])
def test_it_replaces_and_starts_no_domain_that_is_defined(
    reader: QemuConnection, denied: Denied, shut_off: Guest, verb: str
) -> None:
    xml = shut_off.domain.xml()
    denied(lambda: getattr(reader, verb)(xml))


def test_a_start_that_is_denied_sweeps_nothing_away(
    reader: QemuConnection, connection: Connection, denied: Denied, shut_off: Guest
) -> None:
    """What an earlier life of the domain has left on Open vSwitch is the first thing that a start takes away."""
    lab, mac = shut_off.lab, shut_off.mac
    ids = {"attached-mac": f'"{mac}"', "iface-id": "left", "iface-status": "active", "vm-id": shut_off.domain.uuid}
    written = (f"external_ids:{name}={value}" for name, value in ids.items())
    lab.ovs.vsctl("add-port", "br0", "left0", "--", "set", "Interface", "left0", "type=internal", *written)
    denied(handle(reader, shut_off).start)
    assert "left0" in {row["name"] for row in lab.ovs.rows("Port")}
    connection.domain(shut_off.domain.name).start()
    assert {row["name"] for row in lab.ovs.rows("Port")} == {"br0", shut_off.device()}


def test_what_is_wrong_is_said_before_that_it_may_not(reader: QemuConnection, running: Guest) -> None:
    with pytest.raises(InvalidStateError):
        handle(reader, running).start()
    with pytest.raises(LookupError):
        handle(reader, running).set_bandwidth("52:54:00:ff:ff:ff", SLOW)


def test_the_socket_for_reading_is_enough(
    driver: QemuDriver, testbed: QemuTestbed, uri: str, running: Guest, denied: Denied
) -> None:
    libvirt: PrivateLibvirt = testbed.libvirt
    socket = f"{libvirt.socket}-ro"
    with driver.open(uri.replace(str(libvirt.socket), socket) + "&readonly=on") as reader:
        assert isinstance(reader, QemuConnection)
        assert reader.domain(running.domain.name).state() is State.RUNNING
        denied(handle(reader, running).stop)
