"""How the suite boots LXC: a libvirtd of its own, and containers that have nothing but busybox."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vifkit import Domain
from vifkit_conformance.lab import Endpoint, Lab, Link, LinkEndpoint, Namespace
from vifkit_conformance.lab.binaries import binary
from vifkit_libvirt.testbed import LibvirtTestbed, PrivateLibvirt

_INIT = "trap exit TERM; while :; do busybox sleep 1000 &amp; wait; done"


class LxcTestbed(LibvirtTestbed):
    """libvirt_lxc, with a root directory in the lab's."""

    scheme = "lxc"
    domain_type = "lxc"
    judged_on = "real"
    guest_traffic = True
    _root: Path | None = None
    tools = {"libvirt": ("libvirtd", "--version")}  # noqa: RUF012

    @contextmanager
    def boot(self, lab: Lab) -> Iterator[str]:
        """Boot a libvirtd in the lab."""
        self._root = container_root(lab.directory / "container")
        self._names = set[str]()
        try:
            with PrivateLibvirt(lab) as self.libvirt:
                yield self.libvirt.uri(self.scheme)
        finally:
            for name in self._names:
                _remove_control_groups(name)

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a container that waits. Raises LookupError where its root was not made, by `boot`."""
        if self._root is None:
            raise LookupError("a container's root directory is made in a lab: LXC is not judged on another host")
        self._names.add(name)
        return (
            f"<domain type='lxc'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
            f"<os><type>exe</type><init>/bin/sh</init><initarg>-c</initarg><initarg>{_INIT}</initarg></os>"
            f"<devices><filesystem type='mount'><source dir='{self._root}'/><target dir='/'/></filesystem>"
            f"{''.join(interfaces)}<console type='pty'/></devices></domain>"
        )

    @contextmanager
    def guest(self, domain: Domain, mac: str) -> Iterator[Endpoint]:
        """Enter the container's network namespace."""
        number = [vif.mac for vif in domain.vifs()].index(mac)
        controller = self.libvirt.root / f"run/libvirt/lxc/{domain.name}.pid"
        with Namespace.at(self.libvirt.root / f"proc/{_child(self.libvirt.root, controller)}/ns/net") as namespace:
            Link(namespace, f"eth{number}").up()
            yield LinkEndpoint(namespace, f"eth{number}")


def _remove_control_groups(name: str) -> None:
    """Remove those of a container that was killed while nobody looked (virDomainDriverGenerateMachineName)."""
    for group in sorted(Path("/sys/fs/cgroup").glob(f"*/machine/lxc-*-{name[:20]}.libvirt-lxc/**/"), reverse=True):
        with suppress(OSError):
            group.rmdir()


def _child(root: Path, pidfile: Path) -> int:
    """Find a container's first process: the only child of its controller."""
    controller = int(pidfile.read_text())
    return int((root / f"proc/{controller}/task/{controller}/children").read_text().split()[0])


def container_root(directory: Path) -> Path:
    """Make a container's root of busybox alone."""
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (directory / name).mkdir(parents=True)
    shutil.copy(binary("busybox"), directory / "bin/busybox")
    (directory / "bin/sh").symlink_to("busybox")
    return directory
