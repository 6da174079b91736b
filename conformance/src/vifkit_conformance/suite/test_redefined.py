"""A running domain whose definition was replaced, and has other vifs than those that run."""

import pytest

from vifkit import Bandwidth, InvalidXmlError, Rate, SupportsHotplug, safe_xml
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guest, Guests, interface

from .trees import differences, leaf

_shaped = pytest.mark.needs("persistent_domains", "inbound", "live_update", shaping="ovs-htb")

WANTED = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))


def redefined(guest: Guests, running: list[str], defined: list[str]) -> tuple[Guest, Guest]:
    """Start a domain with some vifs, and define it again with more or fewer of them; gives both."""
    xml, macs = guest.write(*max(running, defined, key=len))
    domain = guest.define(_first(xml, len(running)))
    domain.start()
    guest.define(_first(xml, len(defined)))
    runs, is_kept = (Guest(domain, macs[: len(each)], guest.observer, guest.testbed) for each in (running, defined))
    return runs, is_kept


def _first(xml: str, number: int) -> str:
    """Give a domain its first vifs alone."""
    root = safe_xml.parse(xml)
    for devices in root.iterfind("devices"):
        for vif in devices.findall("interface")[number:]:
            safe_xml.remove(devices, vif)
    return safe_xml.write(root)


def again(made: Guest) -> None:
    """Stop a domain and start it."""
    made.domain.stop()
    made.domain.start()
    assert [vif.mac for vif in made.domain.vifs()] == list(made.macs)


@_shaped
def test_a_vif_that_only_runs_takes_an_update(guest: Guests) -> None:
    """Failing: an update concerns the vif where it is; that the definition lacks it is no reason to change half."""
    runs, is_kept = redefined(guest, [REFERENCE, LOW], [REFERENCE])
    runs.domain.set_bandwidth(runs.macs[1], WANTED)
    assert runs.domain.bandwidth(runs.macs[1]) == WANTED
    assert differences(runs.tree(1), "reference") == []
    runs.domain.set_bandwidth(runs.macs[1], None)
    assert runs.tree(1).classes == {}
    again(is_kept)


@_shaped
def test_an_update_leaves_what_only_the_definition_has(guest: Guests) -> None:
    """Failing: what is kept of another vif, for the next start, must outlive an update of a vif that runs."""
    runs, is_kept = redefined(guest, [LOW], [LOW, REFERENCE])
    runs.domain.set_bandwidth(runs.mac, Bandwidth(inbound=Rate(average=256)))
    again(is_kept)
    assert leaf(is_kept).ceil == 256_000
    assert differences(is_kept.tree(1), "reference") == []


@_shaped
@pytest.mark.needs("hotplug")
def test_a_mac_address_of_the_definition_is_not_plugged(guest: Guests) -> None:
    """Failing: the definition would have the address twice, and the domain never start again."""
    runs, is_kept = redefined(guest, [REFERENCE], [REFERENCE, LOW])
    assert isinstance(runs.domain, SupportsHotplug)
    with pytest.raises(InvalidXmlError):
        runs.domain.attach_vif(interface(is_kept.macs[1], LOW))
    again(is_kept)


@_shaped
@pytest.mark.needs("hotplug")
def test_a_vif_that_only_runs_is_unplugged(guest: Guests) -> None:
    """Failing: a vif is unplugged where it is; that the definition lacks it is no reason to keep it."""
    runs, is_kept = redefined(guest, [REFERENCE, LOW], [REFERENCE])
    runs.unplug(runs.macs[1])
    assert [vif.mac for vif in runs.domain.vifs()] == [runs.mac]
    assert differences(is_kept.tree(), "reference") == []
    again(is_kept)


@_shaped
@pytest.mark.needs("hotplug")
def test_a_vif_that_is_plugged_elsewhere_in_the_definition_is_unplugged(guest: Guests) -> None:
    """Failing: the running domain and its definition may have the same vif in different places."""
    runs, is_kept = redefined(guest, [REFERENCE], [REFERENCE, LOW])
    domain, mac = runs.domain, f"{runs.mac[:-2]}f7"
    assert isinstance(domain, SupportsHotplug)
    domain.attach_vif(interface(mac, LOW))
    runs.unplug(mac)
    assert [vif.mac for vif in domain.vifs()] == [runs.mac]
    again(is_kept)
