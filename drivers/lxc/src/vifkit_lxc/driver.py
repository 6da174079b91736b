"""LXC by libvirt: netqos writes the rows, and libvirt never hears of a bandwidth on Open vSwitch.

    lxc:///system?db=unix:/var/run/openvswitch/db.sock&netns=4711&repair=off

The parameters are those of every libvirt driver here: see vifkit_libvirt. With `repair=off` libvirt gets the bandwidth
and does what it does.
"""

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import libvirt
import libvirt_lxc  # type: ignore[import-untyped]  # the binding has no types

from netqos.kernel import Kernel
from vifkit import BackendError, DomainConfig, InvalidStateError, State, VifkitError
from vifkit_libvirt.connection import LibvirtConnection
from vifkit_libvirt.driver import LibvirtDriver
from vifkit_libvirt.errors import translated
from vifkit_libvirt.keeping import InLibvirt, Keeping
from vifkit_libvirt.metadata import DomainInMetadata, InMetadata
from vifkit_libvirt.session import Session
from vifkit_libvirt.shaper import Shaper

from .veth import drop_veths

INIT_SECONDS = 5.0
"""How long libvirt may take to hear of a container's first process."""


class LxcDriver(LibvirtDriver):
    """Opens `lxc:` URIs."""

    name = "lxc"
    schemes = ("lxc",)

    def connection(self, session: Session, shaper: Shaper | None) -> "LxcConnection":
        """Make a connection."""
        return LxcConnection(session, shaper)


class LxcConnection(LibvirtConnection):
    """The containers of a libvirt."""

    hypervisor = "LXC"
    domain_types = ("lxc",)
    carries_mtu = False  # virLXCProcessSetupInterfaces does not look at it

    def __init__(self, session: Session, shaper: Shaper | None) -> None:
        super().__init__(session, shaper)
        self.keeping: Keeping = InMetadata(self.on_openvswitch) if shaper else InLibvirt()

    def handle(self, name: str, uuid: str) -> "LxcDomain":
        """Make the Domain of a domain."""
        return LxcDomain(self, name, uuid)

    def check_switch(self, config: DomainConfig, *, starting: bool = False) -> None:
        """Look for devices that have the names of new vifs, too, as libvirt deletes them when it cannot make its own.

        (virLXCProcessSetupInterfaces in src/lxc/lxc_process.c, where it cleans up.) Raises BackendError.
        """
        super().check_switch(config, starting=starting)
        targets = sorted(vif.target for vif in config.vifs if vif.target and not vif.target.startswith("vnet"))
        if self.shaper and self.shaper.sees_kernel and targets:
            with Kernel(self.shaper.netns) as kernel:
                for name in kernel.read(targets):
                    raise BackendError(f"the host has a device named {name!r} already; it was left alone")

    def launch(self, config: DomainConfig, launch: Callable[[], None]) -> None:
        """Start a container, and have it known to all of libvirt on return."""
        super().launch(config, launch)
        with suppress(VifkitError), translated(config.name):  # it has started, whatever becomes of it
            await_init(self.look(lambda opened: opened.lookupByUUIDString(config.uuid)))

    def drop_devices(self, macs: Collection[str]) -> None:
        """Delete the veths that were meant for a container, and never got there."""
        if self.shaper and self.shaper.sees_kernel and macs:
            drop_veths(self.shaper.netns, macs)


class LxcDomain(DomainInMetadata):
    """One container."""

    def shutdown(self) -> None:
        """Ask the container's first process to end, by its initctl and by SIGTERM.

        libvirt means to send SIGTERM where there is no initctl. 9.0.0 does not, and says that it has asked
        (lxcDomainShutdownFlags in src/lxc/lxc_driver.c).
        """
        super().shutdown()
        with suppress(InvalidStateError), self._libvirt(State.RUNNING) as domain:  # it may have ended already
            domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_SIGNAL)


def await_init(domain: Any) -> None:
    """Wait until libvirt knows a container's first process, of which it hears a little after the start has returned.

    (virLXCProcessMonitorInitNotify in src/lxc/lxc_process.c.) Until then it refuses to plug and to shut down; and of a
    container that is paused before, it never hears. Where libvirt does not pass on descriptors it cannot be asked.
    """
    end = time.monotonic() + INIT_SECONDS
    while domain.isActive() and time.monotonic() < end:
        try:
            namespaces = libvirt_lxc.lxcOpenNamespace(domain, 0)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                return
            time.sleep(0.002)
        else:
            for namespace in namespaces:
                os.close(namespace)
            return
