"""What a vif has carried, in the guest's directions: received is what went to the guest."""

import pytest

from vifkit import InvalidStateError, SupportsStatistics, VifStatistics
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import undeclared
from vifkit_conformance.lab import measure

from .paths import GUEST, HOST, path_to

OFFERED_BPS = 2_000_000


def counted(made: Guest, number: int = 0) -> VifStatistics:
    """Read a vif's counters; skip where there are none."""
    if not isinstance(made.domain, SupportsStatistics):
        undeclared("SupportsStatistics")
    return made.domain.statistics(made.macs[number])


def test_counters_only_grow(guest: Guests) -> None:
    """Failing: counters are of what was carried since the vif was plugged: none is negative, none goes back."""
    made = guest(REFERENCE)
    first, second = counted(made), counted(made)
    for name in ("received_bytes", "received_packets", "sent_bytes", "sent_packets"):
        assert 0 <= getattr(first, name) <= getattr(second, name)


@pytest.mark.inside
def test_what_a_guest_receives_is_counted_as_received(guest: Guests) -> None:
    """Failing: the directions are swapped (what the host's device sends is what the guest receives), or not counted."""
    made = guest("")
    before = counted(made)
    with path_to(made) as (host, inner):
        arrived = measure(host, inner, GUEST, rate_bps=OFFERED_BPS, seconds=0.5).total_bytes
    after = counted(made)
    assert arrived > 50_000
    assert arrived <= after.received_bytes - before.received_bytes
    assert after.sent_bytes - before.sent_bytes < arrived / 10
    assert after.received_packets > before.received_packets


@pytest.mark.inside
def test_what_a_guest_sends_is_counted_as_sent(guest: Guests) -> None:
    """Failing: the directions are swapped (what the host's device receives is what the guest sends), or not counted."""
    made = guest("")
    before = counted(made)
    with path_to(made) as (host, inner):
        arrived = measure(inner, host, HOST, rate_bps=OFFERED_BPS, seconds=0.5).total_bytes
    after = counted(made)
    assert arrived > 50_000
    assert arrived <= after.sent_bytes - before.sent_bytes
    assert after.received_bytes - before.received_bytes < arrived / 10
    assert after.sent_packets > before.sent_packets


@pytest.mark.inside
def test_each_vif_has_its_own_counters(guest: Guests) -> None:
    """Failing: counters must be found by the vif's own device."""
    made = guest("", "")
    before = counted(made, 1)
    with path_to(made) as (host, inner):
        measure(host, inner, GUEST, rate_bps=OFFERED_BPS, seconds=0.5)
    assert counted(made, 0).received_bytes > 50_000
    assert counted(made, 1).received_bytes - before.received_bytes < 10_000


def test_an_unknown_vif_has_no_counters(guest: Guests) -> None:
    """Failing: `statistics` must raise LookupError for a MAC address of no vif."""
    made = guest(REFERENCE)
    if not isinstance(made.domain, SupportsStatistics):
        undeclared("SupportsStatistics")
    with pytest.raises(LookupError):
        made.domain.statistics("52:54:00:ff:ff:ff")


@pytest.mark.needs("persistent_domains")
def test_a_shut_off_domain_has_no_counters(guest: Guests) -> None:
    """Failing: `statistics` of a domain that does not run must raise InvalidStateError."""
    made = guest(REFERENCE, start=False)
    if not isinstance(made.domain, SupportsStatistics):
        undeclared("SupportsStatistics")
    with pytest.raises(InvalidStateError):
        made.domain.statistics(made.mac)


@pytest.mark.needs("persistent_domains")
def test_counters_begin_anew_when_a_domain_starts_again(guest: Guests) -> None:
    """Failing: counters are those of the device that the vif has now, and not a sum of all its lives."""
    made = guest(REFERENCE)
    counted(made)
    made.domain.stop()
    made.domain.start()
    assert counted(made).received_bytes < 10_000
