"""Open vSwitch's daemons restart, and every bandwidth is still, or again, in effect."""

import pytest

from vifkit import Bandwidth, Rate
from vifkit_conformance import cases
from vifkit_conformance.guest import Guests

from .bandwidths import REFERENCE


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_restart_of_vswitchd_keeps_the_bandwidth(guest: Guests) -> None:
    """Failing: the rows must say everything, so that ovs-vswitchd finds it when it starts."""
    made = guest(REFERENCE)
    made.lab.ovs.vswitchd.kill()
    made.lab.ovs.start_vswitchd()
    assert made.tree() == cases.load("reference").tree
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=128)))
    assert made.tree().classes["1:1"].ceil == 128_000


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_restart_of_ovsdb_server_is_survived(guest: Guests) -> None:
    """Failing: an open connection must find the database again after ovsdb-server was restarted."""
    made = guest(REFERENCE)
    made.lab.ovs.ovsdb_server.kill()
    made.lab.ovs.start_ovsdb_server()
    made.lab.ovs.wait_until_settled()
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=128)))
    assert made.tree().classes["1:1"].ceil == 128_000
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
