"""The guest itself, in QEMU without libvirt, with the devices that its domain has."""

import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from netqos.ovsdb import Switch
from vifkit import Bandwidth, Rate
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import (
    Daemon,
    Lab,
    LabError,
    LabUnavailableError,
    LinkEndpoint,
    Source,
    counters,
    measure,
    spawn,
    until,
)
from vifkit_qemu.guest import endpoint
from vifkit_qemu.guest.domain import CMDLINE, MEMORY_MiB
from vifkit_qemu.guest.endpoint import QemuGuest
from vifkit_qemu.guest.image import Image, guest_image

pytestmark = pytest.mark.switch

HOST, GUEST, OTHER_HOST, OTHER_GUEST = "198.51.100.1", "198.51.100.2", "203.0.113.1", "203.0.113.2"
MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


class Machine(NamedTuple):
    qemu: Daemon
    channel: Path
    monitor: Path


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest) -> Image:
    try:
        return guest_image()
    except LabUnavailableError as error:
        lacking(request.config, str(error))


@pytest.fixture(scope="module")
def own(lab: Lab) -> Iterator[Lab]:
    """A lab of this module's own: the ports and addresses in it go with it."""
    with Lab() as own:
        own.bridge("br0")
        bridge = LinkEndpoint(own.host, "br0")
        bridge.up()
        for here, there, mac in ((HOST, GUEST, MAC), (OTHER_HOST, OTHER_GUEST, OTHER_MAC)):
            bridge.add_address(f"{here}/24")
            bridge.add_neighbour(there, mac)
        yield own


@pytest.fixture(scope="module")
def host(own: Lab) -> LinkEndpoint:
    return LinkEndpoint(own.host, "br0")


@pytest.fixture(scope="module")
def machine(own: Lab, image: Image) -> Iterator[Machine]:
    """A guest with two vifs: one0 has the first MAC address, one1 the second."""
    with booted(own, image, "one", MAC, OTHER_MAC) as machine:
        yield machine


@pytest.fixture
def guest(machine: Machine, host: LinkEndpoint) -> Iterator[QemuGuest]:
    with QemuGuest(machine.channel, MAC) as guest:
        guest.add_address(f"{GUEST}/24")
        guest.add_neighbour(HOST, host.mac)
        yield guest


@contextmanager
def booted(own: Lab, image: Image, name: str, *macs: str) -> Iterator[Machine]:
    """Run what libvirt runs for `domain.body` and `domain.devices`, with a tap on br0 for each MAC address."""
    channel, monitor = own.directory / f"{name}.sock", own.directory / f"{name}.monitor"
    argv = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-m", str(MEMORY_MiB)]
    argv += shlex.split("-nodefaults -no-user-config -display none")
    argv += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", CMDLINE]
    argv += ["-chardev", f"socket,id=line,path={channel},server=on,wait=off,logfile={channel}.log"]
    argv += ["-device", "isa-serial,chardev=line", "-monitor", f"unix:{monitor},server=on,wait=off"]
    for number, mac in enumerate(macs):
        tap = f"{name}{number}"
        own.host.run("ip", "tuntap", "add", tap, "mode", "tap", "vnet_hdr")
        own.host.run("ip", "link", "set", tap, "up")
        own.ovs.add_port("br0", tap)
        argv += ["-netdev", f"tap,id={tap},ifname={tap},script=no,downscript=no"]
        argv += ["-device", f"virtio-net-pci,netdev={tap},mac={mac},romfile="]
    with spawn(argv, own.directory / f"{name}.log", namespace=own.host) as qemu:
        yield Machine(qemu, channel, monitor)


def test_a_guest_has_booted_within_20_seconds(own: Lab, image: Image) -> None:
    began = time.monotonic()
    with booted(own, image, "early", "52:54:00:00:00:03") as machine, QemuGuest(machine.channel, MAC):
        assert time.monotonic() - began < 20


def test_a_guest_receives_all_that_is_sent_to_it(guest: QemuGuest, host: LinkEndpoint) -> None:
    measured = measure(host, guest, GUEST, rate_bps=8_000_000, seconds=1.5)
    assert measured.rate_bps(after=0.5) == pytest.approx(8_000_000, rel=0.05)
    assert measured.total_bytes % 1500 == 0


def test_a_guest_with_a_bandwidth_receives_its_peak_and_no_more(guest: QemuGuest, host: LinkEndpoint, own: Lab) -> None:
    with Switch(own.ovs.db) as switch:
        switch.apply({"one0": Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))})
        measured = measure(host, guest, GUEST, rate_bps=16_384_000, seconds=2.5)
        switch.apply({"one0": None})
    assert measured.rate_bps(after=1.0) == pytest.approx(8_192_000, rel=0.05)


def test_a_guest_sends_at_the_rate_asked_for(guest: QemuGuest, host: LinkEndpoint) -> None:
    measured = measure(guest, host, HOST, rate_bps=24_000_000, seconds=1.5)
    assert measured.rate_bps(after=0.5) == pytest.approx(24_000_000, rel=0.05)


