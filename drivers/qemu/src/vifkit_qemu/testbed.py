"""How the suite boots QEMU: a libvirtd of its own, and the smallest guests that will do."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vifkit import Domain, Rate
from vifkit_conformance.lab import Endpoint, Lab, LabUnavailableError, veth
from vifkit_conformance.lab.binaries import binary
from vifkit_conformance.lab.command import run
from vifkit_libvirt.testbed import LibvirtTestbed, PrivateLibvirt

from .guest.domain import MEMORY_MiB, body, devices
from .guest.endpoint import QemuGuest
from .guest.image import guest_image

FIRST_HOST, SECOND_HOST = "203.0.113.1", "203.0.113.2"
"""Where hosts find each other to migrate; the first one has its address only while there is a second."""

# A boot sector, for guests of which no traffic is asked. It waits for the timer, and then does the one thing that
# QEMU needs a guest for: it lets go of the PCI devices that are to be unplugged. QEMU's docs/specs/acpi_pci_hotplug:
# at I/O port 0xae00 on machine pc, +4 is what is asked to go, and what is written to +8 goes.
_SECTOR = bytes.fromhex(
    "fb"  # again: sti
    "f4"  # hlt
    "ba10ae6631c066ef"  # bus 0: out dx, eax
    "ba04ae66ed"  # in eax, dx
    "6609c074ee"  # nothing is asked: again
    "ba08ae66ef"  # let go
    "ebe6"  # again
)  # fmt: skip
BOOT_SECTOR = _SECTOR.ljust(510, b"\0") + b"\x55\xaa"


class QemuTestbed(LibvirtTestbed):
    """QEMU, its processors emulated."""

    scheme = "qemu"
    domain_type = "qemu"
    judged_on = "real"
    guest_traffic = True
    guest_lets_go = False
    _disk: Path | None = None
    tools = {"libvirt": ("libvirtd", "--version"), "QEMU": ("qemu-system-x86_64", "--version")}  # noqa: RUF012

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Boot a libvirtd in the lab."""
        self._directory = lab.directory
        self._disk = lab.directory / "boot-sector.img"
        self._disk.write_bytes(BOOT_SECTOR.ljust(1 << 20, b"\0"))
        self.guest_lets_go = True
        with PrivateLibvirt(lab, qemu_conf=f'migration_host = "{FIRST_HOST}"') as self.libvirt:
            yield self.libvirt.uri(self.scheme)

    @contextmanager
    def second_host(self, lab: Lab) -> Iterator[tuple[Lab, str]]:
        """Boot a libvirtd in another lab, with a wire between the two."""
        with Lab(datapath=lab.datapath) as other, veth(lab.host, "migrate0", "migrate1", other.host) as (here, there):
            here.add_address(f"{FIRST_HOST}/24")
            there.add_address(f"{SECOND_HOST}/24")
            other.bridge("br0")
            with PrivateLibvirt(other, qemu_conf=f'migration_host = "{SECOND_HOST}"') as libvirt:
                yield other, libvirt.uri(self.scheme)

    def tune(self, domain: Domain, mac: str, inbound: Rate) -> None:
        """Set it by virsh."""
        figures = ",".join(str(each or "") for each in (inbound.average, inbound.peak, inbound.burst)).rstrip(",")
        run(self.libvirt.command(binary("virsh"), "domiftune", domain.name, mac, "--live", "--inbound", figures))

    @contextmanager
    def guest(self, domain: Domain, mac: str) -> Iterator[Endpoint]:
        """Talk with the program in the guest."""
        with QemuGuest(self._channel(domain.uuid), mac) as end:
            yield end

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a domain that boots the sector, or nothing on a host where nobody has put it."""
        source = f"<source file='{self._disk}'/>"
        disk = f"<disk type='file' device='disk'>{source}<target dev='vda' bus='virtio'/><readonly/></disk>"
        return (
            f"<domain type='{self.domain_type}'><name>{name}</name><uuid>{uuid}</uuid>"
            "<memory unit='MiB'>16</memory><vcpu>1</vcpu>"
            "<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>"
            "<devices><controller type='usb' model='none'/><memballoon model='none'/>"
            f"{disk if self._disk else ''}{''.join(map(_virtio, interfaces))}</devices></domain>"
        )

    def traffic_domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a domain that boots a kernel."""
        return (
            f"<domain type='{self.domain_type}'><name>{name}</name><uuid>{uuid}</uuid>"
            f"<memory unit='MiB'>{MEMORY_MiB}</memory><vcpu>1</vcpu>{body(guest_image())}"
            f"<devices>{devices(self._channel(uuid))}{''.join(map(_virtio, interfaces))}</devices></domain>"
        )

    def _channel(self, uuid: str) -> Path:
        return self._directory / f"{uuid[:8]}.guest"


class KvmTestbed(QemuTestbed):
    """QEMU on the host's own processors, which may boot no other kernel: its guests are those that boot the sector."""

    domain_type = "kvm"
    guest_traffic = False

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Boot a libvirtd in the lab. Raises LabUnavailableError where there is no KVM."""
        try:
            os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            raise LabUnavailableError(f"/dev/kvm: {error.strerror}: this host gives no hardware's help") from error
        with super().boot(lab) as uri:
            yield uri


def _virtio(interface: str) -> str:
    return interface.replace("</interface>", "<model type='virtio'/></interface>")
