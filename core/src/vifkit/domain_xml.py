"""Domain XML as libvirt defines it: what concerns vifs is read and written, all else is kept as it is."""

import os
import re
import uuid as uuids
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from reprlib import repr as shown

from lxml import etree

from . import safe_xml
from .bandwidth import Bandwidth, Rate
from .errors import InvalidBandwidthError, InvalidXmlError
from .safe_xml import only, path, put, remove

_FIGURES = tuple(figure.name for figure in fields(Rate))
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_XML_SPACE = " \t\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Vif:
    """An `<interface>`; None is what its XML does not say."""

    type: str
    """bridge, network, direct, ethernet, …; 'user' where the XML names none; '' for a bare `<bandwidth>`."""
    mac: str | None = None
    """The MAC address, in lower case; in a DomainConfig it is never None."""
    source: str | None = None
    """The bridge of a bridge, the network of a network, the host's device of all other types."""
    virtualport: str | None = None
    """The type of the virtualport, such as 'openvswitch'."""
    interface_id: str | None = None
    """The interfaceid of the virtualport, which Open vSwitch knows as external_ids:iface-id."""
    target: str | None = None
    """The host's device that carries the vif."""
    mtu: int | None = None
    """The MTU in bytes."""
    bandwidth: Bandwidth | None = None
    """None without a `<bandwidth>`; an empty one is an empty Bandwidth."""

    @property
    def on_openvswitch(self) -> bool:
        """Whether the vif is a port of Open vSwitch."""
        return self.virtualport == "openvswitch"


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainConfig:
    """A `<domain>`, made by `parse_domain`: immutable, and whole, with all that vifkit does not know."""

    name: str
    """The name: not empty, without '/' and control characters."""
    uuid: str
    """The UUID: 36 characters, lower case."""
    type: str
    """The hypervisor as the XML names it, such as 'kvm'."""
    vifs: tuple[Vif, ...]
    """The vifs in the order of the XML; each has a MAC address of its own."""
    init: tuple[str, ...]
    """The program that a container starts with, and its arguments (`<os><init>`, `<initarg>`); empty for none."""
    # Text and not a tree: it cannot be changed from outside, compares, pickles and crosses threads.
    _xml: str = field(repr=False)

    def to_xml(self) -> str:
        """Give the XML, without an XML declaration: what was read, but in lxml's quotes and escapes."""
        return self._xml

    def with_bandwidth(self, mac: str, bandwidth: Bandwidth | None) -> "DomainConfig":
        """Replace a vif's whole `<bandwidth>`, None to remove it. Raises LookupError for an unknown MAC."""
        root = safe_xml.parse_again(self._xml)
        interface = self._interface(root, mac)
        if bandwidth is not None:
            _write_bandwidth(put(interface, "bandwidth", after="mac"), bandwidth)
        elif (element := only(interface, "bandwidth")) is not None:
            remove(interface, element)
        return _config(root)

    def with_targets(self, targets: Mapping[str, str]) -> "DomainConfig":
        """Name the host's devices, by MAC address.

        Raises LookupError for an unknown MAC address, InvalidXmlError for a name that Linux would refuse.
        """
        root = safe_xml.parse_again(self._xml)
        for mac, device in targets.items():
            interface = self._interface(root, mac)
            _check_device(interface, device)
            put(interface, "target", after="mac").set("dev", device)
        return _config(root)

    def interface_xml(self, mac: str) -> str:
        """Give the XML of one `<interface>`. Raises LookupError for an unknown MAC."""
        return safe_xml.write_element(self._interface(safe_xml.parse_again(self._xml), mac))

    def _interface(self, root: etree._Element, mac: str) -> etree._Element:
        for vif, interface in zip(self.vifs, _interfaces(root), strict=True):
            if vif.mac == mac.lower():
                return interface
        raise LookupError(f"domain {self.name!r} has no vif with the MAC address {mac!r}")


def parse_bandwidth(xml: str | bytes) -> Bandwidth:
    """Read a `<bandwidth>`. Raises InvalidXmlError, InvalidBandwidthError."""
    return _bandwidth(_root(xml, "bandwidth"))


def parse_interface(xml: str | bytes) -> Vif:
    """Read an `<interface>`. Raises InvalidXmlError, InvalidBandwidthError."""
    return _vif(_root(xml, "interface"))


