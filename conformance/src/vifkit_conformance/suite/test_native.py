"""A hypervisor that shapes by itself: what it holds, as another connection reads it, is what was asked."""

import pytest

from vifkit import Bandwidth, Driver, Rate
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests


def held(made: Guest, driver: Driver, uri: str) -> Bandwidth | None:
    """Read a bandwidth anew, by a connection that has set nothing."""
    with driver.open(uri) as other:
        return other.domain(made.domain.name).bandwidth(made.mac)


@pytest.mark.needs("inbound", shaping="native")
def test_a_native_bandwidth_is_held_as_it_was_asked(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: the hypervisor must hold each figure to the unit: what it would round is to be refused."""
    assert held(guest(REFERENCE), driver, uri) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))


@pytest.mark.needs("outbound", shaping="native")
def test_native_directions_are_not_swapped(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: directions are the guest's; a switch's ingress is the guest's outbound."""
    made = guest("<bandwidth><outbound average='512'/></bandwidth>")
    found = held(made, driver, uri)
    assert found is not None and found.inbound is None and found.outbound == Rate(average=512)


@pytest.mark.needs("inbound", "live_update", shaping="native")
def test_a_native_update_replaces_the_whole_bandwidth(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: what an update does not name must be gone from the hypervisor: no peak or burst may stay."""
    made = guest(REFERENCE)
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256)))
    assert held(made, driver, uri) == Bandwidth(inbound=Rate(average=256))


@pytest.mark.needs("inbound", "live_update", shaping="native")
def test_a_native_bandwidth_is_cleared(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: `set_bandwidth` with None must take the limit off the hypervisor."""
    made = guest(REFERENCE)
    made.domain.set_bandwidth(made.mac, None)
    assert held(made, driver, uri) is None


@pytest.mark.needs("inbound", shaping="native")
def test_what_shapes_by_itself_leaves_open_vswitch_alone(guest: Guests) -> None:
    """Failing: a bandwidth that the hypervisor carries out must not be carried out by Open vSwitch as well."""
    made = guest(REFERENCE)
    for number, port in enumerate(made.ports()):
        assert made.qos(number) is None
        assert port["ingress_policing_rate"] == 0
