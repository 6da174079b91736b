"""bhyve by libvirt: domains and their vifs, and no bandwidth.

    bhyve+ssh://root@host/system?readonly=on

libvirt shapes by Linux's tc or by Open vSwitch's QoS on Linux, and FreeBSD has neither: its bhyve driver takes a
`<bandwidth>` and does nothing (src/bhyve/bhyve_command.c has no call of virNetDevBandwidthSet). Here it is refused.
"""

from netqos.findings import find
from netqos.guard import DEFAULT_MTU, refuse_undeclared
from netqos.htb import Tree
from netqos.rows import translate
from netqos.units import Psched
from vifkit import Bandwidth, Capabilities, UnsupportedError, Vif
from vifkit_libvirt.basic import BasicDomain
from vifkit_libvirt.connection import LibvirtConnection
from vifkit_libvirt.driver import LibvirtDriver
from vifkit_libvirt.session import Session
from vifkit_libvirt.shaper import Shaper

from .keeping import Nowhere


class BhyveDriver(LibvirtDriver):
    """Opens `bhyve:` URIs."""

    name = "bhyve"
    schemes = ("bhyve",)
    switched = False

    def connection(self, session: Session, shaper: Shaper | None) -> "BhyveConnection":
        """Make a connection."""
        return BhyveConnection(session, shaper)


class BhyveConnection(LibvirtConnection):
    """The domains of a libvirt on FreeBSD."""

    keeping = Nowhere()
    hypervisor = "bhyve"
    domain_types = ("bhyve",)
    carries_mtu = False  # bhyveBuildNetArgStr gives virNetDevTapCreateInBridgePort an MTU of 0

    @property
    def capabilities(self) -> Capabilities:
        """Domains that are kept, and nothing else."""
        return Capabilities(persistent_domains=True)

    def handle(self, name: str, uuid: str) -> BasicDomain:
        """Make the Domain of a domain.

        bhyve's driver pauses, plugs and unplugs nothing (bhyveHypervisorDriver in src/bhyve/bhyve_driver.c); it counts
        from libvirt 11.7 on, which nobody has judged.
        """
        return BasicDomain(self, name, uuid)

    def judge(self, vif: Vif, bandwidth: Bandwidth | None, *, stacklevel: int) -> None:
        """Refuse a bandwidth of any vif. Raises UnsupportedError, with what netqos finds about the vif."""
        try:
            refuse_undeclared(bandwidth, self.capabilities)
        except UnsupportedError as refusal:
            why = "; ".join(("FreeBSD has no tc", *_of_interface(vif, bandwidth)))
            raise UnsupportedError(refusal.capability, f"{refusal}: {why}") from None


def _of_interface(vif: Vif, bandwidth: Bandwidth | None) -> list[str]:
    """Give what netqos finds about a vif, whatever its bandwidth is."""
    nothing, mtu = translate(None, "vif"), vif.mtu or DEFAULT_MTU
    found = find(bandwidth, nothing, Tree(), mtu=mtu, ovs_version=(99,), psched=Psched.here(), vif=vif)
    return [f"{each.code}: {each.message}" for each in found if each.code == "interface-unsupported"]