def parse_domain(xml: str | bytes) -> DomainConfig:
    """Read a `<domain>`, and add what libvirt would: a random UUID, a MAC address to each vif without one.

    The addresses are 52:54:00 and three random bytes (virMacAddrGenerate in libvirt's
    src/util/virmacaddr.c). Raises InvalidXmlError, InvalidBandwidthError.
    """
    root = _root(xml, "domain")
    identity = put(root, "uuid", after="name")
    if not (identity.text or "").strip(_XML_SPACE):
        identity.text = str(uuids.uuid4())
    taken = {_mac(interface) for interface in _interfaces(root)}
    for interface in _interfaces(root):
        if _mac(interface) is None:
            while (mac := "52:54:00:" + os.urandom(3).hex(":")) in taken:
                pass
            taken.add(mac)
            put(interface, "mac").set("address", mac)
    return _config(root)


def read_document(xml: str | bytes) -> tuple[str, tuple[Vif, ...]]:
    """Read a `<domain>`, `<interface>` or `<bandwidth>`: the name of its root, and its vifs.

    A bare bandwidth is one anonymous vif; nothing is added to a domain, whose name and UUID are not
    looked at. Raises InvalidXmlError, InvalidBandwidthError.
    """
    root = _root(xml, "domain", "interface", "bandwidth")
    if root.tag == "domain":
        return "domain", _vifs(root)
    if root.tag == "interface":
        return "interface", (_vif(root),)
    return "bandwidth", (Vif(type="", bandwidth=_bandwidth(root)),)


def _root(xml: str | bytes, *expected: str) -> etree._Element:
    root = safe_xml.parse(xml)
    if root.tag not in expected:
        wanted = " or ".join(f"<{tag}>" for tag in expected)
        raise InvalidXmlError("", f"the root must be {wanted}, not {shown(root.tag)}")
    return root


def _interfaces(root: etree._Element) -> list[etree._Element]:
    return root.findall("devices/interface")


def _config(root: etree._Element) -> DomainConfig:
    kind = root.get("type")
    if not kind:
        raise InvalidXmlError("domain", "the attribute 'type' is missing")
    name = _text(root, "name")
    # libvirt refuses '/' (virDomainDefPostParseCheckFeatures in src/conf/domain_postparse.c) and newline. The
    # rest is no more welcome where a name may end up: in a path, or in a line of a log.
    if not name.strip() or name in (".", "..") or re.search(r"[/\x00-\x1f\x7f-\x9f\u2028\u2029]", name):
        raise InvalidXmlError("domain/name", f"{shown(name)} is empty, or has a '/' or a control character")
    uuid = _text(root, "uuid").strip(_XML_SPACE)
    if not _UUID.fullmatch(uuid):
        raise InvalidXmlError("domain/uuid", f"{shown(uuid)} is no UUID")
    return DomainConfig(
        name=name,
        uuid=str(uuids.UUID(uuid)),
        type=kind,
        vifs=_vifs(root),
        init=tuple(
            (each.text or "").strip(_XML_SPACE) for tag in ("init", "initarg") for each in root.iterfind(f"os/{tag}")
        ),
        _xml=safe_xml.write(root),
    )


def _vifs(root: etree._Element) -> tuple[Vif, ...]:
    seen: set[str] = set()
    vifs = []
    for interface in _interfaces(root):
        vif = _vif(interface)
        if vif.mac in seen:
            raise InvalidXmlError(f"{path(interface)}/mac", f"another vif has the address {vif.mac}")
        if vif.mac is not None:
            seen.add(vif.mac)
        vifs.append(vif)
    return tuple(vifs)


def _vif(interface: etree._Element) -> Vif:
    kind = interface.get("type", "user")  # libvirt's default, virDomainNetDefParseXML
    target = _attribute(interface, "target", "dev")
    if target is not None:
        _check_device(interface, target)
    mtu = _attribute(interface, "mtu", "size")
    if mtu is not None and not (re.fullmatch("[0-9]{1,5}", mtu) and 68 <= int(mtu) <= 65535):
        raise InvalidXmlError(f"{path(interface)}/mtu", f"{shown(mtu)} is no MTU from 68 to 65535 bytes")
    bandwidth = only(interface, "bandwidth")
    return Vif(
        type=kind,
        mac=_mac(interface),
        source=_attribute(interface, "source", kind if kind in ("bridge", "network") else "dev"),
        virtualport=_attribute(interface, "virtualport", "type"),
        interface_id=_attribute(only(interface, "virtualport"), "parameters", "interfaceid"),
        target=target,
        mtu=None if mtu is None else int(mtu),
        bandwidth=None if bandwidth is None else _bandwidth(bandwidth),
    )


