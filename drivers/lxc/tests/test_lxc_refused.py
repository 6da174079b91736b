"""What cannot be done: a typed error of one line, and nothing of it stays."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import libvirt
import pytest

from vifkit import (
    BackendError,
    Bandwidth,
    ConnectError,
    Connection,
    InvalidXmlError,
    PortExistsError,
    PortNotFoundError,
    Rate,
    State,
    UnsupportedError,
    VifkitError,
)
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guests, interface
from vifkit_conformance.lab import Lab
from vifkit_conformance.suite.trees import differences, leaf
from vifkit_libvirt.errors import LibvirtError
from vifkit_libvirt.metadata import NAMESPACE
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_lxc.driver import LxcConnection, LxcDomain, LxcDriver

pytestmark = pytest.mark.switch

Refused = Callable[..., AbstractContextManager[None]]
Start = Callable[..., Callable[[], object]]

# As Debian has them, and as Fedora has.
MODULES = ("lib/*/libvirt/connection-driver/*.so", "lib64/libvirt/connection-driver/*.so")


@pytest.mark.parametrize("verb", ["define", "create"])
@pytest.mark.parametrize("other", ["qemu", "kvm", "xen"])
def test_xml_of_another_hypervisor_is_refused(
    guest: Guests, connection: Connection, refused: Refused, verb: str, other: str
) -> None:
    xml, _ = guest.write(REFERENCE)
    with refused(connection, InvalidXmlError, f"{other!r} is another hypervisor's; here it is 'lxc'"):
        getattr(connection, verb)(xml.replace("type='lxc'", f"type='{other}'", 1))


@pytest.mark.parametrize("verb", ["create", "start"])
def test_a_container_whose_first_process_is_not_there_leaves_nothing(
    guest: Guests, connection: Connection, refused: Refused, verb: str
) -> None:
    xml, _ = guest.write(REFERENCE)
    xml = xml.replace("<init>/bin/sh<", "<init>/nowhere<")
    attempt = guest.define(xml).start if verb == "start" else lambda: connection.create(xml)
    with refused(connection, LibvirtError, "libvirt: "):
        attempt()


@pytest.mark.parametrize("verb", ["create", "start", "attach_vif"])
def test_a_bridge_that_open_vswitch_does_not_have_is_not_found(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str
) -> None:
    attempt = a_start(verb, bridge="nowhere0")
    with refused(connection, PortNotFoundError, "no bridge is named 'nowhere0'"):
        attempt()


@pytest.mark.parametrize("verb", ["create", "start", "attach_vif"])
def test_a_port_that_is_there_is_not_taken_over(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str
) -> None:
    guest.lab.ovs.vsctl("add-port", "br0", "taken0", "--", "set", "Interface", "taken0", "type=internal")
    try:
        attempt = a_start(verb, target="taken0")
        with refused(connection, PortExistsError, "a port named 'taken0' already"):
            attempt()
    finally:
        guest.lab.ovs.vsctl("del-port", "taken0")


@pytest.mark.parametrize("verb", ["create", "start", "attach_vif"])
def test_a_device_of_the_host_is_not_taken_over(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str
) -> None:
    guest.lab.host.run("ip", "tuntap", "add", "plain0", "mode", "tap")
    try:
        attempt = a_start(verb, target="plain0")
        with refused(connection, BackendError, "the host has a device named 'plain0' already"):
            attempt()
        assert "plain0" in guest.lab.host.run("ip", "-brief", "link")
    finally:
        guest.lab.host.run("ip", "link", "delete", "plain0")


def test_of_two_domains_with_one_mac_address_each_has_its_own_bandwidth(guest: Guests) -> None:
    first = guest(REFERENCE)
    device = first.device()
    xml, macs = guest.write(LOW)
    second = guest.create(xml.replace(macs[0], first.mac))
    second.set_bandwidth(first.mac, Bandwidth(inbound=Rate(average=256)))
    assert second.vifs()[0].target != device
    assert rates(guest.lab, device) == "rate 4096Kbit ceil 8192Kbit"
    assert rates(guest.lab, second.vifs()[0].target) == "rate 2048Kbit ceil 2048Kbit"
    second.stop()
    assert first.domain.state() is State.RUNNING
    assert rates(guest.lab, device) == "rate 4096Kbit ceil 8192Kbit"
    assert leaf(first).ceil == 1_024_000


def rates(lab: Lab, device: str | None) -> str:
    """What tc shows of a device's class 1:1."""
    assert device is not None
    (line,) = [each for each in lab.host.run("tc", "class", "show", "dev", device).splitlines() if " 1:1 " in each]
    return line[line.index("rate") : line.index(" burst")]


