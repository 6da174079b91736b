"""Vifs that are not on Open vSwitch are libvirt's; those that get there by a network are not."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shutil import which

import libvirt
import pytest

from vifkit import Bandwidth, BandwidthWarning, Connection, Domain, Rate, State, UnsupportedError
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.lab import CommandError, Lab
from vifkit_conformance.suite.trees import differences
from vifkit_libvirt.errors import LibvirtError
from vifkit_qemu.driver import QemuConnection, QemuDomain

pytestmark = pytest.mark.switch

# Each is its type, and what stands between <mac> and <bandwidth>.
ELSEWHERE = {
    "bridge": ("bridge", "<source bridge='linux0'/>"),
    "direct": ("direct", "<source dev='wire0' mode='bridge'/>"),
    "ethernet": ("ethernet", ""),
    "nat": ("network", "<source network='nat'/>"),
    "open": ("network", "<source network='open'/>"),
    "network-bridge": ("network", "<source network='linux'/>"),
    "user": ("user", ""),
}
SHAPED = sorted(ELSEWHERE.keys() - {"user"})
NETWORKS = {
    # Without DNS and DHCP there is no dnsmasq.
    "nat": "<forward mode='nat'/><dns enable='no'/><ip address='198.51.100.1' netmask='255.255.255.0'/>",
    "open": "<forward mode='open'/><dns enable='no'/><ip address='203.0.113.1' netmask='255.255.255.0'/>",
    "linux": "<forward mode='bridge'/><bridge name='linux0'/>",
    "switch": "<forward mode='bridge'/><bridge name='br0'/><virtualport type='openvswitch'/>",
    "slow": "<forward mode='bridge'/><bridge name='br0'/><virtualport type='openvswitch'/>"
    "<portgroup name='all' default='yes'><bandwidth><inbound average='300'/></bandwidth></portgroup>",
}
TRUNK = "<interface type='network'><mac address='{mac}'/><source network='{network}'/>{bandwidth}</interface>"


@contextmanager
def links(lab: Lab) -> Iterator[None]:
    """A Linux bridge, and a wire for macvtap."""
    lab.host.run("ip", "link", "add", "linux0", "type", "bridge")
    lab.host.run("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1")
    for name in ("linux0", "wire0", "wire1"):
        lab.host.run("ip", "link", "set", name, "up")
    try:
        yield
    finally:
        for name in ("linux0", "wire0"):
            lab.host.run("ip", "link", "delete", name)


@pytest.fixture
def around(guest: Guests) -> Iterator[Guests]:
    """A host with networks and links beside Open vSwitch; they go after the guests."""
    assert isinstance(guest.connection, QemuConnection)
    made = []
    with links(guest.lab):
        opened = guest.connection.session.connection()
        for name, body in NETWORKS.items():
            if name == "nat" and which("iptables") is None:
                continue
            made.append(opened.networkCreateXML(f"<network><name>{name}</name>{body}</network>"))
        yield guest
        guest.close()
        for network in made:
            network.destroy()


def write(guest: Guests, kind: str, bandwidth: str = "") -> tuple[str, str]:
    """Write a domain with a vif that is elsewhere, and its MAC address."""
    if kind == "nat" and which("iptables") is None:
        pytest.skip("there is no iptables, which libvirt's NAT takes")
    name, source = ELSEWHERE[kind]
    mac = "52:54:00:00:0e:01"
    interface = f"<interface type='{name}'><mac address='{mac}'/>{source}{bandwidth}</interface>"
    return guest.testbed.domain_xml(f"guest-{kind}", "11111111-1111-4111-8111-111111111111", [interface]), mac


def codes(caught: list[warnings.WarningMessage]) -> set[str]:
    return {each.message.code for each in caught if isinstance(each.message, BandwidthWarning)}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_domain_whose_vif_is_elsewhere_starts(around: Guests, kind: str) -> None:
    xml, _ = write(around, kind)
    domain = around.create(xml)
    assert domain.state() is State.RUNNING
    assert {row["name"] for row in around.lab.ovs.rows("Port")} == {"br0"}
    domain.stop()


@pytest.mark.parametrize("kind", SHAPED)
def test_a_bandwidth_that_libvirt_carries_out_is_kept_without_a_warning(around: Guests, kind: str) -> None:
    xml, mac = write(around, kind, REFERENCE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        domain = around.define(xml)
        domain.set_bandwidth(mac, Bandwidth(inbound=Rate(average=256, peak=512)))
    assert codes(caught) == set()
    assert domain.bandwidth(mac) == Bandwidth(inbound=Rate(average=256, peak=512))
    assert around.lab.ovs.rows("QoS") == []


def test_a_bandwidth_that_libvirt_ignores_is_kept_with_a_warning_and_never_changed(around: Guests) -> None:
    xml, mac = write(around, "user", REFERENCE)
    with pytest.warns(BandwidthWarning, match="^interface-unsupported: "):
        domain = around.define(xml)
    for running in (False, True):
        if running:
            domain.start()
        with pytest.warns(BandwidthWarning), pytest.raises(UnsupportedError, match="interfaces of type 'user'"):
            domain.set_bandwidth(mac, Bandwidth(inbound=Rate(average=256)))
        assert domain.bandwidth(mac) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))


def test_what_we_do_not_declare_for_open_vswitch_is_libvirts_to_do_elsewhere(around: Guests) -> None:
    """A floor on a network that libvirt routes, and a limit on what a guest sends."""
    xml, mac = write(
        around, "open", "<bandwidth><inbound average='512' floor='64'/><outbound average='512'/></bandwidth>"
    )
    domain = around.define(xml)
    wanted = Bandwidth(inbound=Rate(average=512, floor=64), outbound=Rate(average=512))
    assert domain.bandwidth(mac) == wanted


@pytest.fixture
def fair_queues(lab: Lab) -> None:
    """What libvirt puts at the leaves of its trees (virNetDevBandwidthSet)."""
    try:
        lab.host.run("tc", "qdisc", "add", "dev", "lo", "root", "sfq")
    except CommandError:
        pytest.skip("this kernel has no qdisc sfq, which libvirt's own shaping takes")
    lab.host.run("tc", "qdisc", "delete", "dev", "lo", "root")


@pytest.mark.parametrize("kind", ["bridge", "ethernet", "open"])
def test_libvirts_own_shaping_stays(around: Guests, fair_queues: None, kind: str) -> None:
    xml, mac = write(around, kind, REFERENCE)
    domain = around.create(xml)
    assert "rate 4096Kbit ceil 8192Kbit" in classes(around.lab, domain)
    domain.set_bandwidth(mac, Bandwidth(inbound=Rate(average=256, peak=256)))
    assert "rate 2048Kbit ceil 2048Kbit" in classes(around.lab, domain)
    assert around.lab.ovs.rows("QoS") == []


def test_shaping_that_the_kernel_does_not_carry_out_fails_the_start_and_leaves_nothing(around: Guests) -> None:
    xml, _ = write(around, "bridge", REFERENCE)
    with suppress(LibvirtError):  # where it has sfq, it starts
        around.create(xml).stop()
    assert around.connection.domains() == []
    assert "vnet" not in around.lab.host.run("ip", "-brief", "link")


def classes(lab: Lab, domain: Domain) -> str:
    device = domain.vifs()[0].target
    assert device is not None
    return lab.host.run("tc", "class", "show", "dev", device)


def on_network(guest: Guests, network: str, bandwidth: str) -> tuple[str, tuple[str, ...]]:
    """Write a domain whose vif gets to Open vSwitch by a network."""
    xml, macs = guest.write()
    head, _, rest = xml.partition("<interface")
    tail = rest.partition("</interface>")[2]
    return head + TRUNK.format(mac=macs[0], network=network, bandwidth=bandwidth) + tail, macs


@pytest.mark.parametrize("persistent", [False, True], ids=["created", "defined"])
def test_a_network_that_leads_to_open_vswitch_is_open_vswitch(around: Guests, persistent: bool) -> None:
    xml, macs = on_network(around, "switch", REFERENCE)
    with pytest.warns(BandwidthWarning, match="^peak-is-the-limit: ") as caught:
        domain = around.define(xml) if persistent else around.create(xml)
    assert {str(each.message).partition(":")[0] for each in caught} == {"peak-is-the-limit"}
    if persistent:
        domain.start()
    made = Guest(domain, macs, around.lab, around.testbed)
    assert domain.vifs()[0].on_openvswitch
    assert differences(made.tree(), "reference") == []
    domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512)))  # of which libvirt itself writes half
    assert (made.tree().classes["1:1"].rate, made.tree().classes["1:1"].ceil) == (512_000, 512_000)
    domain.stop()
    assert around.lab.ovs.rows("QoS") == around.lab.ovs.rows("Queue") == []


def test_the_bandwidth_of_a_portgroup_is_in_effect(around: Guests) -> None:
    xml, macs = on_network(around, "slow", "")
    domain = around.create(xml)
    made = Guest(domain, macs, around.lab, around.testbed)
    assert domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=300))
    assert (made.tree().classes["1:1"].rate, made.tree().classes["1:1"].ceil) == (300_000, 300_000)


def test_what_open_vswitch_does_not_do_is_refused_on_a_network_that_leads_there(
    around: Guests, connection: Connection
) -> None:
    xml, _ = on_network(around, "switch", "<bandwidth><inbound average='512' floor='64'/></bandwidth>")
    with pytest.raises(UnsupportedError) as caught:
        connection.define(xml)
    assert caught.value.capability == "floor"
    assert connection.domains() == []


def test_a_vif_is_plugged_by_a_network(around: Guests) -> None:
    made = around("")
    assert isinstance(made.domain, QemuDomain)
    mac = "52:54:00:00:0e:02"
    made.domain.attach_vif(TRUNK.format(mac=mac, network="switch", bandwidth=REFERENCE))
    both = Guest(made.domain, (made.mac, mac), around.lab, around.testbed)
    assert differences(both.tree(1), "reference") == []
    made.domain.detach_vif(mac)
    assert around.lab.ovs.rows("QoS") == []


def test_a_network_that_is_not_there_is_named_by_the_error(around: Guests, connection: Connection) -> None:
    xml, _ = on_network(around, "nowhere", REFERENCE)
    domain = around.define(xml)
    with pytest.raises(LibvirtError, match="Network not found") as caught:
        domain.start()
    assert caught.value.code == libvirt.VIR_ERR_NO_NETWORK
    assert domain.state() is State.SHUTOFF
