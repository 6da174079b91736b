"""A hypervisor that shapes by itself: what it holds, as another connection reads it, is what was asked."""

import warnings
from dataclasses import replace

import pytest

from vifkit import (
    Bandwidth,
    BandwidthWarning,
    Capabilities,
    Driver,
    InvalidBandwidthError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging import evidence


def held(made: Guest, driver: Driver, uri: str, number: int = 0) -> Bandwidth | None:
    """Read a bandwidth anew, by a connection that has set nothing."""
    with driver.open(uri) as other:
        return other.domain(made.domain.name).bandwidth(made.macs[number])


def wanted(capabilities: Capabilities, average: int = 512) -> Rate:
    """Ask for an average, and for the other figures that are declared: twice as much, and 32 KiB."""
    return Rate(
        average=average, peak=2 * average if capabilities.peak else None, burst=32 if capabilities.burst else None
    )


def outbound(rate: Rate) -> str:
    """Write a limit of what the guest sends."""
    figures = {"average": rate.average, "peak": rate.peak, "burst": rate.burst}
    written = " ".join(f"{name}='{value}'" for name, value in figures.items() if value)
    return f"<bandwidth><outbound {written}/></bandwidth>"


@pytest.mark.needs("inbound", shaping="native")
def test_a_native_bandwidth_is_held_as_it_was_asked(
    guest: Guests, driver: Driver, uri: str, capabilities: Capabilities
) -> None:
    """Failing: the hypervisor must hold each figure to the unit; what it rounds is to be told, or refused."""
    assert held(guest(REFERENCE), driver, uri) == Bandwidth(inbound=wanted(capabilities))


@pytest.mark.needs("outbound", shaping="native")
def test_a_native_outbound_is_held_as_it_was_asked(
    guest: Guests, driver: Driver, uri: str, capabilities: Capabilities
) -> None:
    """Failing: each figure of what a guest may send must be held to the unit, as of what it receives."""
    rate = wanted(capabilities)
    assert held(guest(outbound(rate)), driver, uri) == Bandwidth(outbound=rate)


@pytest.mark.needs("outbound", shaping="native")
def test_native_directions_are_not_swapped(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: directions are the guest's; a switch's ingress is the guest's outbound."""
    made = guest("<bandwidth><outbound average='512'/></bandwidth>")
    found = held(made, driver, uri)
    assert found is not None and found.inbound is None and found.outbound == Rate(average=512)


@pytest.mark.needs("inbound", "outbound", shaping="native")
def test_native_directions_are_held_side_by_side(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: each direction has figures of its own, and neither may take those of the other."""
    made = guest("<bandwidth><inbound average='512'/><outbound average='256'/></bandwidth>")
    assert held(made, driver, uri) == Bandwidth(inbound=Rate(average=512), outbound=Rate(average=256))


@pytest.mark.needs("inbound", "live_update", shaping="native")
def test_a_native_update_replaces_the_whole_bandwidth(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: what an update does not name must be gone from the hypervisor: no peak or burst may stay."""
    made = guest(REFERENCE)
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256)))
    assert held(made, driver, uri) == Bandwidth(inbound=Rate(average=256))


@pytest.mark.needs("outbound", "live_update", shaping="native")
def test_a_native_outbound_update_replaces_the_whole_bandwidth(
    guest: Guests, driver: Driver, uri: str, capabilities: Capabilities
) -> None:
    """Failing: what an update does not name must be gone from the hypervisor, of what a guest sends as well."""
    made = guest(outbound(wanted(capabilities)))
    made.domain.set_bandwidth(made.mac, Bandwidth(outbound=Rate(average=256)))
    assert held(made, driver, uri) == Bandwidth(outbound=Rate(average=256))


@pytest.mark.needs("inbound", "live_update", shaping="native")
def test_a_native_bandwidth_is_cleared(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: `set_bandwidth` with None must take the limit off the hypervisor."""
    made = guest(REFERENCE)
    made.domain.set_bandwidth(made.mac, None)
    assert held(made, driver, uri) is None


@pytest.mark.needs("outbound", "live_update", shaping="native")
def test_a_native_outbound_is_cleared(guest: Guests, driver: Driver, uri: str, capabilities: Capabilities) -> None:
    """Failing: `set_bandwidth` with None must take the limit of what a guest sends off the hypervisor."""
    made = guest(outbound(wanted(capabilities)))
    made.domain.set_bandwidth(made.mac, None)
    assert held(made, driver, uri) is None


@pytest.mark.needs("persistent_domains", shaping="native")
def test_a_shut_off_domain_takes_a_native_update(
    guest: Guests, driver: Driver, uri: str, capabilities: Capabilities
) -> None:
    """Failing: `set_bandwidth` of a domain that is shut off must be held, and hold after its start."""
    made = guest("", start=False)
    rate = wanted(capabilities)
    asked = Bandwidth(inbound=rate) if capabilities.inbound else Bandwidth(outbound=rate)
    made.domain.set_bandwidth(made.mac, asked)
    assert made.domain.state() is State.SHUTOFF
    assert held(made, driver, uri) == asked
    made.domain.start()
    assert held(made, driver, uri) == asked
    made.domain.stop()
    made.domain.set_bandwidth(made.mac, None)
    assert held(made, driver, uri) is None


@pytest.mark.needs(shaping="native")
def test_native_bandwidths_of_two_vifs_are_told_apart(
    guest: Guests, driver: Driver, uri: str, capabilities: Capabilities
) -> None:
    """Failing: a limit is a vif's own: neither that of its neighbour nor that of its network."""
    direction = "inbound" if capabilities.inbound else "outbound"
    made = guest(f"<bandwidth><{direction} average='512'/></bandwidth>", "")
    found = held(made, driver, uri)
    assert found is not None and getattr(found, direction) == Rate(average=512)
    assert held(made, driver, uri, number=1) is None


@pytest.mark.needs(shaping="native")
@pytest.mark.parametrize("average", [1, 77, 999, 1001, 123_457])
def test_what_a_hypervisor_rounds_is_told(
    guest: Guests, driver: Driver, uri: str, capabilities: Capabilities, average: int
) -> None:
    """Failing: what a unit cannot hold is refused, or held otherwise with the BandwidthWarning `rate-rounded`."""
    direction = "inbound" if capabilities.inbound else "outbound"
    xml, macs = guest.write(f"<bandwidth><{direction} average='{average}'/></bandwidth>")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            domain = guest.create(xml)
        except (UnsupportedError, InvalidBandwidthError) as error:
            evidence.note("refused", capability=f"{direction} of {average} kB/s: {error}")
            return
    told = {each.message.code for each in caught if isinstance(each.message, BandwidthWarning)}
    found = held(Guest(domain, macs, guest.observer, guest.testbed), driver, uri)
    assert found is not None
    rate = getattr(found, direction)
    exact = replace(rate, peak=None, burst=None) == Rate(average=average)
    assert exact is ("rate-rounded" not in told), f"{average} kB/s were asked, {rate.average} are held, told: {told}"


@pytest.mark.needs("inbound", shaping="native")
def test_what_shapes_by_itself_leaves_open_vswitch_alone(guest: Guests) -> None:
    """Failing: a bandwidth that the hypervisor carries out must not be carried out by Open vSwitch as well."""
    made = guest(REFERENCE)
    for number, port in enumerate(made.ports()):
        assert made.qos(number) is None
        assert port["ingress_policing_rate"] == 0
