"""A host with libvirt and Open vSwitch, and what somebody does there who knows of no service."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import libvirt

from netqos.kernel import Kernel
from vifkit_conformance.lab import Lab
from vifkit_libvirt import eventloop
from vifkit_libvirt.testbed import PrivateLibvirt

from .domains import NAMESPACE, Guest, container_root, interface, kept_by, write


class Host:
    """A libvirtd for QEMU and LXC beside a lab's switch with the bridge br0."""

    def __init__(self, lab: Lab, libvirtd: PrivateLibvirt) -> None:
        self.lab = lab
        self.libvirtd = libvirtd
        self.root = container_root(lab.directory / "container")
        self._connections: dict[str, Any] = {}
        self._guests: list[Guest] = []
        eventloop.ensure_running()  # which has libvirt keep silent

    def connection(self, kind: str) -> Any:
        """Give a connection to QEMU or LXC."""
        opened = self._connections.get(kind)
        if opened is None or not opened.isAlive():
            opened = self._connections[kind] = libvirt.open(f"{kind}:///system?socket={self.libvirtd.socket}")
        return opened

    def start(
        self, kind: str, bandwidth: str = "", *, target: str = "", network: str = "", persistent: bool = False
    ) -> Guest:
        """Start a domain with one vif, as virsh does. QEMU is paused, so that it takes no time of the processors."""
        guest, xml = write(kind, self.root, bandwidth, target=target, network=network)
        self._guests.append(guest)
        paused = libvirt.VIR_DOMAIN_START_PAUSED if kind == "qemu" else 0
        if persistent:
            self.connection(kind).defineXML(xml).createWithFlags(paused)
        else:
            self.connection(kind).createXML(xml, paused)
        return guest

    @contextmanager
    def network(self, kind: str) -> Iterator[str]:
        """Make a network of libvirt's that leads to br0."""
        xml = (
            "<network><name>ovs</name><forward mode='bridge'/><bridge name='br0'/>"
            "<virtualport type='openvswitch'/></network>"
        )
        made = self.connection(kind).networkCreateXML(xml)
        try:
            yield "ovs"
        finally:
            made.destroy()

    def domain(self, guest: Guest) -> Any:
        """Give libvirt's handle."""
        return self.connection(guest.kind).lookupByUUIDString(guest.uuid)

    def tune(self, guest: Guest, **inbound: int) -> None:
        """Do what `virsh domiftune --live --inbound` does."""
        figures = {
            f"inbound.{name}": value for name, value in ({"average": 0, "peak": 0, "burst": 0} | inbound).items()
        }
        self.domain(guest).setInterfaceParameters(guest.mac, figures, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def keep(self, guest: Guest, bandwidth: str) -> None:
        """Keep a container's bandwidth in its metadata; an empty one is taken out."""
        text = f"<bandwidths>{kept_by(guest.mac, bandwidth)}</bandwidths>" if bandwidth else None
        kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
        self.domain(guest).setMetadata(kind, text, "vifkit" if bandwidth else None, NAMESPACE)

    def plug(self, guest: Guest, bandwidth: str) -> Guest:
        """Plug a second vif, and give it as if it were its guest's first; a container's bandwidth is kept before."""
        second = Guest(guest.kind, guest.name, guest.uuid, guest.mac.replace("52:54:00", "52:54:01"))
        if guest.kind == "lxc":
            self.keep(second, bandwidth)
        vif = interface(second.mac, bandwidth if guest.kind == "qemu" else "")
        self.domain(guest).attachDeviceFlags(vif, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        return second

    def freeze(self, *, frozen: bool) -> None:
        """Stop libvirtd as it is, or let it go on."""
        pid = (self.libvirtd.root / "run/libvirtd.pid").read_text().strip()
        subprocess.run(self.libvirtd.command("kill", "-STOP" if frozen else "-CONT", pid), check=True)

    def kill(self, guest: Guest) -> None:
        """End QEMU, or a container's libvirt_lxc, without its consent."""
        pid = (self.libvirtd.root / f"run/libvirt/{guest.kind}/{guest.name}.pid").read_text()
        subprocess.run(self.libvirtd.command("kill", "-KILL", str(int(pid))), check=True)

    def reboot(self, guest: Guest) -> None:
        """Let a container reboot from inside."""
        controller = int((self.libvirtd.root / f"run/libvirt/lxc/{guest.name}.pid").read_text())
        inside = (self.libvirtd.root / f"proc/{controller}/task/{controller}/children").read_text().split()[0]
        enter = ("nsenter", f"--target={inside}", "--pid", "--mount", "--root", "--")
        subprocess.run(self.libvirtd.command(*enter, "/bin/busybox", "reboot", "-f"), check=True)

    def port(self, guest: Guest) -> str:
        """Name the port of a vif; empty where there is none."""
        rows = self.lab.ovs.rows("Interface", "name", "external_ids")
        return next((str(row["name"]) for row in rows if row["external_ids"].get("attached-mac") == guest.mac), "")

    def limit(self, guest: Guest) -> tuple[int, int] | None:
        """Give the rate and ceil of a vif's traffic, in bytes/s, as the kernel has them; None without a limit."""
        name = self.port(guest)
        with Kernel(self.lab.host.path) as kernel:
            links = kernel.read([name])
        leaf = links[name].tree.classes.get("1:1") if name in links else None
        return (leaf.rate, leaf.ceil) if leaf else None

    def qos(self, guest: Guest) -> dict[str, Any]:
        """Read the QoS row of a vif's port."""
        (port,) = (row for row in self.lab.ovs.rows("Port", "name", "qos") if row["name"] == self.port(guest))
        (found,) = (row for row in self.lab.ovs.rows("QoS") if row["_uuid"] == port["qos"])
        return found

    def rows(self) -> int:
        """Count the rows of QoS and Queue."""
        return len(self.lab.ovs.rows("QoS", "_uuid")) + len(self.lab.ovs.rows("Queue", "_uuid"))

    def transactions(self) -> int:
        """Count the transactions that asked ovs-vswitchd to act."""
        return int(self.lab.ovs.rows("Open_vSwitch", "next_cfg")[0]["next_cfg"])

    def clear(self) -> None:
        """End all that was started, and take away what it left."""
        for guest in self._guests:
            with suppress(libvirt.libvirtError):
                self.domain(guest).destroy()
            with suppress(libvirt.libvirtError):
                self.domain(guest).undefine()
        self._guests.clear()
        (own,) = (row["_uuid"] for row in self.lab.ovs.rows("Port", "_uuid", "name") if row["name"] == "br0")
        bridge = {"table": "Bridge", "where": [["name", "==", "br0"]], "row": {"ports": ["uuid", own]}}
        self.lab.ovs.transact(
            {"op": "update", **bridge},
            {"op": "delete", "table": "QoS", "where": []},
            {"op": "delete", "table": "Queue", "where": []},
        )


@contextmanager
def new_host(*, qemu_conf: str = "") -> Iterator[Host]:
    """Boot one."""
    with Lab() as lab, PrivateLibvirt(lab, qemu_conf=qemu_conf) as libvirtd:
        lab.bridge()
        host = Host(lab, libvirtd)
        yield host
        host.clear()
