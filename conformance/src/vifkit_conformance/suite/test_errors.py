"""What cannot be done is refused by the error that the contract names, and nothing changes."""

from collections.abc import Callable
from functools import partial

import pytest

from vifkit import (
    Bandwidth,
    Connection,
    Domain,
    DomainExistsError,
    DomainNotFoundError,
    Driver,
    InvalidBandwidthError,
    InvalidStateError,
    InvalidXmlError,
    Rate,
    State,
    VifkitError,
)
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guests

NOBODY = "52:54:00:ff:ff:ff"


def test_an_unknown_name_is_not_found(connection: Connection) -> None:
    """Failing: `domain` must raise DomainNotFoundError for a name that nobody bears."""
    with pytest.raises(DomainNotFoundError):
        connection.domain("nobody-bears-this-name")


def test_a_running_domain_does_not_start_again(guest: Guests) -> None:
    """Failing: `start` of a running domain must raise InvalidStateError and leave it running, shaped."""
    made = guest(REFERENCE)
    tree = made.tree()
    with pytest.raises(InvalidStateError):
        made.domain.start()
    assert made.domain.state() is State.RUNNING
    assert made.tree() == tree


@pytest.mark.needs("persistent_domains")
def test_a_shut_off_domain_does_not_stop(guest: Guests) -> None:
    """Failing: `stop` of a domain that does not run must raise InvalidStateError."""
    with pytest.raises(InvalidStateError):
        guest(start=False).domain.stop()


@pytest.mark.needs("persistent_domains")
def test_a_running_domain_is_not_undefined(guest: Guests) -> None:
    """Failing: `undefine` of a running domain must raise InvalidStateError and leave it running."""
    made = guest(REFERENCE)
    with pytest.raises(InvalidStateError):
        made.domain.undefine()
    assert made.domain.state() is State.RUNNING


@pytest.mark.needs("persistent_domains")
def test_a_name_or_uuid_is_taken_once(guest: Guests) -> None:
    """Failing: `define` must raise DomainExistsError where another domain has the name or the UUID."""
    xml, _ = guest.write()
    domain = guest.define(xml)
    other, _ = guest.write()
    name, uuid = other.partition("<name>")[2].partition("<")[0], other.partition("<uuid>")[2].partition("<")[0]
    with pytest.raises(DomainExistsError):
        guest.define(xml.replace(domain.uuid, uuid))
    with pytest.raises(DomainExistsError):
        guest.define(xml.replace(domain.name, name))


def test_an_unknown_mac_address_is_no_vif(guest: Guests) -> None:
    """Failing: `bandwidth` and `set_bandwidth` must raise LookupError for a MAC address of no vif."""
    domain = guest(REFERENCE).domain
    with pytest.raises(LookupError):
        domain.bandwidth(NOBODY)
    with pytest.raises(LookupError):
        domain.set_bandwidth(NOBODY, Bandwidth(inbound=Rate(average=128)))


@pytest.mark.needs("persistent_domains")
def test_a_forgotten_domain_is_not_found_by_its_old_handle(guest: Guests) -> None:
    """Failing: a `Domain` whose domain is gone must raise DomainNotFoundError, and no other error."""
    domain = guest(start=False).domain
    domain.undefine()
    for verb in (domain.state, domain.start, domain.stop, domain.undefine, domain.xml, domain.vifs):
        with pytest.raises(DomainNotFoundError):
            verb()


def test_a_closed_connection_carries_nothing_out(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: after `close`, which may be called twice, all but it must raise ConnectError, of old handles too."""
    made = guest()
    closed = driver.open(uri)
    domain = closed.domain(made.domain.name)
    closed.close()
    closed.close()
    said = {name: _said(call) for name, call in _calls(closed, domain, made.mac, guest.write()[0]).items()}
    assert [f"{name} {how}" for name, how in said.items() if how != "raised ConnectError"] == []
    assert (domain.name, domain.uuid) == (made.domain.name, made.domain.uuid)
    assert made.domain.state() is State.RUNNING


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("not XML", InvalidXmlError),
        ("<domain><name>x</name>", InvalidXmlError),
        ("<network><name>x</name></network>", InvalidXmlError),
        ("<!DOCTYPE d [<!ENTITY e 'x'>]><domain type='t'><name>&e;</name></domain>", InvalidXmlError),
    ],
    ids=["text", "unfinished", "other-root", "entity"],
)
def test_what_is_no_domain_is_refused(connection: Connection, broken: str, error: type[VifkitError]) -> None:
    """Failing: `create` must raise InvalidXmlError for what is no `<domain>`, entities included."""
    before = [each.name for each in connection.domains()]
    with pytest.raises(error):
        connection.create(broken)
    assert [each.name for each in connection.domains()] == before


@pytest.mark.parametrize(
    "rate",
    [
        "average='-1'", "average='1.5'", "average='0x10'", "average=''", "average='18446744073709551616'",
        "average='NaN'", "average='1,000'", "peak='5'", "burst='5'",
    ],
    ids=["negative", "fraction", "hexadecimal", "empty", "2-to-the-64", "nan", "separators", "peak-alone",
         "burst-alone"],
)  # fmt: skip
def test_a_malformed_bandwidth_is_refused(guest: Guests, connection: Connection, rate: str) -> None:
    """Failing: a figure that libvirt would refuse must raise InvalidBandwidthError, and no domain may start."""
    xml, _ = guest.write(f"<bandwidth><inbound {rate}/></bandwidth>")
    before = [each.name for each in connection.domains()]
    with pytest.raises(InvalidBandwidthError):
        guest.create(xml)
    assert [each.name for each in connection.domains()] == before


def test_a_floor_is_for_inbound_only(guest: Guests) -> None:
    """Failing: a floor on outbound must raise InvalidBandwidthError."""
    xml, _ = guest.write("<bandwidth><outbound average='1' floor='1'/></bandwidth>")
    with pytest.raises(InvalidBandwidthError):
        guest.create(xml)


def _calls(connection: Connection, domain: Domain, mac: str, xml: str) -> dict[str, Callable[[], object]]:
    """List every call of a connection and a domain, those too that only some have, in an order that harms least."""
    calls: dict[str, Callable[[], object]] = {
        "version": connection.version,
        "domains": connection.domains,
        "domain": lambda: connection.domain(domain.name),
        "state": domain.state,
        "xml": domain.xml,
        "vifs": domain.vifs,
        "bandwidth": lambda: domain.bandwidth(mac),
        "set_bandwidth": lambda: domain.set_bandwidth(mac, None),
        "define": lambda: connection.define(xml),
        "create": lambda: connection.create(xml),
        "start": domain.start,
        "stop": domain.stop,
        "undefine": domain.undefine,
    }
    interface = f"<interface{xml.partition('<interface')[2].partition('</interface>')[0]}</interface>"
    more: dict[str, tuple[object, ...]] = {
        "statistics": (mac,),
        "suspend": (),
        "resume": (),
        "reboot": (),
        "shutdown": (),
        "attach_vif": (interface,),
        "detach_vif": (mac,),
        "migrate": (connection,),
        "subscribe": (lambda *_: None,),
    }
    for name, arguments in more.items():
        verb = getattr(domain, name, getattr(connection, name, None))
        if verb is not None:
            calls[name] = partial(verb, *arguments)
    return calls


def _said(call: Callable[[], object]) -> str:
    """Tell how a call ends."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  told, and judged, by the test
        return f"raised {type(error).__name__}"
    return "answered"
