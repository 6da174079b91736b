"""What is declared works; what is not declared is refused, by name, and changes nothing."""

import pytest

from vifkit import (
    Bandwidth,
    Capabilities,
    Connection,
    Rate,
    Shaping,
    State,
    SupportsHotplug,
    SupportsUnplug,
    parse_bandwidth,
)
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guests
from vifkit_conformance.judging import evidence
from vifkit_conformance.judging.declared import inapplicable, refused, undeclared

from .trees import leaf

ASKED = {
    "inbound": "<inbound average='512'/>",
    "outbound": "<outbound average='512'/>",
    "floor": "<inbound floor='512'/>",
    "peak": "<{} average='512' peak='1024'/>",
    "burst": "<{} average='512' burst='32'/>",
}


def undeclared_bandwidth(capabilities: Capabilities, capability: str) -> str:
    """Write a bandwidth of which nothing but this is undeclared; where that cannot be the test does not apply."""
    if getattr(capabilities, capability):
        inapplicable(f"the driver declares {capability}")
    direction = "inbound" if capabilities.inbound else "outbound"
    if "{}" in ASKED[capability] and not getattr(capabilities, direction):
        inapplicable(f"the driver limits nothing, so that nobody could ask for a {capability}")
    return f"<bandwidth>{ASKED[capability].format(direction)}</bandwidth>"


def test_capabilities_agree_with_each_other(capabilities: Capabilities) -> None:
    """Failing: a driver that shapes nothing must declare no direction, and one that shapes must declare one."""
    shapes = capabilities.inbound or capabilities.outbound
    assert shapes is (capabilities.shaping is not Shaping.NONE)
    assert capabilities.highest_rate_bps is None or capabilities.highest_rate_bps > 0


@pytest.mark.parametrize("capability", sorted(ASKED))
def test_an_undeclared_direction_is_refused_at_start(
    guest: Guests, connection: Connection, capabilities: Capabilities, capability: str
) -> None:
    """Failing: what `Capabilities` do not declare must raise UnsupportedError with its name, and start nothing."""
    xml, _ = guest.write(undeclared_bandwidth(capabilities, capability))
    before = [each.name for each in connection.domains()]
    with refused(capability):
        guest.create(xml)
    assert [each.name for each in connection.domains()] == before


@pytest.mark.needs("persistent_domains")
@pytest.mark.parametrize("capability", sorted(ASKED))
def test_an_undeclared_direction_is_refused_at_definition(
    guest: Guests, connection: Connection, capabilities: Capabilities, capability: str
) -> None:
    """Failing: `define` must refuse what is not declared, as `create` does, and keep nothing."""
    xml, _ = guest.write(undeclared_bandwidth(capabilities, capability))
    before = [each.name for each in connection.domains()]
    with refused(capability):
        guest.define(xml)
    assert [each.name for each in connection.domains()] == before


@pytest.mark.parametrize("capability", sorted(ASKED))
def test_an_undeclared_direction_is_refused_at_update(
    guest: Guests, capabilities: Capabilities, capability: str
) -> None:
    """Failing: `set_bandwidth` must refuse what is not declared, and leave the bandwidth as it was."""
    asked = parse_bandwidth(undeclared_bandwidth(capabilities, capability))
    made = guest()
    with refused(capability):
        made.domain.set_bandwidth(made.mac, asked)
    assert made.domain.bandwidth(made.mac) is None
    assert made.qos() is None
    assert [port["ingress_policing_rate"] for port in made.ports()] == [0] * len(made.ports())


@pytest.mark.parametrize("capability", ["inbound", "outbound"])
def test_a_declared_direction_is_carried_out(guest: Guests, capabilities: Capabilities, capability: str) -> None:
    """Failing: a direction that is declared must reach the kernel: an HTB leaf, or an ingress filter."""
    if not getattr(capabilities, capability):
        undeclared(capability)
    if capabilities.shaping is not Shaping.OVS_HTB:
        inapplicable(f"the driver's shaping is {capabilities.shaping.value}, not ovs-htb")
    made = guest(f"<bandwidth>{ASKED[capability]}</bandwidth>")
    if capability == "inbound":
        assert leaf(made).ceil == 512_000
    else:
        assert made.port()["ingress_policing_rate"] == 4096
        assert made.link().policers, "the row says so, and the kernel has no filter: does it have act_police?"


