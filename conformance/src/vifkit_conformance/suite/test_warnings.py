"""A bandwidth that does not do what it says is carried out with a warning."""

import warnings

import pytest

from vifkit import Bandwidth, BandwidthWarning, Rate
from vifkit_conformance.guest import Guests


@pytest.mark.needs("inbound", shaping="ovs-htb")
@pytest.mark.parametrize(
    ("rate", "codes"),
    [
        ("average='512' peak='1024' burst='32'", {"peak-is-the-limit"}),
        ("average='1024' peak='512' burst='32'", {"average-above-peak"}),
        ("average='512' peak='512' burst='32'", set()),
        ("average='512'", set()),
        ("average='1' peak='2'", {"peak-is-the-limit", "rate-raised"}),
        ("average='512' burst='1'", {"burst-raised"}),
    ],
    ids=["peak-above", "peak-below", "peak-equal", "no-peak", "under-a-packet-a-second", "burst-under-a-packet"],
)
def test_a_start_warns_of_what_the_bandwidth_does_not_do(guest: Guests, rate: str, codes: set[str]) -> None:
    """Failing: define and create must issue BandwidthWarning with these codes, and no others (netqos.guard.warn)."""
    xml, _ = guest.write(f"<bandwidth><inbound {rate}/></bandwidth>")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guest.create(xml)
    assert {each.message.code for each in caught if isinstance(each.message, BandwidthWarning)} == codes


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_an_update_warns_as_a_start_does(guest: Guests) -> None:
    """Failing: `set_bandwidth` must issue BandwidthWarning too (netqos.guard.warn)."""
    made = guest()
    with pytest.warns(BandwidthWarning, match="^peak-is-the-limit: "):
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512, peak=1024, burst=32)))
