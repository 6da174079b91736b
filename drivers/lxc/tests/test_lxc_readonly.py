"""A connection for reading only sees a container's bandwidths, and changes nothing of them."""

from collections.abc import Callable, Iterator

import pytest

from vifkit import Bandwidth, Rate, State
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guest, Guests, interface
from vifkit_lxc.driver import LxcConnection, LxcDomain, LxcDriver

pytestmark = pytest.mark.switch

Denied = Callable[[Callable[[], object]], None]

SLOW = Bandwidth(inbound=Rate(average=128))


@pytest.fixture
def reader(driver: LxcDriver, uri: str, nothing_left: None) -> Iterator[LxcConnection]:
    with driver.open(f"{uri}&readonly=on") as opened:
        assert isinstance(opened, LxcConnection)
        yield opened


def handle(reader: LxcConnection, made: Guest) -> LxcDomain:
    found = reader.domain(made.domain.name)
    assert isinstance(found, LxcDomain)
    return found


def test_it_reads_the_bandwidth_that_libvirt_does_not_know_of(guest: Guests, reader: LxcConnection) -> None:
    made = guest(REFERENCE)
    seen = handle(reader, made)
    assert seen.state() is State.RUNNING
    assert seen.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
    assert seen.xml() == made.domain.xml()
    assert seen.vifs() == made.domain.vifs()


VERBS: dict[str, Callable[[LxcDomain, Guest], object]] = {
    "stop": lambda domain, made: domain.stop(),
    "shutdown": lambda domain, made: domain.shutdown(),
    "suspend": lambda domain, made: domain.suspend(),
    "set_bandwidth": lambda domain, made: domain.set_bandwidth(made.mac, SLOW),
    "clear": lambda domain, made: domain.set_bandwidth(made.mac, None),
    "attach_vif": lambda domain, made: domain.attach_vif(interface("52:54:00:00:00:aa", REFERENCE)),
    "detach_vif": lambda domain, made: domain.detach_vif(made.mac),
}


@pytest.mark.parametrize("verb", VERBS)
def test_it_changes_no_running_domain(guest: Guests, reader: LxcConnection, denied: Denied, verb: str) -> None:
    made = guest(REFERENCE)
    denied(lambda: VERBS[verb](handle(reader, made), made))


@pytest.mark.parametrize("verb", ["start", "undefine", "set_bandwidth", "clear", "define", "create"])
def test_it_changes_no_domain_that_is_shut_off(guest: Guests, reader: LxcConnection, denied: Denied, verb: str) -> None:
    made = guest(LOW, start=False)
    domain, xml = handle(reader, made), made.domain.xml()
    attempts: dict[str, Callable[[], object]] = {
        "start": domain.start,
        "undefine": domain.undefine,
        "set_bandwidth": lambda: domain.set_bandwidth(made.mac, SLOW),
        "clear": lambda: domain.set_bandwidth(made.mac, None),
        "define": lambda: reader.define(xml.replace("average='128'", "average='256'")),
        "create": lambda: reader.create(xml),
    }
    denied(attempts[verb])


@pytest.mark.parametrize("verb", ["define", "create"])
def test_it_makes_no_domain(guest: Guests, reader: LxcConnection, denied: Denied, verb: str) -> None:
    xml, _ = guest.write(REFERENCE)
    denied(lambda: getattr(reader, verb)(xml))
    assert guest.connection.domains() == []
