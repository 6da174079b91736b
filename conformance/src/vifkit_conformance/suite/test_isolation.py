"""Domains, vifs and strangers on one bridge do not touch each other."""

import pytest

from vifkit import Bandwidth, ForeignQosError, Rate
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guests

from .trees import differences, leaf


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_two_domains_keep_their_own_bandwidths(guest: Guests) -> None:
    """Failing: rows must be found by domain and port, never by bridge or by the first that matches."""
    first, second = guest(REFERENCE), guest(LOW)
    assert differences(first.tree(), "reference") == []
    assert leaf(second).ceil == 128_000
    second.domain.set_bandwidth(second.mac, Bandwidth(inbound=Rate(average=64, peak=64)))
    assert differences(first.tree(), "reference") == []
    assert leaf(second).ceil == 64_000
    first.domain.stop()
    assert leaf(second).ceil == 64_000


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_each_vif_of_a_domain_has_its_own_bandwidth(guest: Guests) -> None:
    """Failing: rows must be found by port, and not by domain alone."""
    made = guest(REFERENCE, "", LOW)
    assert differences(made.tree(0), "reference") == []
    assert made.tree(1).classes == {}
    assert leaf(made, 2).ceil == 128_000


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_an_update_of_one_vif_leaves_the_others(guest: Guests) -> None:
    """Failing: `set_bandwidth` is for the vif with that MAC address, and no other."""
    made = guest(REFERENCE, LOW)
    made.domain.set_bandwidth(made.macs[1], Bandwidth(inbound=Rate(average=64)))
    assert differences(made.tree(0), "reference") == []
    assert leaf(made, 1).ceil == 64_000


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_clearing_one_vif_leaves_the_others(guest: Guests) -> None:
    """Failing: the rows to take away are those of one port, and not all that bear the domain's vm-id."""
    made = guest(REFERENCE, LOW)
    made.domain.set_bandwidth(made.macs[1], None)
    assert differences(made.tree(0), "reference") == []
    assert made.tree(1).classes == {}


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_strangers_qos_row_is_left_alone(guest: Guests) -> None:
    """Failing: a QoS row that bears neither our mark nor this domain's vm-id must raise ForeignQosError."""
    made = guest("")
    device = made.device()
    create = ("--id=@q", "create", "QoS", "type=linux-htb", "other_config:max-rate=1000000", "external_ids:owner=me")
    row = made.lab.ovs.vsctl("set", "Port", device, "qos=@q", "--", *create).strip()
    try:
        before = made.qos()
        with pytest.raises(ForeignQosError):
            made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512)))
        assert made.qos() == before
        assert made.domain.bandwidth(made.mac) is None
        made.domain.stop()
        assert row in {each["_uuid"] for each in made.observer.rows("QoS")}, "stop took a stranger's row away"
    finally:
        made.lab.ovs.vsctl("--if-exists", "clear", "Port", device, "qos", "--", "--if-exists", "destroy", "QoS", row)


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_rows_of_others_survive_a_domains_life(guest: Guests) -> None:
    """Failing: `stop` must take away its own rows, and not every row that no port refers to."""
    ids = ("external_ids:vm-id=1b4e28ba-2fa1-11d2-883f-0016d3cca427", "external_ids:ifname=vnet9")
    row = guest.lab.ovs.vsctl("create", "QoS", "type=linux-htb", *ids).strip()
    try:
        made = guest(REFERENCE)
        made.domain.stop()
        assert row in {each["_uuid"] for each in guest.observer.rows("QoS")}
    finally:
        guest.lab.ovs.vsctl("--if-exists", "destroy", "QoS", row)
