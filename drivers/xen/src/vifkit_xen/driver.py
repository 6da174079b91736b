"""Xen by libvirt: netqos writes the rows, and libvirt never hears of a bandwidth on Open vSwitch.

    xen+ssh://root@hv1/system?db=unix:/run/hv1/db.sock&polices=on

The parameters are those of every libvirt driver here: see vifkit_libvirt. With `repair=off` nothing writes rows, and
every bandwidth is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import BoundedSemaphore

import libvirt

from vifkit import Bandwidth, Capabilities, DomainConfig, Shaping, State, UnsupportedError, Vif, parse_domain
from vifkit_libvirt.connection import LibvirtConnection
from vifkit_libvirt.driver import LibvirtDriver
from vifkit_libvirt.metadata import DomainInMetadata, InMetadata
from vifkit_libvirt.session import Session
from vifkit_libvirt.shaper import Shaper, ports_of

AT_ONCE = 4
"""How many starts and stops one connection has under way.

They take seconds, as libxl waits for a script for each vif. libvirtd reads no more from a client that has 5 requests
under way (max_client_requests in libvirtd.conf), keepalives included, and so the connection would be lost.
"""


class XenDriver(LibvirtDriver):
    """Opens `xen:` URIs."""

    name = "xen"
    schemes = ("xen",)

    def connection(self, session: Session, shaper: Shaper | None) -> "XenConnection":
        """Make a connection."""
        return XenConnection(session, shaper)


class XenConnection(LibvirtConnection):
    """The domains of a libvirt with the driver libxl."""

    hypervisor = "Xen"
    domain_types = ("xen",)
    carries_mtu = False  # libxlMakeNic in libvirt's src/libxl/libxl_conf.c does not look at it
    own_names = "vif"  # libxl names a device vifDOMAIN.NUMBER, and libvirt drops such a name (virDomainNetDefParseXML)

    def __init__(self, session: Session, shaper: Shaper | None) -> None:
        super().__init__(session, shaper)
        self.keeping = InMetadata(self.on_openvswitch)
        self.slots = BoundedSemaphore(AT_ONCE)

    @property
    def capabilities(self) -> Capabilities:
        """What Open vSwitch carries out, where it is told; nothing of what libvirt makes of a bandwidth by itself."""
        declared = super().capabilities
        if self.shaper:
            return declared
        return replace(
            declared, shaping=Shaping.NONE, inbound=False, outbound=False, peak=False, burst=False, mtu=False
        )

    def handle(self, name: str, uuid: str) -> "XenDomain":
        """Make the Domain of a domain."""
        return XenDomain(self, name, uuid)

    def launch(self, config: DomainConfig, launch: Callable[[], None]) -> None:
        """Start a domain, when it is its turn."""

        def in_turn() -> None:
            with self.slots:
                launch()

        super().launch(config, in_turn)

    def plugged(self, uuid: str, vifs: Sequence[Vif]) -> None:
        """Write to the ports whose vifs they are, as libvirt itself does for QEMU, and then what they are limited to.

        Of the external_ids that others look for, Xen's script vif-openvswitch writes `attached-mac` alone, and names
        the domain in words of its own (xen-vm-uuid).
        """
        if self.shaper:
            self.shaper.label({vif.target: _ids(uuid, vif) for vif in vifs if vif.target and vif.on_openvswitch})
        super().plugged(uuid, vifs)

    def judge(self, vif: Vif, bandwidth: Bandwidth | None, *, stacklevel: int) -> None:
        """Refuse as all do, and any bandwidth beside Open vSwitch as well.

        There libvirt drops inbound without a word, and of outbound has netback limit the average alone, as so many
        KiB/s (libxlMakeNic, and xenvif_parse of Linux's drivers/net/xen-netback). Raises UnsupportedError.
        """
        if bandwidth and not self.on_openvswitch(vif):
            direction = "inbound" if bandwidth.inbound else "outbound"
            raise UnsupportedError(direction, f"of Xen only a vif on Open vSwitch is limited: {vif.mac} is on none")
        super().judge(vif, bandwidth, stacklevel=stacklevel + 1)


class XenDomain(DomainInMetadata):
    """One domain."""

    def __init__(self, connection: XenConnection, name: str, uuid: str) -> None:
        super().__init__(connection, name, uuid)
        self._slots = connection.slots

    def state(self) -> State:
        """Ask libvirt, which calls a guest shut off that has ended by itself while libxl still takes its vifs away.

        (libxlDomainShutdownThread in libvirt's src/libxl/libxl_domain.c.)
        """
        state = super().state()
        if state is State.SHUTOFF:
            with self._libvirt() as domain:
                return State.RUNNING if domain.isActive() else State.SHUTOFF
        return state

    def stop(self) -> None:
        """End it, when it is its turn."""
        with self._slots:
            super().stop()

    def config(self, *, live: bool = True) -> DomainConfig:
        """Read the domain; of a vif that was plugged while it runs libvirt does not tell the device, and the port does.

        (libxlDomainAttachNetDevice in libvirt's src/libxl/libxl_driver.c.)
        """
        config = super().config(live=live)
        shaper = self._connection.shaper
        nameless = {vif.mac for vif in config.vifs if not vif.target and vif.on_openvswitch}
        if not live or not shaper or not nameless:
            return config
        there = ports_of(self.uuid, shaper.switch.ports()).items()
        return config.with_targets({mac: port for port, mac in there if mac in nameless})

    def _launch(self, flags: int) -> None:
        """Start it, with no bandwidth where libvirt would hear of it.

        One that somebody else has defined by libvirt's own `<bandwidth>` is moved to where ours are kept.
        """
        with self._libvirt() as domain:
            xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
            if self._tells_libvirt(parse_domain(xml)):
                keeping = self._connection.keeping
                domain.connect().defineXML(keeping.outgoing(keeping.incoming(xml)).to_xml())
        super()._launch(flags)

    def _tells_libvirt(self, config: DomainConfig) -> bool:
        return any(vif.bandwidth and self._connection.on_openvswitch(vif) for vif in config.vifs)


def _ids(uuid: str, vif: Vif) -> dict[str, str]:
    """Name a vif as virNetDevOpenvswitchAddPort does (libvirt's src/util/virnetdevopenvswitch.c)."""
    ids = {"attached-mac": vif.mac, "iface-id": vif.interface_id, "iface-status": "active", "vm-id": uuid}
    return {name: value for name, value in ids.items() if value}
