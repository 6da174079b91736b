"""A guest's process is killed: the driver sees it, and nothing of the guest is left."""

import pytest

from vifkit import Connection, Domain, DomainNotFoundError, InvalidStateError, State
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import missing
from vifkit_conformance.lab import until
from vifkit_conformance.testbed import SupportsGuestKill

from .crashes import daemon_down, skip_without_daemon
from .trees import differences

SOON_SECONDS = 10.0


def kill(guests: Guests, domain: Domain) -> None:
    """Kill a guest; skip where that cannot be done."""
    if not isinstance(guests.testbed, SupportsGuestKill):
        missing(guests.testbed, SupportsGuestKill)
    guests.testbed.kill_guest(domain)


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_killed_guest_is_shut_off_and_starts_again(guest: Guests) -> None:
    """Failing: the driver must see that the guest is gone; its next life must be as the first, and leave nothing."""
    made = guest(REFERENCE)
    kill(guest, made.domain)
    until(lambda: made.domain.state() is State.SHUTOFF, "the domain is shut off", SOON_SECONDS)
    until(lambda: not made.ports(), "its port is gone", SOON_SECONDS)
    made.domain.start()
    assert differences(made.tree(), "reference") == []
    made.domain.stop()


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_killed_guest_is_forgotten_without_a_trace(guest: Guests) -> None:
    """Failing: nobody has stopped the domain, so `undefine` must take away the rows that it left."""
    made = guest(REFERENCE)
    kill(guest, made.domain)
    until(lambda: made.domain.state() is State.SHUTOFF, "the domain is shut off", SOON_SECONDS)
    with pytest.raises(InvalidStateError):
        made.domain.stop()
    made.domain.undefine()
    assert made.ports() == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_killed_guest_that_was_not_defined_is_gone(guest: Guests, connection: Connection) -> None:
    """Failing: a created domain whose guest was killed must be unknown; the same one created again leaves nothing."""
    xml, macs = guest.write(REFERENCE)
    domain = guest.create(xml)
    kill(guest, domain)
    until(lambda: domain.name not in [each.name for each in connection.domains()], "it is gone", SOON_SECONDS)
    with pytest.raises(DomainNotFoundError):
        domain.stop()
    again = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
    assert differences(again.tree(), "reference") == []
    again.domain.stop()


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_guest_killed_while_the_daemon_is_down(guest: Guests) -> None:
    """Failing: the daemon that comes back must see that the guest is gone, and the driver must leave nothing of it."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    with daemon_down(guest.testbed):
        kill(guest, made.domain)
    until(lambda: made.domain.state() is State.SHUTOFF, "the domain is shut off", SOON_SECONDS)
    made.domain.start()
    assert differences(made.tree(), "reference") == []
    made.domain.stop()
