"""QEMU and KVM by libvirt: libvirt keeps the bandwidth and writes rows, and the driver mends them.

    qemu:///system?db=unix:/var/run/openvswitch/db.sock&netns=4711&repair=off

Everything that libvirt takes in a URI is left to it. `db` is the database of the Open vSwitch beside it (default:
the local one), `netns` the namespace of the switch's devices (default: ours), `readonly=on` opens it for reading
only, and `repair=off` leaves libvirt's own doing as it is.
"""

from contextlib import suppress

import libvirt

from vifkit import Connection, Domain, State, VifkitError
from vifkit_libvirt.connection import LibvirtConnection
from vifkit_libvirt.domain import LibvirtDomain
from vifkit_libvirt.driver import LibvirtDriver
from vifkit_libvirt.errors import LibvirtError, lost, said
from vifkit_libvirt.keeping import InLibvirt
from vifkit_libvirt.session import Session
from vifkit_libvirt.shaper import Shaper


class QemuDriver(LibvirtDriver):
    """Opens `qemu:` URIs."""

    name = "qemu"
    schemes = ("qemu",)

    def connection(self, session: Session, shaper: Shaper | None) -> "QemuConnection":
        """Make a connection."""
        return QemuConnection(session, shaper)


class QemuConnection(LibvirtConnection):
    """The domains of a QEMU driver."""

    keeping = InLibvirt()
    hypervisor = "QEMU"
    domain_types = ("qemu", "kvm")
    carries_mtu = True

    def handle(self, name: str, uuid: str) -> "QemuDomain":
        """Make the Domain of a domain."""
        return QemuDomain(self, name, uuid)


class QemuDomain(LibvirtDomain):
    """One QEMU."""

    def reboot(self) -> None:
        """Ask the guest to restart in place."""
        with self._libvirt(State.RUNNING) as domain:
            domain.reboot(0)

    def migrate(self, destination: Connection) -> Domain:
        """Move it, live, to another QEMU connection; where it is defined here it will be defined there."""
        if not isinstance(destination, QemuConnection):
            raise TypeError(f"a QEMU domain does not move to a {type(destination).__name__}")
        destination.check_switch(self.config())
        with self._libvirt(State.RUNNING) as domain:
            flags = libvirt.VIR_MIGRATE_LIVE
            if domain.isPersistent():
                flags |= libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
            try:
                domain.migrate3(destination.session.connection(), {}, flags)
            except libvirt.libvirtError as error:
                with suppress(VifkitError):
                    destination.collect(self.uuid)
                if lost(error) and domain.connect().isAlive():  # it was the other's connection, and not ours
                    raise LibvirtError(f"it stays here: {said(error)}", error.get_error_code()) from error
                raise
        moved = destination.handle(self.name, self.uuid)
        self._connection.collect(self.uuid)
        destination.shape(destination.wanted_of(moved.vifs()))
        return moved
