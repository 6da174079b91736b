"""bhyve shapes nothing: each bandwidth is refused, and what stands in a domain's XML without effect is not told."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from vifkit import (
    AccessDeniedError,
    Bandwidth,
    Connection,
    DomainExistsError,
    DomainNotFoundError,
    InvalidXmlError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_bhyve.driver import BhyveConnection, BhyveDriver
from vifkit_conformance.guest import Guests

pytestmark = pytest.mark.switch

Refused = Callable[..., AbstractContextManager[None]]

WHY = "FreeBSD has no tc; interface-unsupported: an interface of type 'bridge' without an openvswitch virtualport"
ASKED = {
    "average": ("<inbound average='512'/>", "does not limit what a guest receives: "),
    "reference": ("<inbound average='512' peak='1024' burst='32'/>", "does not limit what a guest receives: "),
    "floor": ("<inbound floor='512'/>", "guarantees no floor: "),
    "outbound": ("<outbound average='512'/>", "does not limit what a guest sends: "),
}


def with_bandwidth(guest: Guests, bandwidth: str) -> str:
    xml, _ = guest.write("")
    return xml.replace("</interface>", f"<bandwidth>{bandwidth}</bandwidth></interface>")


@pytest.mark.parametrize("verb", ["define", "create"])
@pytest.mark.parametrize("asked", ASKED)
def test_a_bandwidth_is_refused_with_what_netqos_finds(
    guest: Guests, connection: Connection, refused: Refused, verb: str, asked: str
) -> None:
    bandwidth, said = ASKED[asked]
    xml = with_bandwidth(guest, bandwidth)
    with refused(connection, UnsupportedError, said + WHY):
        getattr(connection, verb)(xml)


def test_an_update_is_refused_and_a_clearance_is_not(guest: Guests, connection: Connection, refused: Refused) -> None:
    made = guest("")
    with refused(connection, UnsupportedError, WHY):
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512)))
    made.domain.set_bandwidth(made.mac, None)
    made.domain.set_bandwidth(made.mac, Bandwidth())
    with pytest.raises(LookupError):
        made.domain.set_bandwidth("52:54:00:ff:ff:ff", None)
    assert made.domain.bandwidth(made.mac) is None


def test_a_vif_on_open_vswitch_is_not_said_to_be_elsewhere(
    guest: Guests, connection: Connection, refused: Refused
) -> None:
    xml = with_bandwidth(guest, "<inbound average='512'/>")
    with refused(connection, UnsupportedError, "FreeBSD has no tc$"):
        connection.define(xml.replace("<bandwidth>", "<virtualport type='openvswitch'/><bandwidth>"))


def test_a_bandwidth_that_has_no_effect_is_not_told(guest: Guests, connection: Connection) -> None:
    xml = with_bandwidth(guest, "<inbound average='512'/>")
    theirs(connection).defineXML(xml)
    (found,) = connection.domains()
    guest.define(found.xml())
    assert "bandwidth" not in found.xml()
    assert [vif.bandwidth for vif in found.vifs()] == [None]


@pytest.mark.parametrize("kind", ["qemu", "kvm", "test"])
def test_xml_of_another_hypervisor_is_refused(
    guest: Guests, connection: Connection, refused: Refused, kind: str
) -> None:
    xml, _ = guest.write("")
    with refused(connection, InvalidXmlError, f"{kind!r} is another hypervisor's; here it is 'bhyve'"):
        connection.define(xml.replace("type='bhyve'", f"type='{kind}'", 1))


def test_an_mtu_is_refused(guest: Guests, connection: Connection, refused: Refused) -> None:
    xml, _ = guest.write("", mtu=9000)
    with refused(connection, UnsupportedError, "bhyve by libvirt ignores an <mtu>"):
        connection.create(xml)


@pytest.mark.parametrize("name", ['a "b"; c', "it's", "-leading", "wört ☃", "a$(id)`id`", "x" * 200])
def test_a_name_is_a_name(guest: Guests, connection: Connection, name: str) -> None:
    xml, _ = guest.write("")
    head, _, rest = xml.partition("<name>")
    domain = guest.define(f"{head}<name>{name}</name>{rest.partition('</name>')[2]}")
    assert connection.domain(name).uuid == domain.uuid
    domain.start()
    assert connection.domain(name).state() is State.RUNNING


def test_a_domain_that_somebody_else_removes_or_ends_is_noticed(guest: Guests, connection: Connection) -> None:
    made = guest("")
    other = theirs(connection).lookupByName(made.domain.name)
    other.destroy()
    assert made.domain.state() is State.SHUTOFF
    other.undefine()
    with pytest.raises(DomainNotFoundError):
        made.domain.state()


def test_a_name_that_somebody_else_took_is_taken(guest: Guests, connection: Connection, refused: Refused) -> None:
    xml, _ = guest.write("")
    domain = guest.define(xml)
    with refused(connection, DomainExistsError, domain.name):
        connection.create(xml.replace(domain.uuid, "11111111-2222-4333-8444-555555555555"))


def test_a_guest_that_is_asked_to_end_ends(guest: Guests) -> None:
    domain = guest("").domain
    domain.shutdown()  # type: ignore[attr-defined]
    assert domain.state() is State.SHUTOFF


def test_a_connection_for_reading_changes_nothing(guest: Guests, driver: BhyveDriver, uri: str) -> None:
    made = guest("")
    with driver.open(f"{uri}&readonly=on") as reader:
        seen = reader.domain(made.domain.name)
        assert seen.state() is State.RUNNING
        with pytest.raises(AccessDeniedError):
            seen.stop()
    assert made.domain.state() is State.RUNNING


def theirs(connection: Connection) -> Any:
    """libvirt's own connection."""
    assert isinstance(connection, BhyveConnection)
    return connection.session.connection()
