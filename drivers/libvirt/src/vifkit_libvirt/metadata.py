"""A domain's bandwidths in its `<metadata>`, out of the sight of libvirt's own shaping.

It is for hypervisors where libvirt, told of a bandwidth on a port of Open vSwitch, does something else than to write
rows. Its LXC driver runs tc on the port (virNetDevBandwidthSet, called in virLXCProcessSetupInterfaces,
src/lxc/lxc_process.c), whose qdisc ovs-vswitchd has for itself. Its Xen driver has netback limit what a guest sends,
and drops inbound (libxlMakeNic, src/libxl/libxl_conf.c).
"""

from collections.abc import Callable
from typing import Any

import libvirt
from lxml import etree

from vifkit import Bandwidth, DomainConfig, RowWriter, Vif, parse_bandwidth, parse_domain, safe_xml

from .domain import LibvirtDomain
from .keeping import InLibvirt, Keeping, flags_of

NAMESPACE = "urn:vifkit:bandwidths"
PREFIX = "vifkit"


class InMetadata(Keeping):
    """For vifs on Open vSwitch; the others' bandwidths stay where they are, as libvirt carries them out."""

    row_writer = RowWriter.DRIVER

    def __init__(self, on_openvswitch: Callable[[Vif], bool]) -> None:
        """`on_openvswitch` tells whether a vif will be on Open vSwitch, where its XML names a network only."""
        self._on_openvswitch = on_openvswitch

    def outgoing(self, config: DomainConfig) -> DomainConfig:
        """Move the bandwidths of vifs on Open vSwitch into the metadata."""
        root = safe_xml.parse_again(config.to_xml())
        _take(root)
        kept = etree.Element("bandwidths", nsmap={PREFIX: NAMESPACE})
        for vif, interface in zip(config.vifs, root.iterfind("devices/interface"), strict=True):
            bandwidth = safe_xml.only(interface, "bandwidth")
            if bandwidth is not None and vif.mac is not None and self._on_openvswitch(vif):
                safe_xml.remove(interface, bandwidth)
                if vif.bandwidth:
                    bandwidth.tail = None
                    etree.SubElement(kept, "vif", mac=vif.mac).append(bandwidth)
        if len(kept):
            _qualify(kept, NAMESPACE)
            safe_xml.put(root, "metadata", after="uuid").append(kept)
        return parse_domain(safe_xml.write(root))

    def incoming(self, xml: str) -> DomainConfig:
        """Move the bandwidths back to their vifs; those of vifs that are no more are left out."""
        root = safe_xml.parse(xml)
        kept = _take(root)
        config = parse_domain(safe_xml.write(root))
        macs = {vif.mac for vif in config.vifs if vif.on_openvswitch or vif.type == "network"}
        for vif in () if kept is None else kept.iterfind("vif"):
            mac, bandwidth = vif.get("mac", "").lower(), safe_xml.only(vif, "bandwidth")
            if mac in macs and bandwidth is not None:
                config = config.with_bandwidth(mac, parse_bandwidth(safe_xml.write_element(bandwidth)))
        return config

    def record(self, domain: Any, mac: str, bandwidth: Bandwidth | None, flags: int) -> None:
        """Write the metadata again, with the one bandwidth replaced; that of another vif is libvirt's to change.

        The running domain and its definition have metadata of their own, and may have different vifs.
        """
        for flag, which in (
            (libvirt.VIR_DOMAIN_AFFECT_LIVE, 0),
            (libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_XML_INACTIVE),
        ):
            if flags & flag:
                config = self.incoming(domain.XMLDesc(which))
                if any(vif.mac == mac and self._on_openvswitch(vif) for vif in config.vifs):
                    self.keep(domain, flag, config.with_bandwidth(mac, bandwidth or None))
                else:
                    InLibvirt().record(domain, mac, bandwidth, flag)

    def keep(self, domain: Any, flags: int, *configs: DomainConfig) -> None:
        """Write the metadata again: the bandwidths of all vifs of these configs alone. Raises libvirtError."""
        kept: etree._Element | None = None
        for config in configs:
            more = _take(safe_xml.parse_again(self.outgoing(config).to_xml()))
            if kept is None:
                kept = more
            elif more is not None:
                kept.extend(more)
        # libvirt gives the element and all in it the namespace, and refuses one that has it.
        text, prefix = (None, None) if kept is None else (safe_xml.write_element(kept), PREFIX)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, prefix, NAMESPACE, flags)


class DomainInMetadata(LibvirtDomain):
    """A domain whose vifs come and go with their bandwidths in the metadata, where that is where they are kept."""

    def detach_vif(self, mac: str) -> None:
        """Unplug a vif, and forget its bandwidth."""
        super().detach_vif(mac)
        keeping = self._connection.keeping
        if isinstance(keeping, InMetadata):
            with self._libvirt() as domain:
                keeping.keep(domain, flags_of(domain), self.config())

    def _attach(self, domain: Any, config: DomainConfig, mac: str, flags: int) -> None:
        """Keep the bandwidth in the metadata, and plug the interface without it."""
        keeping = self._connection.keeping
        if not isinstance(keeping, InMetadata) or not self._connection.on_openvswitch(config.vifs[0]):
            super()._attach(domain, config, mac, flags)
            return
        before = self.config()
        keeping.keep(domain, flags, before, config)
        given = config.with_bandwidth(mac, None).interface_xml(mac)
        try:
            domain.attachDeviceFlags(given, flags)
        except libvirt.libvirtError:
            keeping.keep(domain, flags, before)
            raise


def _take(root: etree._Element) -> etree._Element | None:
    """Take our element out of a domain's metadata, unqualified, and the metadata if there is nothing else in it."""
    metadata = safe_xml.only(root, "metadata")
    kept = None if metadata is None else metadata.find(f"{{{NAMESPACE}}}bandwidths")
    if metadata is not None and kept is not None:
        safe_xml.remove(metadata, kept)
        if len(metadata) == 0:
            safe_xml.remove(root, metadata)
        _qualify(kept, None)
        etree.cleanup_namespaces(kept)
    return kept


def _qualify(root: etree._Element, namespace: str | None) -> None:
    """Put an element and all in it into a namespace, None for none."""
    for element in root.iter(etree.Element):
        element.tag = etree.QName(namespace, etree.QName(element).localname).text
