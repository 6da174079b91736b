"""A libvirt domain that pauses, counts, and gains and loses vifs while it runs."""

import time
from contextlib import suppress
from typing import Any

import libvirt

from vifkit import (
    BackendError,
    DomainConfig,
    InvalidStateError,
    InvalidXmlError,
    State,
    VifkitError,
    VifStatistics,
    parse_domain,
    parse_interface,
)

from .basic import BasicDomain, find
from .keeping import flags_of

UNPLUG_SECONDS = 10.0
"""How long a guest may take to let go of a device."""


class LibvirtDomain(BasicDomain):
    """What QEMU, LXC and Xen do beyond the least."""

    def suspend(self) -> None:
        """Pause it."""
        with self._libvirt(State.RUNNING) as domain:
            if self.state() is not State.RUNNING:
                raise InvalidStateError(self.name, self.state().value, State.RUNNING.value)
            domain.suspend()

    def resume(self) -> None:
        """Let it go on."""
        with self._libvirt(State.PAUSED) as domain:
            if self.state() is not State.PAUSED:
                raise InvalidStateError(self.name, self.state().value, State.PAUSED.value)
            domain.resume()

    def attach_vif(self, xml: str) -> None:
        """Plug an `<interface>` into the running domain, and into its definition where it has one."""
        connection = self._connection
        config = self._with_interface(xml)
        vif = config.vifs[0]
        assert vif.mac is not None
        connection.accept_vifs(config, stacklevel=3)
        connection.check_switch(config)
        if vif.mac in {each.mac for each in (*self.vifs(), *self.config(live=False).vifs)}:
            raise InvalidXmlError("interface/mac", f"another vif has the address {vif.mac}")
        try:
            with self._libvirt(State.RUNNING) as domain:
                self._insist_active(domain)
                self._attach(domain, config, vif.mac, flags_of(domain))
        except VifkitError as error:
            connection.take_back({}, error)
            raise
        try:
            plugged = find(self.config(), vif.mac)
            connection.plugged(self.uuid, [plugged])
        except BaseException:
            with suppress(VifkitError, LookupError):
                self.detach_vif(vif.mac)
            raise

    def detach_vif(self, mac: str) -> None:
        """Unplug a vif; a guest that does not let go of it in time is an error."""
        config = self.config()
        vif = find(config, mac)
        assert vif.mac is not None
        with self._libvirt(State.RUNNING) as domain:
            self._insist_active(domain)
            # Each has addresses of its own for the device.
            if self._flags(domain, vif.mac) & libvirt.VIR_DOMAIN_AFFECT_CONFIG:
                kept = self.config(live=False).interface_xml(vif.mac)
                domain.detachDeviceFlags(kept, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
            domain.detachDeviceFlags(config.interface_xml(vif.mac), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        end = time.monotonic() + UNPLUG_SECONDS
        while vif.mac in {each.mac for each in self.vifs()}:
            if time.monotonic() > end:
                raise BackendError(f"the guest of {self.name!r} has not let go of {mac} in {UNPLUG_SECONDS:g} s")
            time.sleep(0.02)
        self._connection.collect(self.uuid)

    def statistics(self, mac: str) -> VifStatistics:
        """Count what a vif has carried (virDomainInterfaceStats; libvirt swaps the directions of a tap)."""
        vif = find(self.config(), mac)
        with self._libvirt(State.RUNNING) as domain:
            self._insist_active(domain)
            counted = domain.interfaceStats(vif.target)
        return VifStatistics(
            received_bytes=counted[0], received_packets=counted[1], sent_bytes=counted[4], sent_packets=counted[5]
        )

    def _attach(self, domain: Any, config: DomainConfig, mac: str, flags: int) -> None:
        domain.attachDeviceFlags(config.interface_xml(mac), flags)

    def _with_interface(self, xml: str) -> DomainConfig:
        """Put an interface into an empty domain, where it gets what it lacks. Raises InvalidXmlError."""
        parse_interface(xml)
        return parse_domain(f"<domain type='x'><name>x</name><devices>{xml}</devices></domain>")

    def _insist_active(self, domain: Any) -> None:
        if not domain.isActive():
            raise InvalidStateError(self.name, State.SHUTOFF.value, State.RUNNING.value)