def test_a_vif_is_found_by_its_hardware_address(machine: Machine, host: LinkEndpoint, own: Lab) -> None:
    with QemuGuest(machine.channel, OTHER_MAC) as guest:
        guest.add_address(f"{OTHER_GUEST}/24")
        guest.add_neighbour(OTHER_HOST, host.mac)
        before = counters(own.host)
        measure(guest, host, OTHER_HOST, rate_bps=8_000_000, seconds=0.3)
        arrived = measure(host, guest, OTHER_GUEST, rate_bps=8_000_000, seconds=0.3).total_bytes
        after = counters(own.host)
    assert arrived > 0
    assert after["one1"].rx_bytes - before["one1"].rx_bytes > 100_000
    assert after["one0"].rx_bytes - before["one0"].rx_bytes < 10_000


def test_what_is_sent_to_another_port_is_not_counted(guest: QemuGuest, host: LinkEndpoint, own: Lab) -> None:
    before = counters(own.host)["one0"].tx_packets
    with Source(host.namespace, GUEST, 8_000_000, port=5002):
        measured = guest.receive(GUEST, 0.5)
    assert counters(own.host)["one0"].tx_packets - before > 100
    assert measured.samples == ()


def test_a_guest_that_is_not_asked_sends_nothing(guest: QemuGuest, own: Lab) -> None:
    guest.receive(GUEST, 0.1)
    before = counters(own.host)["one0"].rx_packets
    guest.receive(GUEST, 2.0)
    assert counters(own.host)["one0"].rx_packets == before


def test_a_guest_stops_sending_when_the_block_ends(guest: QemuGuest, own: Lab) -> None:
    with guest.sending(HOST, 8_000_000, seconds=60):
        until(lambda: counters(own.host)["one0"].rx_bytes > 100_000, "it sends")
    before = counters(own.host)["one0"].rx_packets
    guest.receive(GUEST, 0.3)
    assert counters(own.host)["one0"].rx_packets - before < 10


def test_a_guest_does_what_it_is_asked_after_someone_left_in_the_middle(machine: Machine) -> None:
    with QemuGuest(machine.channel, MAC) as guest:
        guest.add_address(f"{GUEST}/24")
    with socket.socket(socket.AF_UNIX) as killed:
        killed.connect(str(machine.channel))
        killed.sendall(f"receive {GUEST} 5001 60\nreceive {GUEST}".encode())
    with QemuGuest(machine.channel, MAC) as again:
        assert again.receive(GUEST, 0.1).total_bytes == 0


def test_what_a_guest_cannot_do_is_an_error_that_says_why(machine: Machine, guest: QemuGuest) -> None:
    with pytest.raises(LabError, match=r"receive 192\.0\.2\.9 .*: the guest says: Cannot assign requested address"):
        guest.receive("192.0.2.9", 1.0)
    with (
        pytest.raises(LabError, match="the guest says: Network is unreachable"),
        guest.sending("192.0.2.9", 8_000_000, 1.0),
    ):
        pass
    guest.mac = "52:54:00:00:00:99"
    with pytest.raises(LabError, match="the guest says: No such device"):
        guest.add_address(f"{GUEST}/24")


def test_the_power_button_ends_a_guest_also_while_it_sends(own: Lab, image: Image) -> None:
    mac = "52:54:00:00:00:04"
    with booted(own, image, "off", mac) as machine, QemuGuest(machine.channel, mac) as guest:
        guest.add_address("192.0.2.2/24")
        with pytest.raises(LabError, match="the guest is gone"), guest.sending("192.0.2.1", 1_000_000, seconds=60):
            press_the_power_button(machine)


def press_the_power_button(machine: Machine) -> None:
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(machine.monitor))
        monitor.sendall(b"system_powerdown\n")
        until(lambda: not machine.qemu.alive, "the guest is off")


def test_a_guest_that_does_not_boot_is_an_error_that_shows_its_console(
    own: Lab, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_BOOT_SECONDS", 0.2)
    without_init = Image(image.kernel, Path(__file__))
    with booted(own, without_init, "panics") as machine:
        console = Path(f"{machine.channel}.log")
        machine.qemu.wait_for(lambda: console.exists() and "end Kernel panic" in console.read_text(), "panics", 30)
        with (
            pytest.raises(LabError, match=r"(?s)not booted within 0\.2 s; the last that it said:.*Kernel panic"),
            QemuGuest(machine.channel, MAC),
        ):
            pass


def test_without_qemu_there_is_no_guest(own: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_CONNECT_SECONDS", 0.1)
    with pytest.raises(LabError, match=r"QEMU answers at .*/nowhere\.sock: not within 0\.1 s"):
        QemuGuest(own.directory / "nowhere.sock", MAC).__enter__()
