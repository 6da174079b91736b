"""Others change what is in effect, behind the driver's back: the next verb brings it in line."""

import pytest

from vifkit import Bandwidth, Rate
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import missing
from vifkit_conformance.testbed import SupportsTuning

from .trees import differences, leaf

WANTED = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
ROWS = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}


def tuned(guest: Guests, inbound: Rate) -> Guest:
    """Make a domain whose bandwidth was changed by the hypervisor's own tool; skip where there is none."""
    if not isinstance(guest.testbed, SupportsTuning):
        missing(guest.testbed, SupportsTuning)
    made = guest(REFERENCE)
    guest.testbed.tune(made.domain, made.mac, inbound)
    return made


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb", row_writer="hypervisor")
@pytest.mark.parametrize(
    "inbound",
    [Rate(average=2048, peak=4096, burst=64), Rate(average=256)],
    ids=["all-figures", "average-alone"],
)
def test_what_the_hypervisors_tool_sets_is_told(guest: Guests, inbound: Rate) -> None:
    """Failing: where the hypervisor writes the rows its word counts: `bandwidth` and `xml` must tell what it says."""
    made = tuned(guest, inbound)
    told = made.domain.bandwidth(made.mac)
    assert told is not None and told.inbound is not None
    figures = (told.inbound.average, told.inbound.peak or None, told.inbound.burst or None)
    assert figures == (inbound.average, inbound.peak, inbound.burst)


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb", row_writer="hypervisor")
def test_what_the_hypervisors_tool_sets_is_in_effect_when_it_is_set_again(guest: Guests) -> None:
    """Failing: the tool's rows may be half right, such as an old max-rate; `set_bandwidth` of what is told mends them.

    The tool has set an average alone, so the limit is the average.
    """
    made = tuned(guest, Rate(average=256))
    made.domain.set_bandwidth(made.mac, made.domain.bandwidth(made.mac))
    assert (leaf(made).rate, leaf(made).ceil) == (256_000, 256_000)
    qos = made.qos()
    assert qos is not None and qos["other_config"] == {"min-rate": "2048000", "max-rate": "2048000"}


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_an_update_wins_over_the_hypervisors_tool(guest: Guests) -> None:
    """Failing: after the tool, `set_bandwidth` must leave nothing of what the tool has set."""
    made = tuned(guest, Rate(average=2048, peak=4096, burst=64))
    made.domain.set_bandwidth(made.mac, WANTED)
    assert differences(made.tree(), "reference") == []
    assert made.domain.bandwidth(made.mac) == WANTED


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
@pytest.mark.parametrize(
    "change",
    ["other_config:max-rate=1000000", "other_config={min-rate=8000}", "other_config:burst=1"],
    ids=["slower", "no-limit", "burst"],
)
def test_a_changed_queue_is_restored_by_the_same_values(guest: Guests, change: str) -> None:
    """Failing: `set_bandwidth` must look at the rows that are there, and not at what it set before."""
    made = guest(REFERENCE)
    made.lab.ovs.vsctl("set", "Queue", made.queue()["_uuid"], change)
    made.domain.set_bandwidth(made.mac, WANTED)
    assert made.queue()["other_config"] == ROWS
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_changed_qos_is_restored_by_the_same_values(guest: Guests) -> None:
    """Failing: the QoS row's max-rate is the parent's: `set_bandwidth` must restore it as well."""
    made = guest(REFERENCE)
    qos = made.qos()
    assert qos is not None
    made.lab.ovs.vsctl("set", "QoS", qos["_uuid"], "other_config:max-rate=1000000")
    made.domain.set_bandwidth(made.mac, WANTED)
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_bandwidth_that_was_taken_off_the_port_comes_back_by_the_same_values(guest: Guests) -> None:
    """Failing: where somebody has cleared the port's qos, `set_bandwidth` must put one on; both go with the domain."""
    made = guest(REFERENCE)
    rows = len(made.observer.rows("QoS")), len(made.observer.rows("Queue"))
    made.lab.ovs.vsctl("clear", "Port", made.device(), "qos")
    made.domain.set_bandwidth(made.mac, WANTED)
    assert differences(made.tree(), "reference") == []
    made.domain.stop()
    assert (len(made.observer.rows("QoS")), len(made.observer.rows("Queue"))) == (rows[0] - 1, rows[1] - 1)


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_class_that_was_changed_by_tc_is_restored_by_the_same_values(guest: Guests) -> None:
    """Failing: the rows may be right and the kernel wrong; ovs-vswitchd does not look, so `set_bandwidth` must."""
    made = guest(REFERENCE)
    where = ("dev", made.device(), "parent", "1:fffe", "classid", "1:1")
    made.lab.host.run("tc", "class", "change", *where, "htb", "rate", "100kbit", "ceil", "100kbit")
    made.domain.set_bandwidth(made.mac, WANTED)
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_changed_rows_are_not_what_is_told(guest: Guests) -> None:
    """Failing: rows are what is done, not what is wanted: `bandwidth` must tell the domain's own."""
    made = guest(REFERENCE)
    made.lab.ovs.vsctl("set", "Queue", made.queue()["_uuid"], "other_config:max-rate=1000000")
    assert made.domain.bandwidth(made.mac) == WANTED


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_changed_rows_do_not_outlive_the_domain(guest: Guests) -> None:
    """Failing: each start must make its rows anew, from the domain's own bandwidth."""
    made = guest(REFERENCE)
    made.lab.ovs.vsctl("set", "Queue", made.queue()["_uuid"], "other_config:max-rate=1000000")
    made.domain.stop()
    made.domain.start()
    assert differences(made.tree(), "reference") == []
