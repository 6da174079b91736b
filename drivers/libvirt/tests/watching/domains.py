"""The XML of domains that somebody starts behind the service's back."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from vifkit_conformance.lab.binaries import binary

PEAK = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
AVERAGE = "<bandwidth><inbound average='512'/></bandwidth>"
NAMESPACE = "urn:vifkit:bandwidths"
INIT = "trap exit TERM; while :; do busybox sleep 1000 &amp; wait; done"


@dataclass(frozen=True)
class Guest:
    """A domain of the hypervisor `kind`, with one vif, as libvirt knows it."""

    kind: str
    name: str
    uuid: str
    mac: str


def write(kind: str, root: Path, bandwidth: str, *, target: str = "", network: str = "") -> tuple[Guest, str]:
    """Name a new domain, and write its XML; a container's bandwidth is in its metadata, as the driver keeps it."""
    uuid = str(uuid4())
    guest = Guest(kind, f"guest-{uuid[:8]}", uuid, f"52:54:00:{uuid[:2]}:{uuid[2:4]}:{uuid[4:6]}")
    vif = interface(guest.mac, bandwidth if kind == "qemu" else "", target=target, network=network)
    head = f"<domain type='{kind}'><name>{guest.name}</name><uuid>{uuid}</uuid>"
    if kind == "qemu":
        return guest, (
            f"{head}<memory unit='MiB'>16</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>"
            "<features><acpi/></features><devices><controller type='usb' model='none'/><memballoon model='none'/>"
            f"{vif}</devices></domain>"
        )
    kept = f"<bandwidths xmlns='{NAMESPACE}'>{kept_by(guest.mac, bandwidth)}</bandwidths>"
    return guest, (
        f"{head}<metadata>{kept if bandwidth else ''}</metadata><memory unit='MiB'>64</memory>"
        f"<os><type>exe</type><init>/bin/sh</init><initarg>-c</initarg><initarg>{INIT}</initarg></os><devices>"
        f"<filesystem type='mount'><source dir='{root}'/><target dir='/'/></filesystem>{vif}<console type='pty'/>"
        "</devices></domain>"
    )


def interface(mac: str, bandwidth: str = "", *, target: str = "", network: str = "") -> str:
    """Write an `<interface>` on br0, or in a network."""
    source = "<source bridge='br0'/><virtualport type='openvswitch'/>"
    if network:
        source = f"<source network='{network}'/>"
    named = f"<target dev='{target}'/>" if target else ""
    return (
        f"<interface type='{'network' if network else 'bridge'}'><mac address='{mac}'/>{source}{named}{bandwidth}"
        "<model type='virtio'/></interface>"
    )


def kept_by(mac: str, bandwidth: str) -> str:
    """Write what the driver keeps of a container's vif."""
    return f"<vif mac='{mac}'>{bandwidth}</vif>"


def container_root(directory: Path) -> Path:
    """Make a container's root of busybox alone."""
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (directory / name).mkdir(parents=True)
    shutil.copy(binary("busybox"), directory / "bin/busybox")
    (directory / "bin/sh").symlink_to("busybox")
    return directory
