"""A bandwidth changes while the guest runs: the whole of it, at once, and to stay."""

import re

import pytest

from vifkit import Bandwidth, Rate, State, parse_domain
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests

from .trees import differences, leaf


def update(made: Guest, inbound: Rate | None) -> None:
    """Set a bandwidth, or clear it."""
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=inbound) if inbound else None)


def leaf_rates(made: Guest) -> tuple[int, int]:
    """The rate and the ceil of the leaf, in bytes/s."""
    found = leaf(made)
    return found.rate, found.ceil


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
@pytest.mark.parametrize(
    ("inbound", "rates"),
    [
        (Rate(average=1024, peak=2048, burst=64), (1_024_000, 2_048_000)),
        (Rate(average=128, peak=256, burst=16), (128_000, 256_000)),
        (Rate(average=512, peak=512, burst=32), (512_000, 512_000)),
    ],
    ids=["raise", "lower", "peak-to-average"],
)
def test_an_update_is_in_effect_on_return(guest: Guests, inbound: Rate, rates: tuple[int, int]) -> None:
    """Failing: `set_bandwidth` must change leaf and parent before it returns."""
    made = guest(REFERENCE)
    update(made, inbound)
    assert leaf_rates(made) == rates
    assert made.tree().classes["1:fffe"].rate == rates[1]


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_dropped_peak_is_gone(guest: Guests) -> None:
    """Failing: an update replaces the whole bandwidth; a max-rate left from before is stale."""
    made = guest(REFERENCE)
    update(made, Rate(average=512, burst=32))
    assert leaf_rates(made) == (512_000, 512_000)
    qos = made.qos()
    assert qos is not None and qos["other_config"] == {"min-rate": "4096000", "max-rate": "4096000", "burst": "262144"}


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_dropped_burst_is_gone(guest: Guests) -> None:
    """Failing: an update replaces the whole bandwidth; a burst left from before is stale."""
    made = guest(REFERENCE)
    update(made, Rate(average=512, peak=1024))
    assert "burst" not in made.queue()["other_config"]
    assert differences(made.tree(), "no-burst") == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_cleared_bandwidth_is_gone_from_rows_and_kernel(guest: Guests) -> None:
    """Failing: None must take QoS and Queue rows away, not only the port's reference to them."""
    made = guest(REFERENCE)
    update(made, None)
    assert made.qos() is None
    assert made.tree().classes == {}
    assert made.domain.bandwidth(made.mac) is None


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_vif_without_bandwidth_gets_one(guest: Guests) -> None:
    """Failing: `set_bandwidth` must shape a vif that had no bandwidth when it started."""
    made = guest("")
    update(made, Rate(average=512, peak=1024, burst=32))
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_the_same_bandwidth_again_changes_nothing(guest: Guests) -> None:
    """Failing: every operation is idempotent; the rows must be the very same."""
    made = guest(REFERENCE)
    before = made.qos(), made.queue(), made.tree()
    update(made, Rate(average=512, peak=1024, burst=32))
    assert (made.qos(), made.queue(), made.tree()) == before


@pytest.mark.needs("inbound", "peak", "burst", "live_update")
def test_an_update_shows_in_xml_and_bandwidth(guest: Guests) -> None:
    """Failing: `xml` and `bandwidth` must say what is in effect."""
    made = guest(REFERENCE)
    update(made, Rate(average=256, peak=300, burst=20))
    assert made.domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=256, peak=300, burst=20))
    xml = made.domain.xml()
    assert [vif.bandwidth for vif in parse_domain(xml).vifs] == [made.domain.bandwidth(made.mac)]
    assert not {"'1024'", '"1024"'} & set(re.findall("""['"][0-9]+['"]""", xml))  # a UUID may have these figures, too


@pytest.mark.needs("inbound", "live_update", "persistent_domains", shaping="ovs-htb")
def test_an_update_survives_a_restart_of_the_domain(guest: Guests) -> None:
    """Failing: `set_bandwidth` must be kept in the definition too."""
    made = guest(REFERENCE)
    update(made, Rate(average=256, peak=512))
    made.domain.stop()
    made.domain.start()
    assert leaf_rates(made) == (256_000, 512_000)


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_shut_off_domain_takes_an_update(guest: Guests) -> None:
    """Failing: `set_bandwidth` of a domain that is shut off must hold from its next start."""
    made = guest(REFERENCE, start=False)
    update(made, Rate(average=256, peak=512))
    assert made.domain.state() is State.SHUTOFF
    made.domain.start()
    assert leaf_rates(made) == (256_000, 512_000)


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_ten_updates_leave_one_qos_row(guest: Guests) -> None:
    """Failing: each update must reuse the port's rows, or take the old ones away."""
    made = guest(REFERENCE)
    rows = len(made.observer.rows("QoS")), len(made.observer.rows("Queue"))
    for average in range(100, 110):
        update(made, Rate(average=average))
    assert (len(made.observer.rows("QoS")), len(made.observer.rows("Queue"))) == rows
    assert leaf_rates(made) == (109_000, 109_000)
