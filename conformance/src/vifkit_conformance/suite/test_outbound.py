"""What a guest may send: policed where its traffic enters Open vSwitch."""

from collections.abc import Iterator

import pytest

from netqos.policing import Police, find
from vifkit import Bandwidth, Rate
from vifkit_conformance import cases
from vifkit_conformance.bandwidths import OUTBOUND, REFERENCE
from vifkit_conformance.guest import Guest, Guests, as_lab
from vifkit_conformance.judging import evidence
from vifkit_conformance.judging.declared import unjudged
from vifkit_conformance.lab import LabUnavailableError, LinkEndpoint, Measurement, measure
from vifkit_conformance.lab.streams import StreamSink, StreamSource
from vifkit_conformance.observe import Observer

from .filters import columns, differences, needs_policing, policer
from .paths import HOST, path_to
from .rates import reached
from .trees import differences as tree_differences

WANTED = Bandwidth(outbound=Rate(average=512, burst=32))
FASTER = Bandwidth(outbound=Rate(average=2048, burst=512))
FASTER_POLICE = Police(rate=2_048_000, burst=4_000_000, mtu=65_535, mpu=60)
BOTH = REFERENCE.replace("</bandwidth>", "<outbound average='512' burst='32'/></bandwidth>")
STEADY = "<bandwidth><outbound average='512' burst='256'/></bandwidth>"
STEADY_BPS = 4_096_000


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_outbound_becomes_policing(guest: Guests) -> None:
    """Failing: average x 8 is `ingress_policing_rate` (kbit/s), burst x 8 `ingress_policing_burst` (kbit)."""
    port = guest(OUTBOUND).port()
    assert (port["ingress_policing_rate"], port["ingress_policing_burst"]) == (4096, 256)


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_outbound_reaches_the_kernel(guest: Guests) -> None:
    """Failing: the port's ingress must have a filter that polices."""
    assert [each.kind for each in guest(OUTBOUND).link().policers] in (["matchall"], ["basic"])


@pytest.mark.needs("outbound", shaping="ovs-htb")
@pytest.mark.parametrize("case", cases.load_all_outbound(), ids=lambda case: case.name)
def test_the_filter_is_that_of_the_golden_case(guest: Guests, case: cases.OutboundCase) -> None:
    """Failing: the row or the kernel's police action differ from what the bandwidth means, to the tick."""
    made = guest(case.xml)
    assert {name: made.port()[name] for name in case.interface} == case.interface
    assert differences(made, case.police) == []


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_outbound_alone_does_not_limit_inbound(guest: Guests) -> None:
    """Failing: the directions are swapped, or taken together: `outbound` is what the guest sends."""
    made = guest(OUTBOUND)
    assert made.qos() is None
    assert made.tree().classes == {}


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_inbound_alone_does_not_limit_outbound(guest: Guests) -> None:
    """Failing: the directions are swapped, or taken together: `inbound` is what the guest receives."""
    made = guest(REFERENCE)
    assert made.port()["ingress_policing_rate"] == 0
    assert made.port()["ingress_policing_burst"] == 0
    assert made.qos() is not None


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
def test_an_update_changes_the_filter(guest: Guests) -> None:
    """Failing: `set_bandwidth` must set both columns again, and wait until ovs-vswitchd has made another filter."""
    made = guest(OUTBOUND)
    made.domain.set_bandwidth(made.mac, FASTER)
    assert columns(made) == (16384, 4096)
    assert differences(made, FASTER_POLICE) == []


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
def test_an_update_that_drops_the_burst_leaves_none(guest: Guests) -> None:
    """Failing: without a burst `ingress_policing_burst` must be 0: Open vSwitch then takes its own."""
    made = guest(OUTBOUND)
    made.domain.set_bandwidth(made.mac, Bandwidth(outbound=Rate(average=512)))
    assert columns(made) == (4096, 0)
    assert differences(made, "outbound-average-only") == []


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
def test_a_vif_without_bandwidth_gets_a_filter(guest: Guests) -> None:
    """Failing: `set_bandwidth` must police a vif that had no bandwidth when it started."""
    made = guest("")
    made.domain.set_bandwidth(made.mac, WANTED)
    assert columns(made) == (4096, 256)
    assert differences(made, "outbound-reference") == []


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
def test_an_update_without_outbound_takes_the_filter_away(guest: Guests) -> None:
    """Failing: `set_bandwidth` of None must set both columns to 0, and no filter may stay."""
    made = guest(OUTBOUND)
    made.domain.set_bandwidth(made.mac, None)
    assert columns(made) == (0, 0)
    assert policer(made) is None