def _mac(interface: etree._Element) -> str | None:
    address = _attribute(interface, "mac", "address")
    if address is None:
        return None
    mac = address.lower()
    if not _MAC.fullmatch(mac):
        raise InvalidXmlError(f"{path(interface)}/mac", f"{shown(address)} is no MAC address")
    if int(mac[:2], 16) & 1:  # refused by virDomainNetDefParseXML too
        raise InvalidXmlError(f"{path(interface)}/mac", f"{mac} is a multicast address")
    if not mac.strip("0:"):  # refused by Linux, is_valid_ether_addr in include/linux/etherdevice.h
        raise InvalidXmlError(f"{path(interface)}/mac", f"{mac} is nobody's address")
    return mac


def _check_device(interface: etree._Element, name: str) -> None:
    """Refuse what Linux refuses, dev_valid_name in net/core/dev.c, and what cannot be printed.

    And a name that begins with a dash: Linux takes it, and `ip`, `tc` and `ethtool` take it for an option.
    """
    legal = name.isprintable() and not re.search("^-|[ /:]", name) and name not in ("", ".", "..")
    if not legal or len(name.encode()) > 15:
        reason = f"{shown(name)} is no device name: 1 to 15 bytes, no dash first, without '/', ':' and whitespace"
        raise InvalidXmlError(f"{path(interface)}/target", reason)


def _bandwidth(element: etree._Element) -> Bandwidth:
    _refuse_unknown(element, attributes=(), children=("inbound", "outbound"))
    inbound, outbound = only(element, "inbound"), only(element, "outbound")
    try:
        return Bandwidth(
            inbound=None if inbound is None else _rate(inbound),
            outbound=None if outbound is None else _rate(outbound),
        )
    except InvalidBandwidthError as error:
        error.add_note(f"in {path(element)}")
        raise


def _rate(element: etree._Element) -> Rate | None:
    """Read a direction by virNetDevBandwidthParseRate in libvirt's src/conf/netdev_bandwidth_conf.c.

    What is written must make sense, where libvirt ignores what it does not know.
    """
    _refuse_unknown(element, attributes=_FIGURES, children=())
    figures = {name: _figure(name, text) for name, text in element.attrib.items()}
    if not figures.keys().isdisjoint(("average", "floor")) and not any(figures.values()):
        return None  # zero is no limit
    return Rate(**figures)


def _figure(name: str, text: str) -> int:
    # 20 digits hold 64 bits. int() alone would take signs, spaces, '1_000' and digits of any script.
    if not re.fullmatch("[0-9]{1,20}", text):
        raise InvalidBandwidthError(name, text, "1 to 20 digits are needed, and nothing else")
    return int(text)


def _write_bandwidth(element: etree._Element, bandwidth: Bandwidth) -> None:
    element.clear(keep_tail=True)
    for direction, rate in (("inbound", bandwidth.inbound), ("outbound", bandwidth.outbound)):
        if rate is not None:
            child = etree.SubElement(element, direction)
            for name in _FIGURES:
                if (value := getattr(rate, name)) is not None:
                    child.set(name, str(value))
    etree.indent(element, level=3)


def _refuse_unknown(element: etree._Element, attributes: Collection[str], children: Collection[str]) -> None:
    for name in element.attrib:
        if name not in attributes:
            raise InvalidXmlError(path(element), f"unknown attribute {shown(name)}")
    text = element.text or ""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in children:  # the tag of a comment is no str
            raise InvalidXmlError(path(element), f"unknown element {shown(child.tag)}")
        text += child.tail or ""
    if text.strip(_XML_SPACE):
        raise InvalidXmlError(path(element), f"unexpected text {shown(text.strip(_XML_SPACE))}")


def _attribute(parent: etree._Element | None, tag: str, name: str) -> str | None:
    child = only(parent, tag)
    return None if child is None else child.get(name)


def _text(parent: etree._Element, tag: str) -> str:
    child = only(parent, tag)
    if child is None or len(child):
        raise InvalidXmlError(path(parent), f"a <{tag}> with nothing but text is needed")
    return child.text or ""
