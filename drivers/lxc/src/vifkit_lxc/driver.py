"""LXC by libvirt: netqos writes the rows, and libvirt never hears of a bandwidth on Open vSwitch.

    lxc:///system?db=unix:/var/run/openvswitch/db.sock&netns=4711&repair=off

The parameters are those of every libvirt driver here: see vifkit_libvirt. With `repair=off` libvirt gets the bandwidth
and does what it does.
"""

from typing import Any

from vifkit import DomainConfig
from vifkit_libvirt.connection import LibvirtConnection, LibvirtDriver
from vifkit_libvirt.domain import LibvirtDomain
from vifkit_libvirt.keeping import InLibvirt, Keeping
from vifkit_libvirt.session import Session
from vifkit_libvirt.shaper import Shaper

from .metadata import InMetadata


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
        self.keeping: Keeping = InMetadata() if shaper else InLibvirt()

    def handle(self, name: str, uuid: str) -> "LxcDomain":
        """Make the Domain of a domain."""
        return LxcDomain(self, name, uuid)


class LxcDomain(LibvirtDomain):
    """One container."""

    def _attach(self, domain: Any, config: DomainConfig, mac: str, flags: int) -> None:
        """Keep the bandwidth in the metadata, and plug the interface without it."""
        keeping = self._connection.keeping
        vif = config.vifs[0]
        if not isinstance(keeping, InMetadata) or not vif.on_openvswitch or not vif.bandwidth:
            super()._attach(domain, config, mac, flags)
            return
        domain.attachDeviceFlags(config.with_bandwidth(mac, None).interface_xml(mac), flags)
        keeping.record(domain, self.config(), mac, vif.bandwidth, flags)
