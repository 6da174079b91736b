"""What the guest really gets, measured where its traffic arrives. Rates are those of layer 2."""

import pytest

from vifkit import Bandwidth, Rate
from vifkit_conformance.bandwidths import AVERAGE_ONLY, REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging import evidence
from vifkit_conformance.lab import Endpoint, Flood, measure

from .paths import GUEST, HOST, path_to
from .rates import reached

REFERENCE_BPS = 4_096_000, 8_192_000


def received(made: Guest, *, offered_bps: float, limits: tuple[int | None, int | None]) -> float:
    """Send to the guest, and give the rate that arrives in it; `limits` are its average and its peak, all in bits/s."""
    with path_to(made) as (host, inner):
        return _measured("received by the guest", (host, inner, GUEST), inner, offered_bps, *limits)


def _measured(
    what: str, path: tuple[Endpoint, Endpoint, str], inner: Endpoint, bps: float, *limits: int | None
) -> float:
    """Measure a rate, in bits/s, for as long as the guest's end takes, and note it."""
    measured = measure(*path, rate_bps=bps, seconds=inner.settling_seconds + inner.window_seconds)
    evidence.note_rate(what, measured, bps, *limits)
    return measured.rate_bps(after=inner.settling_seconds)


@pytest.mark.needs("inbound", "guest_traffic", shaping="ovs-htb")
def test_a_guest_receives_its_peak_and_no_more(guest: Guests) -> None:
    """Failing: 8.192 Mbit/s must get through, and not more: compare parent and leaf with the golden case."""
    made = guest(REFERENCE)
    rate = reached(lambda: received(made, offered_bps=16_384_000, limits=REFERENCE_BPS), 8_192_000 * 0.95)
    assert rate == pytest.approx(8_192_000, rel=0.05)


@pytest.mark.needs("inbound", "guest_traffic", shaping="ovs-htb")
def test_without_a_peak_a_guest_receives_its_average_and_no_more(guest: Guests) -> None:
    """Failing: 4.096 Mbit/s must get through, and not more: is there a max-rate?"""
    made = guest(AVERAGE_ONLY)
    rate = reached(lambda: received(made, offered_bps=16_384_000, limits=(4_096_000, None)), 4_096_000 * 0.95)
    assert rate == pytest.approx(4_096_000, rel=0.05)


@pytest.mark.needs("inbound", "guest_traffic", shaping="ovs-htb")
def test_below_its_limit_a_guest_receives_all(guest: Guests) -> None:
    """Failing: what is offered under the average must arrive whole."""
    made = guest(REFERENCE)
    rate = reached(
        lambda: received(made, offered_bps=2_000_000, limits=REFERENCE_BPS), 2_000_000 * 0.95, 2_000_000 * 1.05
    )
    assert rate == pytest.approx(2_000_000, rel=0.05)


@pytest.mark.needs("inbound", "guest_traffic", shaping="ovs-htb")
def test_the_average_is_guaranteed_when_another_queue_competes(guest: Guests) -> None:
    """Failing: beside a queue that takes all it can, the leaf's own rate must be left to the guest.

    A second class gets 1.024 Mbit/s of its own and floods; of the parent's 8.192 Mbit/s the guest keeps at
    least its average, and less than the peak.
    """
    made = guest(REFERENCE)
    made.lab.host.run(
        *("tc", "class", "add", "dev", made.device(), "parent", "1:fffe", "classid", "1:2", "htb"),
        *("rate", "1024kbit", "ceil", "8192kbit", "burst", "32k", "quantum", "51200"),
    )
    with Flood(made.lab.host, made.device(), 0x10002, rate_bps=16_384_000, seconds=30):
        rate = reached(lambda: received(made, offered_bps=16_384_000, limits=REFERENCE_BPS), 4_096_000 * 0.95)
    assert rate >= 4_096_000 * 0.95
    assert rate <= 8_192_000 * 0.95


@pytest.mark.needs("inbound", "live_update", "guest_traffic", shaping="ovs-htb")
def test_an_update_changes_what_arrives(guest: Guests) -> None:
    """Failing: the rows changed, and the traffic did not: did `set_bandwidth` wait for ovs-vswitchd?"""
    made = guest(REFERENCE)
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256, peak=256, burst=32)))
    rate = reached(lambda: received(made, offered_bps=16_384_000, limits=(2_048_000, 2_048_000)), 2_048_000 * 0.95)
    assert rate == pytest.approx(2_048_000, rel=0.05)


@pytest.mark.needs("inbound", "guest_traffic", shaping="ovs-htb")
def test_inbound_does_not_limit_what_a_guest_sends(guest: Guests) -> None:
    """Failing: the directions are swapped: the guest sends through the class that should hold its receiving."""
    made = guest(REFERENCE)

    def sent() -> float:
        with path_to(made) as (host, inner):
            return _measured("sent by the guest", (inner, host, HOST), inner, 24_000_000)

    rate = reached(sent, 2 * 8_192_000, 24_000_000 * 1.05)
    # A busy host may get less out of an emulated guest than was asked of it; a limit would be at 8.192 Mbit/s.
    assert 2 * 8_192_000 <= rate <= 24_000_000 * 1.05
