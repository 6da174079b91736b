"""A running domain gains and loses vifs, each with its bandwidth, and nothing else changes."""

import pytest

from vifkit import (
    Bandwidth,
    InvalidStateError,
    Rate,
    SupportsHotplug,
    SupportsSuspend,
    SupportsUnplug,
    VifkitError,
    parse_domain,
)
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import undeclared
from vifkit_conformance.leftovers import Leftovers

from .trees import differences, leaf


def plug(made: Guest, bandwidth: str = "", *, bridge: str = "br0", target: str | None = None) -> Guest:
    """Give a domain one more vif; gives the guest as it is then, the new vif last."""
    mac = f"{made.mac[:-2]}{0xF0 + len(made.macs):02x}"
    assert isinstance(made.domain, SupportsHotplug)
    made.domain.attach_vif(made.interface(mac, bandwidth, bridge=bridge, target=target))
    return Guest(made.domain, (*made.macs, mac), made.observer, made.testbed)


def unplug(made: Guest) -> Guest:
    """Take the last vif away; gives the guest as it is then."""
    made.unplug(made.macs[-1])
    return Guest(made.domain, made.macs[:-1], made.observer, made.testbed)


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_a_plugged_vif_is_shaped_on_return(guest: Guests) -> None:
    """Failing: `attach_vif` must plug the port and have its bandwidth in effect before it returns."""
    made = plug(guest(""), REFERENCE)
    assert differences(made.tree(1), "reference") == []
    assert made.port(1)["external_ids"]["vm-id"] == made.domain.uuid


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_a_vif_plugged_without_bandwidth_is_not_shaped(guest: Guests) -> None:
    """Failing: no bandwidth, no QoS row and no class: not even those of another vif."""
    made = plug(guest(REFERENCE))
    assert made.qos(1) is None
    assert made.tree(1).classes == {}


@pytest.mark.needs("hotplug", "inbound", "peak")
def test_a_plugged_vif_is_known(guest: Guests) -> None:
    """Failing: `vifs`, `xml` and `bandwidth` must tell of a plugged vif, with its host's device and its bandwidth."""
    made = plug(guest(REFERENCE), LOW)
    mac = made.macs[1]
    assert made.domain.bandwidth(mac) == Bandwidth(inbound=Rate(average=128, peak=128))
    for vifs in (made.domain.vifs(), parse_domain(made.domain.xml()).vifs):
        assert [vif.mac for vif in vifs] == list(made.macs)
        assert not made.testbed.on_openvswitch or vifs[1].target == made.device(1)
        assert vifs[1].bandwidth == Bandwidth(inbound=Rate(average=128, peak=128))


@pytest.mark.needs("hotplug", "inbound", "live_update", shaping="ovs-htb")
def test_a_plugged_vif_takes_an_update(guest: Guests) -> None:
    """Failing: `set_bandwidth` must concern a plugged vif as any other."""
    made = plug(guest(REFERENCE))
    made.domain.set_bandwidth(made.macs[1], Bandwidth(inbound=Rate(average=512, peak=1024, burst=32)))
    assert differences(made.tree(1), "reference") == []
    made.domain.set_bandwidth(made.macs[1], None)
    assert made.tree(1).classes == {}


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_plug_and_unplug_leave_the_other_vifs_alone(guest: Guests) -> None:
    """Failing: rows are a port's: what is plugged or unplugged beside it must change neither them nor the tree."""
    made = guest(REFERENCE)
    before = made.qos(), made.queue(), made.tree()
    more = plug(made, LOW)
    assert (more.qos(), more.queue(), more.tree()) == before
    made = unplug(more)
    assert (made.qos(), made.queue(), made.tree()) == before


@pytest.mark.needs("hotplug", "inbound", "peak")
def test_unplug_leaves_nothing(guest: Guests) -> None:
    """Failing: `detach_vif` must take the port and its QoS and Queue rows away before it returns."""
    made = guest(REFERENCE)
    before = Leftovers.of(guest.observer)
    for bandwidth in (LOW, ""):
        unplug(plug(made, bandwidth))
        assert str(Leftovers.of(guest.observer) - before) == ""


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_a_vif_plugged_again_has_nothing_of_its_first_life(guest: Guests) -> None:
    """Failing: what is kept for a vif must go with it: another one may come with its MAC address."""
    made = guest(REFERENCE)
    mac = plug(made, LOW).macs[-1]
    made.unplug(mac)
    again = plug(made)
    assert again.domain.bandwidth(mac) is None
    assert again.tree(1).classes == {}


@pytest.mark.needs("hotplug", "inbound", "persistent_domains", shaping="ovs-htb")
def test_what_was_plugged_is_there_after_a_restart_of_the_domain(guest: Guests) -> None:
    """Failing: `attach_vif` must reach the definition as well, where there is one."""
    made = plug(guest(""), REFERENCE)
    made.domain.stop()
    made.domain.start()
    assert made.tree(0).classes == {}
    assert differences(made.tree(1), "reference") == []


