"""What is missing on a host, or in its libvirt, is named, and nothing is left of what could not be done."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from vifkit import ConnectError, UnsupportedError
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guests
from vifkit_conformance.lab import Lab
from vifkit_conformance.lab.command import run
from vifkit_libvirt.errors import LibvirtError
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_qemu.driver import QemuDriver
from vifkit_qemu.testbed import KvmTestbed, QemuTestbed

pytestmark = pytest.mark.switch

Refused = Callable[..., AbstractContextManager[None]]

# As Debian has them, and as Fedora has.
MODULES = ("lib/*/libvirt/connection-driver/*.so", "lib64/libvirt/connection-driver/*.so")

HIDE_KVM = """
mkdir /run/dev
mount -t tmpfs tmpfs /run/dev
for each in /dev/*; do
    copy=/run/dev/${each##*/}
    if [ "$each" = /dev/kvm ]; then continue
    elif [ -h "$each" ]; then cp -a "$each" "$copy"
    elif [ -d "$each" ]; then mkdir "$copy"; mount --rbind "$each" "$copy"
    else touch "$copy"; mount --bind "$each" "$copy"
    fi
done
mount --rbind /run/dev /dev
"""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("socket=/nowhere/libvirt-sock&db=DB", "Failed to connect socket to '/nowhere/libvirt-sock'"),
        ("socket=SOCKET&db=unix:/nowhere/db.sock", "no Open vSwitch database answers at unix:/nowhere/db.sock"),
        ("socket=SOCKET&db=DB&netns=/nowhere/netns", "/nowhere/netns"),
    ],
    ids=["libvirt", "database", "namespace"],
)
def test_what_is_not_there_is_a_connect_error_that_names_it(
    driver: QemuDriver, testbed: QemuTestbed, uri: str, lab: Lab, query: str, said: str
) -> None:
    with pytest.raises(ConnectError, match=said) as caught:
        driver.open("qemu:///system?" + query.replace("SOCKET", str(testbed.libvirt.socket)).replace("DB", lab.ovs.db))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["carrier:pigeon", "unix:", "tcp:host", "/run/db.sock"])
def test_an_address_that_is_none_is_a_value_error(
    driver: QemuDriver, testbed: QemuTestbed, uri: str, given: str
) -> None:
    with pytest.raises(ValueError, match="is no address of a database"):
        driver.open(f"qemu:///system?socket={testbed.libvirt.socket}&db={given}")


def test_a_libvirtd_without_the_driver_says_so(
    lab: Lab, uri: str, driver: QemuDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = lab.directory / "other-drivers"
    others.mkdir()
    for module in (found for where in MODULES for found in Path("/usr").glob(where)):
        if "_qemu" not in module.name:
            (others / module.name).symlink_to(module)
    monkeypatch.setenv("LIBVIRT_DRIVER_DIR", str(others))
    with PrivateLibvirt(lab) as libvirt:
        with pytest.raises(ConnectError, match="no connection driver available for qemu:///system") as caught:
            driver.open(libvirt.uri("qemu"))
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def lonely(lab: Lab, uri: str) -> Iterator[PrivateLibvirt]:
    """A libvirtd that does not find its Open vSwitch."""
    with PrivateLibvirt(lab) as libvirt:
        run(libvirt.command("rm", "/run/openvswitch/db.sock"))
        yield libvirt


@pytest.mark.parametrize("query", ["", "&repair=off"])
@pytest.mark.parametrize("bandwidth", ["", REFERENCE], ids=["plain", "shaped"])
def test_without_open_vswitch_no_domain_starts_on_it(
    refused: Refused,
    lab: Lab,
    lonely: PrivateLibvirt,
    driver: QemuDriver,
    testbed: QemuTestbed,
    query: str,
    bandwidth: str,
) -> None:
    with driver.open(lonely.uri("qemu") + query) as connection:
        guest = Guests(connection, testbed, lab)
        xml, _ = guest.write(bandwidth)
        with refused(connection, LibvirtError, "Unable to add port vnet"):
            connection.create(xml)
        domain = guest.define(xml)
        with refused(connection, LibvirtError, "Unable to add port vnet"):
            domain.start()
        guest.close()


def test_where_there_is_no_kvm_a_domain_for_it_is_unsupported(
    refused: Refused,
    lab: Lab,
    uri: str,
    driver: QemuDriver,
    testbed: QemuTestbed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # what libvirt knows of QEMU depends on it
    with PrivateLibvirt(lab) as libvirt:
        libvirt.kill()
        run(libvirt.command("sh", "-ec", HIDE_KVM))
        libvirt.start()
        with driver.open(libvirt.uri("qemu")) as connection:
            xml, _ = Guests(connection, testbed, lab).write(REFERENCE)
            xml = xml.replace("type='qemu'", f"type='{KvmTestbed.domain_type}'", 1)
            for verb in (connection.define, connection.create):
                with refused(connection, UnsupportedError, "does not support virt type 'kvm'"):
                    verb(xml)