def test_a_spoilt_bandwidth_in_the_metadata_hinders_only_what_needs_it(
    guest: Guests, connection: Connection, refused: Refused
) -> None:
    made = guest(REFERENCE, start=False)
    assert isinstance(connection, LxcConnection)
    theirs = connection.session.connection().lookupByUUIDString(made.domain.uuid)
    spoilt = f"<bandwidths><vif mac='{made.mac}'><bandwidth><inbound average='much'/></bandwidth></vif></bandwidths>"
    theirs.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, spoilt, "vifkit", NAMESPACE, 0)
    assert [each.name for each in connection.domains()] == [made.domain.name]
    assert connection.domain(made.domain.name).state() is State.SHUTOFF
    for verb in (made.domain.start, made.domain.xml, made.domain.vifs):
        with refused(connection, VifkitError, "average 'much'"):
            verb()
    made.domain.undefine()
    assert connection.domains() == []


@pytest.fixture
def linux_bridge(lab: Lab) -> Iterator[str]:
    lab.host.run("ip", "link", "add", "linux0", "type", "bridge")
    yield "linux0"
    lab.host.run("ip", "link", "delete", "linux0")


def test_a_vif_on_a_linux_bridge_is_libvirts(guest: Guests, linux_bridge: str) -> None:
    xml, macs = guest.write(REFERENCE)
    kept = guest.define(on(linux_bridge, xml))
    assert kept.bandwidth(macs[0]) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
    with pytest.raises(UnsupportedError):  # libvirt's LXC driver changes none
        kept.set_bandwidth(macs[0], Bandwidth(inbound=Rate(average=256)))
    assert kept.bandwidth(macs[0]) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
    plain, _ = guest.write("")
    domain = guest.create(on(linux_bridge, plain))
    assert domain.state() is State.RUNNING
    domain.stop()


def on(bridge: str, xml: str) -> str:
    return xml.replace("<virtualport type='openvswitch'/>", "").replace("bridge='br0'", f"bridge='{bridge}'")


def test_a_network_that_leads_to_open_vswitch_is_open_vswitch(guest: Guests, connection: Connection) -> None:
    assert isinstance(connection, LxcConnection)
    network = connection.session.connection().networkCreateXML(
        "<network><name>switch</name><forward mode='bridge'/><bridge name='br0'/>"
        "<virtualport type='openvswitch'/></network>"
    )
    try:
        xml, macs = guest.write(REFERENCE)
        xml = xml.replace("<virtualport type='openvswitch'/>", "").replace("type='bridge'", "type='network'")
        domain = guest.define(xml.replace("bridge='br0'", "network='switch'"))
        assert domain.bandwidth(macs[0]) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
        domain.start()
        device = domain.vifs()[0].target
        assert rates(guest.lab, device) == "rate 4096Kbit ceil 8192Kbit"
        domain.set_bandwidth(macs[0], Bandwidth(inbound=Rate(average=256)))
        assert rates(guest.lab, device) == "rate 2048Kbit ceil 2048Kbit"
        domain.stop()
        assert domain.bandwidth(macs[0]) == Bandwidth(inbound=Rate(average=256))
        domain.set_bandwidth(macs[0], Bandwidth(inbound=Rate(average=300)))
        domain.start()
        assert rates(guest.lab, domain.vifs()[0].target) == "rate 2400Kbit ceil 2400Kbit"
        guest.close()
    finally:
        network.destroy()


def test_a_users_own_libvirt_has_no_containers(driver: LxcDriver, uri: str) -> None:
    with pytest.raises(ConnectError, match="Unexpected LXC URI path '/session', try lxc:///system"):
        driver.open(uri.replace("/system", "/session"))


def test_a_libvirtd_without_the_driver_says_so(
    lab: Lab, uri: str, driver: LxcDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = lab.directory / "drivers-but-lxc"
    others.mkdir()
    for module in (found for where in MODULES for found in Path("/usr").glob(where)):
        if "_lxc" not in module.name:
            (others / module.name).symlink_to(module)
    monkeypatch.setenv("LIBVIRT_DRIVER_DIR", str(others))
    with PrivateLibvirt(lab) as libvirt:
        with pytest.raises(ConnectError, match="no connection driver available for lxc:///system") as caught:
            driver.open(libvirt.uri("lxc"))
        assert "\n" not in str(caught.value)


def test_a_vif_that_was_shaped_stays_so_after_an_attempt_that_failed(guest: Guests) -> None:
    made = guest(REFERENCE)
    assert isinstance(made.domain, LxcDomain)
    with pytest.raises(PortNotFoundError):
        made.domain.attach_vif(interface("52:54:00:00:00:aa", LOW, bridge="nowhere0"))
    assert differences(made.tree(), "reference") == []
    assert [vif.mac for vif in made.domain.vifs()] == [made.mac]