@pytest.mark.needs("hotplug", "inbound", "persistent_domains")
def test_what_was_unplugged_is_not_there_after_a_restart_of_the_domain(guest: Guests) -> None:
    """Failing: `detach_vif` must reach the definition as well, where there is one."""
    made = unplug(guest(REFERENCE, LOW))
    made.domain.stop()
    made.domain.start()
    assert [vif.mac for vif in made.domain.vifs()] == [made.mac]


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_a_created_domain_gains_and_loses_vifs(guest: Guests) -> None:
    """Failing: a domain that is not kept is plugged as one that is; there is just no definition to change."""
    xml, macs = guest.write("")
    made = plug(Guest(guest.create(xml), macs, guest.observer, guest.testbed), REFERENCE)
    assert differences(made.tree(1), "reference") == []
    assert len(unplug(made).ports()) == 1


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_a_paused_domain_gains_a_vif(guest: Guests) -> None:
    """Failing: `attach_vif` of a paused domain must plug and shape as of one that runs."""
    made = guest("")
    if not isinstance(made.domain, SupportsSuspend):
        undeclared("SupportsSuspend")
    made.domain.suspend()
    assert differences(plug(made, REFERENCE).tree(1), "reference") == []


@pytest.mark.needs("hotplug")
def test_a_taken_mac_address_is_refused(guest: Guests) -> None:
    """Failing: two vifs of one MAC address are one too many for every later verb: refuse the second."""
    made = guest(REFERENCE)
    before = Leftovers.of(guest.observer), made.domain.vifs()
    assert isinstance(made.domain, SupportsHotplug)
    with pytest.raises(VifkitError):
        made.domain.attach_vif(made.interface(made.mac.upper()))
    assert str(Leftovers.of(guest.observer) - before[0]) == ""
    assert made.domain.vifs() == before[1]


@pytest.mark.needs("hotplug")
def test_a_plug_to_a_bridge_that_is_not_there_leaves_nothing(guest: Guests) -> None:
    """Failing: where there is no such bridge no half of a vif may stay, and a later plug must work."""
    made = guest(REFERENCE)
    before = Leftovers.of(guest.observer), made.domain.vifs()
    with pytest.raises(VifkitError):
        plug(made, bridge="br-nowhere")
    assert str(Leftovers.of(guest.observer) - before[0]) == ""
    assert made.domain.vifs() == before[1]
    assert len(plug(made).domain.vifs()) == 2


@pytest.mark.needs("hotplug", "on_openvswitch")
@pytest.mark.parametrize("taken", ["port", "device"])
def test_a_plug_whose_name_is_taken_leaves_the_other_alone(guest: Guests, taken: str) -> None:
    """Failing: a device or port of this name is a stranger's: `attach_vif` must fail, and not touch it."""
    made = guest(REFERENCE)
    lab = guest.lab
    lab.host.run("ip", "link", "add", "taken0", "type", "veth", "peer", "name", "taken1")
    try:
        if taken == "port":
            lab.ovs.add_port("br0", "taken0")
        before = Leftovers.of(lab), made.domain.vifs()
        with pytest.raises(VifkitError):
            plug(made, LOW, target="taken0")
        assert Leftovers.of(lab) == before[0]
        assert made.domain.vifs() == before[1]
    finally:
        lab.ovs.vsctl("--if-exists", "del-port", "taken0")
        lab.host.run("ip", "link", "delete", "taken0")


@pytest.mark.needs("hotplug")
def test_an_unknown_vif_is_not_unplugged(guest: Guests) -> None:
    """Failing: `detach_vif` must raise LookupError for a MAC address of no vif, and leave all vifs."""
    made = guest(REFERENCE)
    assert isinstance(made.domain, SupportsUnplug)
    with pytest.raises(LookupError):
        made.domain.detach_vif("52:54:00:ff:ff:ff")
    assert [vif.mac for vif in made.domain.vifs()] == [made.mac]


@pytest.mark.needs("hotplug", "persistent_domains")
def test_a_shut_off_domain_gains_and_loses_no_vif(guest: Guests) -> None:
    """Failing: hotplug is for a running domain; `define` changes one that is shut off. Raise InvalidStateError."""
    made = guest(REFERENCE, start=False)
    assert isinstance(made.domain, SupportsHotplug) and isinstance(made.domain, SupportsUnplug)
    with pytest.raises(InvalidStateError):
        plug(made)
    with pytest.raises(InvalidStateError):
        made.domain.detach_vif(made.mac)
    assert [vif.mac for vif in made.domain.vifs()] == [made.mac]


@pytest.mark.needs("hotplug", "inbound", shaping="ovs-htb")
def test_the_last_vif_goes_and_another_comes(guest: Guests) -> None:
    """Failing: a running domain may be without a vif for a while."""
    made = guest(REFERENCE)
    mac = made.mac
    assert isinstance(made.domain, SupportsHotplug)
    made.unplug(mac)
    assert made.ports() == []
    made.domain.attach_vif(made.interface(mac, LOW))
    assert leaf(made).ceil == 128_000
