"""A domain moves, running, to another host: its bandwidth arrives, and nothing stays."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vifkit import Bandwidth, Connection, DomainNotFoundError, Driver, Rate, State, SupportsMigration, VifkitError
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import missing, undeclared
from vifkit_conformance.lab import Lab
from vifkit_conformance.leftovers import Leftovers
from vifkit_conformance.testbed import SupportsSecondHost

from .trees import differences, leaf


@contextmanager
def second_host(guests: Guests, driver: Driver) -> Iterator[tuple[Lab, Connection]]:
    """Boot another host; skip where there is none."""
    if not isinstance(guests.testbed, SupportsSecondHost):
        missing(guests.testbed, SupportsSecondHost)
    with guests.testbed.second_host(guests.lab) as (lab, uri), driver.open(uri) as connection:
        yield lab, connection


def migrate(made: Guest, there: Lab, connection: Connection) -> Guest:
    """Move a domain; gives it as it is there."""
    if not isinstance(made.domain, SupportsMigration):
        undeclared("SupportsMigration")
    return Guest(made.domain.migrate(connection), made.macs, there, made.testbed)


@pytest.mark.needs("inbound", "live_update", "persistent_domains", shaping="ovs-htb")
def test_a_bandwidth_arrives_with_its_domain(guest: Guests, driver: Driver) -> None:
    """Failing: after `migrate` each vif must be shaped at the destination, and nothing of the domain stay here.

    A domain that was defined is defined there, and no longer here.
    """
    before = Leftovers.of(guest.observer)
    with second_host(guest, driver) as (there, connection):
        empty = Leftovers.of(there)
        wired = Leftovers.of(guest.observer)
        made = guest(REFERENCE, "", LOW)
        moved = migrate(made, there, connection)
        assert moved.domain.state() is State.RUNNING
        assert differences(moved.tree(0), "reference") == []
        assert moved.tree(1).classes == {}
        assert leaf(moved, 2).ceil == 128_000
        assert str(Leftovers.of(guest.observer) - wired) == ""
        with pytest.raises(DomainNotFoundError):
            made.domain.state()
        moved.domain.set_bandwidth(moved.mac, Bandwidth(inbound=Rate(average=256, peak=256)))
        assert leaf(moved).ceil == 256_000
        moved.domain.stop()
        assert moved.domain.state() is State.SHUTOFF
        assert str(Leftovers.of(there) - empty) == ""
    assert str(Leftovers.of(guest.observer) - before) == ""


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_created_domain_is_not_kept_where_it_arrives(guest: Guests, driver: Driver) -> None:
    """Failing: a domain that is not defined must be gone from the source, and gone when it stops at the destination."""
    with second_host(guest, driver) as (there, connection):
        xml, macs = guest.write(REFERENCE)
        moved = migrate(Guest(guest.create(xml), macs, guest.observer, guest.testbed), there, connection)
        assert differences(moved.tree(), "reference") == []
        with pytest.raises(DomainNotFoundError):
            guest.connection.domain(moved.domain.name)
        moved.domain.stop()
        assert connection.domains() == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_domain_that_cannot_arrive_stays(guest: Guests, driver: Driver) -> None:
    """Failing: without the bridge at the destination the domain runs on here, shaped, and nothing of it is there."""
    with second_host(guest, driver) as (there, connection):
        there.ovs.vsctl("del-br", "br0")
        empty = Leftovers.of(there)
        made = guest(REFERENCE)
        with pytest.raises(VifkitError):
            migrate(made, there, connection)
        assert made.domain.state() is State.RUNNING
        assert differences(made.tree(), "reference") == []
        assert connection.domains() == []
        assert str(Leftovers.of(there) - empty) == ""


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_domain_comes_and_goes(guest: Guests, driver: Driver) -> None:
    """Failing: a domain that comes back must be as it was: nothing of its first stay may be in the way."""
    with second_host(guest, driver) as (there, connection):
        made = guest(REFERENCE)
        back = migrate(migrate(made, there, connection), guest.lab, guest.connection)
        assert differences(back.tree(), "reference") == []
        assert connection.domains() == []
        made.domain.stop()