@pytest.mark.needs("inbound", "outbound", "live_update", shaping="ovs-htb")
def test_an_update_of_one_direction_is_told_from_the_other(guest: Guests) -> None:
    """Failing: what a bandwidth says of both directions must be in effect in both, whichever of them changes."""
    made = guest(BOTH)
    inbound = Rate(average=512, peak=1024, burst=32)
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=inbound, outbound=FASTER.outbound))
    assert columns(made) == (16384, 4096)
    assert tree_differences(made.tree(), "reference") == []
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=inbound))
    assert columns(made) == (0, 0)
    assert tree_differences(made.tree(), "reference") == []
    made.domain.set_bandwidth(made.mac, WANTED)
    assert made.qos() is None
    assert differences(made, "outbound-reference") == []


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_a_stop_leaves_no_filter(guest: Guests) -> None:
    """Failing: where the device outlives the domain its filter must go: clear the row before the port is taken off."""
    made = guest(OUTBOUND)
    device = made.device()
    policer(made)
    made.domain.stop()
    left = made.observer.link(device)
    assert left is None or find(left.policers) is None


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_each_vif_has_a_filter_of_its_own(guest: Guests) -> None:
    """Failing: each vif is policed by its own bandwidth, and one without by none."""
    made = guest(OUTBOUND, "", cases.load_outbound("outbound-average-only").xml)
    assert [columns(made, number) for number in range(3)] == [(4096, 256), (0, 0), (4096, 0)]
    assert differences(made, "outbound-reference", 0) == []
    assert policer(made, 1) is None
    assert differences(made, "outbound-average-only", 2) == []


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
def test_an_update_of_one_vif_leaves_the_filters_of_others(guest: Guests) -> None:
    """Failing: `set_bandwidth` must find the port by the vif's MAC address, and touch no other."""
    made = guest(OUTBOUND, OUTBOUND)
    made.domain.set_bandwidth(made.macs[1], FASTER)
    assert [columns(made, number) for number in range(2)] == [(4096, 256), (16384, 4096)]
    assert differences(made, "outbound-reference", 0) == []
    assert differences(made, FASTER_POLICE, 1) == []


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_a_restart_of_vswitchd_keeps_the_filter(guest: Guests) -> None:
    """Failing: the row must say everything, so that ovs-vswitchd finds it when it starts."""
    made = guest(OUTBOUND)
    made.lab.ovs.vswitchd.kill()
    made.lab.ovs.start_vswitchd()
    assert columns(made) == (4096, 256)
    assert differences(made, "outbound-reference") == []


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
@pytest.mark.parametrize("change", ["ingress_policing_rate=8", "ingress_policing_burst=0", "ingress_policing_rate=0"])
def test_changed_columns_are_restored_by_the_same_values(guest: Guests, change: str) -> None:
    """Failing: `set_bandwidth` must look at the row that is there, and not at what it set before."""
    made = guest(OUTBOUND)
    made.lab.ovs.vsctl("set", "Interface", made.device(), change)
    made.domain.set_bandwidth(made.mac, WANTED)
    assert columns(made) == (4096, 256)
    assert differences(made, "outbound-reference") == []


@pytest.mark.needs("outbound", "live_update", shaping="ovs-htb")
@pytest.mark.parametrize("another", [False, True], ids=["deleted", "changed"])
def test_a_filter_that_was_undone_by_tc_is_restored_by_the_same_values(guest: Guests, another: bool) -> None:
    """Failing: the row may be right and the kernel wrong; ovs-vswitchd acts on other figures only: clear them first."""
    made = guest(OUTBOUND)
    held = policer(made)
    assert held is not None
    made.lab.host.run("tc", "filter", "delete", "dev", made.device(), "parent", "ffff:")
    if another:
        add = f"filter add dev {made.device()} parent ffff: protocol all pref {held.pref} {held.kind}"
        police = "action police rate 1mbit burst 10k conform-exceed drop/continue"
        made.lab.host.run("tc", *f"{add} {police}".split())
    made.domain.set_bandwidth(made.mac, WANTED)
    assert differences(made, "outbound-reference") == []


@pytest.fixture
def kernel_bridge(observer: Observer, nothing_left: None) -> Iterator[str]:
    """A bridge whose datapath is the kernel's; the other reads packets before the kernel polices them."""
    lab = as_lab(observer)
    needs_policing(lab)
    try:
        name = lab.bridge("kernel0", datapath="system")
    except LabUnavailableError as error:
        unjudged(str(error))
    yield name
    lab.ovs.vsctl("del-br", name)


@pytest.mark.needs("outbound", "guest_traffic", shaping="ovs-htb")
def test_a_guest_sends_its_average_by_udp_and_no_more(kernel_bridge: str, guest: Guests) -> None:
    """Failing: 4.096 Mbit/s must get through, and not more: compare the filter with the golden case."""
    made = guest(STEADY, bridge=kernel_bridge)

    def sent() -> float:
        with path_to(made, kernel_bridge) as (host, inner):
            return _noted(made, measure(inner, host, HOST, rate_bps=4 * STEADY_BPS, seconds=2.5), 4 * STEADY_BPS)

    assert reached(sent, STEADY_BPS * 0.95) == pytest.approx(STEADY_BPS, rel=0.05)


@pytest.mark.needs("outbound", "guest_traffic", shaping="ovs-htb")
def test_a_guest_reaches_its_average_by_tcp(kernel_bridge: str, guest: Guests) -> None:
    """Failing: with a burst of half a second TCP must come within a tenth of the average: is the burst the row's?"""
    made = guest(STEADY, bridge=kernel_bridge)

    def sent() -> float:
        with path_to(made, kernel_bridge) as (host, inner):
            if not isinstance(inner, LinkEndpoint):
                unjudged("the testbed's guests send no TCP")
            with StreamSink(host.namespace, HOST, 6.0) as sink, StreamSource(inner.namespace, HOST, 4.0) as source:
                source.wait()
        return _noted(made, sink.measurement, STEADY_BPS)

    assert reached(sent, STEADY_BPS * 0.9) == pytest.approx(STEADY_BPS, rel=0.1)


def _noted(made: Guest, measured: Measurement, offered_bps: int) -> float:
    evidence.note_rate("sent by the guest", measured, offered_bps, STEADY_BPS)
    assert differences(made, Police(rate=512_000, burst=8_000_000, mtu=65_535, mpu=60)) == []
    return measured.rate_bps(after=1.0)
