"""What cannot be done: a typed error of one line, and nothing of it stays."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from netqos.kernel import Kernel
from vifkit import (
    Bandwidth,
    Connection,
    Domain,
    DomainNotFoundError,
    InvalidXmlError,
    PortExistsError,
    PortNotFoundError,
    Rate,
    UnsupportedError,
    VifkitError,
)
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guests, interface
from vifkit_conformance.lab import Lab
from vifkit_conformance.suite.trees import differences
from vifkit_libvirt.errors import LibvirtError
from vifkit_qemu.driver import QemuDomain

pytestmark = pytest.mark.switch

Refused = Callable[..., AbstractContextManager[None]]
Start = Callable[..., Callable[[], object]]


def ceil_of(lab: Lab, domain: Domain) -> int:
    """The highest rate of a domain's first vif, in bytes/s, as the kernel has it."""
    device = domain.vifs()[0].target
    assert device is not None
    with Kernel(lab.host.path) as kernel:
        found = kernel.read([device])[device].tree.leaf
    assert found is not None
    return found.ceil


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("type='qemu'", "type='xen'", InvalidXmlError, "'xen' is another hypervisor's"),
        ("type='qemu'", "type='lxc'", InvalidXmlError, "'lxc' is another hypervisor's"),
        ("arch='x86_64'", "arch='sparc'", UnsupportedError, "No emulator found for arch 'sparc'"),
        ("machine='pc'", "machine='of-no-kind'", InvalidXmlError, "libvirt: XML error"),
        (">hvm<", ">exe<", InvalidXmlError, "init binary must be specified"),
        ("<virtualport", "<vlan><tag id='9999'/></vlan><virtualport", InvalidXmlError, "vlan tag id 9999 too large"),
        ("<devices>", "<devices><emulator>/nowhere/qemu</emulator>", LibvirtError, "Cannot check QEMU binary"),
    ],
    ids=["xen", "lxc", "architecture", "machine", "operating-system", "vlan", "emulator"],
)
@pytest.mark.parametrize("verb", ["define", "create"])
def test_xml_that_is_not_for_this_host_is_neither_kept_nor_started(
    guest: Guests,
    connection: Connection,
    refused: Refused,
    verb: str,
    old: str,
    new: str,
    error: type[VifkitError],
    said: str,
) -> None:
    xml, _ = guest.write(REFERENCE)
    assert old in xml
    with refused(connection, error, said):
        getattr(connection, verb)(xml.replace(old, new, 1))


@pytest.mark.parametrize("verb", ["create", "start"])
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("boot-sector.img", "nowhere.img", "nowhere.img': No such file or directory"),
        (">16</memory>", ">900000000</memory>", "Cannot allocate memory"),
    ],
    ids=["disk", "memory"],
)
def test_a_start_that_fails_in_libvirt_or_in_qemu_leaves_nothing(
    guest: Guests, connection: Connection, refused: Refused, verb: str, old: str, new: str, said: str
) -> None:
    xml, _ = guest.write(REFERENCE)
    assert old in xml
    xml = xml.replace(old, new)
    attempt = guest.define(xml).start if verb == "start" else lambda: connection.create(xml)
    with refused(connection, LibvirtError, said):
        attempt()


def test_libvirts_code_and_error_are_kept(guest: Guests, connection: Connection) -> None:
    xml, _ = guest.write(REFERENCE)
    with pytest.raises(LibvirtError) as caught:
        connection.create(xml.replace("boot-sector.img", "nowhere.img"))
    assert caught.value.code == 38  # VIR_ERR_SYSTEM_ERROR
    assert type(caught.value.__cause__).__name__ == "libvirtError"


@pytest.mark.parametrize("verb", ["create", "start", "attach_vif"])
@pytest.mark.parametrize("bridge", ["nowhere0", "linux0"])
def test_a_bridge_that_open_vswitch_does_not_have_is_not_found(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str, bridge: str
) -> None:
    guest.lab.host.run("ip", "link", "add", "linux0", "type", "bridge")
    try:
        attempt = a_start(verb, bridge=bridge)
        with refused(connection, PortNotFoundError, f"no bridge is named '{bridge}'"):
            attempt()
    finally:
        guest.lab.host.run("ip", "link", "delete", "linux0")


