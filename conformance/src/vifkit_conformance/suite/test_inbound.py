"""What a guest may receive: from the user's XML to the kernel's classes, to the tick."""

import pytest

from vifkit import Bandwidth, Capabilities, Rate
from vifkit_conformance import cases
from vifkit_conformance.bandwidths import AVERAGE_ONLY, REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import undeclared

from .daemons import asleep
from .trees import differences, leaf


@pytest.mark.needs("inbound", shaping="ovs-htb")
@pytest.mark.parametrize("case", cases.load_all(), ids=lambda case: case.name)
def test_the_tree_is_that_of_the_golden_case(guest: Guests, capabilities: Capabilities, case: cases.Case) -> None:
    """Failing: rows or device differ from what the bandwidth means; the difference names the first wrong field."""
    if case.mtu and not capabilities.mtu:
        undeclared("mtu")
    made = guest(case.xml, mtu=case.mtu)
    assert made.link().mtu == (case.mtu or 1500)
    assert differences(made.tree(), case.tree) == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_the_rows_are_those_that_libvirt_writes(guest: Guests) -> None:
    """Failing: QoS and Queue 0 must hold min-rate, max-rate (bit/s) and burst (bits), and say whose they are."""
    made = guest(REFERENCE)
    for row in (made.qos(), made.queue()):
        assert row is not None
        assert row["other_config"] == {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
        assert row["external_ids"].get("ifname") == made.device()
        assert row["external_ids"].get("vm-id") == made.domain.uuid


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_created_domain_is_shaped_as_a_defined_one(guest: Guests) -> None:
    """Failing: `create` must give the same tree as `define` and `start`."""
    xml, macs = guest.write(REFERENCE)
    made = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_an_average_alone_limits(guest: Guests) -> None:
    """Failing: without a peak, max-rate must be the average; libvirt writes none, and 10 Gbit/s get through."""
    made = guest(AVERAGE_ONLY)
    assert (leaf(made).rate, leaf(made).ceil) == (512_000, 512_000)


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_vif_without_bandwidth_is_not_shaped(guest: Guests) -> None:
    """Failing: no bandwidth, no QoS row and no class."""
    made = guest("")
    assert made.qos() is None
    assert made.tree().classes == {}
    assert made.port()["ingress_policing_rate"] == 0


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
@pytest.mark.parametrize("mtu", [576, 9000])
def test_a_changed_mtu_is_counted_in_at_the_next_update(guest: Guests, mtu: int) -> None:
    """Failing: an update to the same values is in effect on return too: look at the tree, and not at the rows alone.

    ovs-vswitchd has not looked at the new MTU when the update comes.
    """
    made = guest(REFERENCE)
    device = made.device()
    with asleep(made.lab.ovs.vswitchd.pid):
        made.lab.host.run("ip", "link", "set", device, "mtu", str(mtu))
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512, peak=1024, burst=32)))
        found = made.tree()
    assert differences(found, f"reference-mtu-{mtu}") == []
