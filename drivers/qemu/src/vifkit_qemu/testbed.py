"""How the suite boots QEMU: a libvirtd of its own, and the smallest guests that will do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed
from vifkit_libvirt.testbed import PrivateLibvirt

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


class QemuTestbed(Testbed):
    """QEMU, its processors emulated."""

    domain_type = "qemu"

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Boot a libvirtd in the lab."""
        self._disk = lab.directory / "boot-sector.img"
        self._disk.write_bytes(BOOT_SECTOR.ljust(1 << 20, b"\0"))
        with PrivateLibvirt(lab) as self.libvirt:
            yield self.libvirt.uri("qemu")

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a domain that boots the sector."""
        return (
            f"<domain type='{self.domain_type}'><name>{name}</name><uuid>{uuid}</uuid>"
            "<memory unit='MiB'>16</memory><vcpu>1</vcpu>"
            "<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>"
            "<devices><controller type='usb' model='none'/><memballoon model='none'/>"
            f"<disk type='file' device='disk'><source file='{self._disk}'/><target dev='vda' bus='virtio'/><readonly/>"
            "</disk>"
            f"{''.join(map(_virtio, interfaces))}</devices></domain>"
        )


class KvmTestbed(QemuTestbed):
    """QEMU on the host's own processors."""

    domain_type = "kvm"


def _virtio(interface: str) -> str:
    return interface.replace("</interface>", "<model type='virtio'/></interface>")