@pytest.mark.parametrize("verb", ["create", "start", "attach_vif"])
def test_a_port_that_is_there_is_not_taken_over(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str
) -> None:
    guest.lab.ovs.vsctl("add-port", "br0", "taken0", "--", "set", "Interface", "taken0", "type=internal")
    try:
        for target in ("taken0", "br0"):
            attempt = a_start(verb, target=target)
            with refused(connection, PortExistsError, f"a port named '{target}' already"):
                attempt()
        assert {row["name"]: row["qos"] for row in guest.lab.ovs.rows("Port")}["taken0"] in (None, [], "")
    finally:
        guest.lab.ovs.vsctl("del-port", "taken0")


@pytest.mark.parametrize("verb", ["create", "start"])
def test_a_device_of_the_host_is_not_taken_over(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str
) -> None:
    guest.lab.host.run("ip", "tuntap", "add", "plain0", "mode", "tap")
    try:
        attempt = a_start(verb, target="plain0")
        with refused(connection, LibvirtError, "The plain0 interface already exists"):
            attempt()
        assert "plain0" in guest.lab.host.run("ip", "-brief", "link")
    finally:
        guest.lab.host.run("ip", "link", "delete", "plain0")


def test_two_vifs_of_one_name_do_not_start(guest: Guests, connection: Connection, refused: Refused) -> None:
    xml, _ = guest.write(REFERENCE, LOW, target="same0")
    with refused(connection, LibvirtError, "The same0 interface already exists"):
        connection.create(xml)


@pytest.mark.parametrize("verb", ["define", "create", "attach_vif"])
def test_a_name_that_linux_would_refuse_is_refused(
    guest: Guests, connection: Connection, refused: Refused, a_start: Start, verb: str
) -> None:
    attempt = a_start(verb, target="of-16-characters")
    with refused(connection, InvalidXmlError, "is no device name: 1 to 15 bytes"):
        attempt()


@pytest.mark.parametrize("verb", ["define", "create"])
def test_two_vifs_of_one_domain_have_no_mac_address_in_common(
    guest: Guests, connection: Connection, refused: Refused, verb: str
) -> None:
    xml, macs = guest.write(REFERENCE, LOW)
    with refused(connection, InvalidXmlError, f"another vif has the address {macs[0]}"):
        getattr(connection, verb)(xml.replace(macs[1], macs[0]))


def test_a_mac_address_is_plugged_once(guest: Guests, connection: Connection, refused: Refused) -> None:
    made = guest(REFERENCE)
    assert isinstance(made.domain, QemuDomain)
    with refused(connection, InvalidXmlError, f"another vif has the address {made.mac}"):
        made.domain.attach_vif(interface(made.mac, LOW))
    assert differences(made.tree(), "reference") == []


def test_of_two_domains_with_one_mac_address_each_has_its_own_bandwidth(guest: Guests) -> None:
    """libvirt lets them run, and neither is asked to know of the other."""
    first = guest(REFERENCE).domain
    mac = first.vifs()[0].mac
    assert mac is not None
    xml, macs = guest.write(LOW)
    second = guest.create(xml.replace(macs[0], mac))
    second.set_bandwidth(mac, Bandwidth(inbound=Rate(average=256)))
    assert (ceil_of(guest.lab, first), ceil_of(guest.lab, second)) == (1_024_000, 256_000)
    first.set_bandwidth(mac, Bandwidth(inbound=Rate(average=300)))
    assert (ceil_of(guest.lab, first), ceil_of(guest.lab, second)) == (300_000, 256_000)
    second.stop()
    assert ceil_of(guest.lab, first) == 300_000


def test_a_domain_that_is_not_there_is_not_found(connection: Connection) -> None:
    with pytest.raises(DomainNotFoundError, match="no domain is named 'nobody'") as caught:
        connection.domain("nobody")
    assert type(caught.value.__cause__).__name__ == "libvirtError"
