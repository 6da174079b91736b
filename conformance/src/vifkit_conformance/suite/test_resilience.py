"""Open vSwitch's daemons pause or restart, and every bandwidth is still, or again, in effect."""

import pytest

from vifkit import Bandwidth, Rate, SwitchUnavailableError
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests

from .daemons import asleep
from .trees import differences, leaf


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_restart_of_vswitchd_keeps_the_bandwidth(guest: Guests) -> None:
    """Failing: the rows must say everything, so that ovs-vswitchd finds it when it starts."""
    made = guest(REFERENCE)
    made.lab.ovs.vswitchd.kill()
    made.lab.ovs.start_vswitchd()
    assert differences(made.tree(), "reference") == []
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=128)))
    assert leaf(made).ceil == 128_000


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_restart_of_ovsdb_server_is_survived(guest: Guests) -> None:
    """Failing: an open connection must find the database again after ovsdb-server was restarted."""
    made = guest(REFERENCE)
    made.lab.ovs.ovsdb_server.kill()
    made.lab.ovs.start_ovsdb_server()
    made.lab.ovs.wait_until_settled()
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=128)))
    assert leaf(made).ceil == 128_000
    made.domain.stop()
    assert made.ports() == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_domain_stops_after_both_daemons_restarted(guest: Guests) -> None:
    """Failing: `stop` must find ports and rows again, and leave none."""
    made = guest(REFERENCE)
    made.lab.ovs.vswitchd.kill()
    made.lab.ovs.ovsdb_server.kill()
    made.lab.ovs.start_ovsdb_server()
    made.lab.ovs.start_vswitchd()
    made.domain.stop()
    assert made.ports() == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_an_update_waits_for_vswitchd(guest: Guests) -> None:
    """Failing: `set_bandwidth` returned while ovs-vswitchd was stopped: wait until `cur_cfg` reaches `next_cfg`."""
    made = guest(REFERENCE)
    with asleep(made.lab.ovs.vswitchd.pid) as woken:
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=128)))
        assert woken.is_set(), "set_bandwidth did not wait for ovs-vswitchd"
    assert leaf(made).ceil == 128_000


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_start_waits_for_vswitchd(guest: Guests) -> None:
    """Failing: `create` returned while ovs-vswitchd was stopped: wait until `cur_cfg` reaches `next_cfg`."""
    xml, macs = guest.write(REFERENCE)
    with asleep(guest.lab.ovs.vswitchd.pid) as woken:
        made = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
        assert woken.is_set(), "create did not wait for ovs-vswitchd"
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_an_update_without_vswitchd_changes_nothing(guest: Guests) -> None:
    """Failing: an update that raises must leave the old bandwidth, in what is kept, in the rows, and in effect."""
    made = guest(REFERENCE)
    before = made.domain.bandwidth(made.mac)
    made.lab.ovs.vswitchd.kill()
    try:
        with pytest.raises(SwitchUnavailableError):
            made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=128)))
    finally:
        made.lab.ovs.start_vswitchd()
    made.lab.ovs.wait_until_settled()
    assert made.domain.bandwidth(made.mac) == before
    assert differences(made.tree(), "reference") == []