def test_the_mtu_is_as_declared(guest: Guests, capabilities: Capabilities) -> None:
    """Failing: an `<mtu>` must reach the host's device; where `mtu` is not declared it must raise UnsupportedError."""
    if capabilities.mtu:
        assert guest(mtu=1400).link().mtu == 1400
        return
    xml, _ = guest.write(mtu=1400)
    with refused("mtu"):
        guest.create(xml)


def test_a_rate_above_the_highest_is_refused(guest: Guests, capabilities: Capabilities) -> None:
    """Failing: beyond `highest_rate_bps` a rate becomes another one; refuse it by UnsupportedError."""
    if capabilities.highest_rate_bps is None or not capabilities.inbound:
        inapplicable("the driver declares no highest rate")
    too_high = capabilities.highest_rate_bps // 8000 + 1
    made = guest()
    with refused("highest_rate_bps"):
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=too_high)))
    assert made.qos() is None


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_the_highest_rate_is_carried_out(guest: Guests, capabilities: Capabilities) -> None:
    """Failing: the highest rate declared, or 40 Gbit/s where it is none, became another: declare what really holds."""
    kBps = (
        (capabilities.highest_rate_bps or 40_000_000_000) // 1_000_000 * 125
    )  # of such rates, tc writes whole megabits
    made = guest(f"<bandwidth><inbound average='{kBps}'/></bandwidth>")
    assert (leaf(made).rate, leaf(made).ceil) == (kBps * 1000, kBps * 1000)


def test_persistence_is_as_declared(guest: Guests, capabilities: Capabilities) -> None:
    """Failing: where `persistent_domains` is not declared `define` must raise UnsupportedError; else it must keep."""
    xml, _ = guest.write()
    if capabilities.persistent_domains:
        assert guest.define(xml).state() is State.SHUTOFF
        return
    with refused("persistent_domains"):
        guest.define(xml)


def test_live_update_is_as_declared(guest: Guests, capabilities: Capabilities) -> None:
    """Failing: where `live_update` is not declared, a running domain's `set_bandwidth` must raise UnsupportedError."""
    if not capabilities.inbound:
        undeclared("inbound")
    made = guest(REFERENCE)
    tree, wanted = made.tree(), Bandwidth(inbound=Rate(average=256, peak=256 if capabilities.peak else None))
    if capabilities.live_update:
        made.domain.set_bandwidth(made.mac, wanted)
        assert made.domain.bandwidth(made.mac) == wanted
        assert capabilities.shaping is not Shaping.OVS_HTB or leaf(made).ceil == 256_000
        return
    with refused("live_update"):
        made.domain.set_bandwidth(made.mac, wanted)
    assert made.tree() == tree


def test_hotplug_is_as_declared(guest: Guests, capabilities: Capabilities) -> None:
    """Failing: `hotplug` and the protocols SupportsHotplug and SupportsUnplug must be there together, and work."""
    made = guest(REFERENCE)
    domain = made.domain
    if not capabilities.hotplug:
        assert not isinstance(domain, SupportsHotplug) and not isinstance(domain, SupportsUnplug), (
            "the domain has attach_vif or detach_vif, and the capabilities do not declare hotplug"
        )
        evidence.note("refused", capability="hotplug")
        return
    assert isinstance(domain, SupportsHotplug) and isinstance(domain, SupportsUnplug), (
        "the capabilities declare hotplug, and the domain lacks attach_vif or detach_vif"
    )
    mac = made.mac[:-2] + "f0"
    limit = Bandwidth(inbound=Rate(average=128)) if capabilities.inbound else None
    domain.attach_vif(made.interface(mac, "<bandwidth><inbound average='128'/></bandwidth>" if limit else ""))
    both = type(made)(domain, (*made.macs, mac), made.observer, made.testbed)
    assert domain.bandwidth(mac) == limit
    assert not limit or capabilities.shaping is not Shaping.OVS_HTB or leaf(both, 1).ceil == 128_000
    both.unplug(mac)
    assert [vif.mac for vif in domain.vifs()] == [made.mac]
