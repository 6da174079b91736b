"""Domain XML of what a hypervisor says, and of what it has no word for."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from lxml import etree

from vifkit import DomainConfig, InvalidXmlError, State, Vif, VifkitError, parse_domain, safe_xml

from .hypervisor import Machine
from .notes import Noted


def as_config(
    name: str, uuid: str, kind: str, vifs: Sequence[Vif], noted_xml: str | None, *, noted_bandwidths: bool = False
) -> DomainConfig:
    """Write a domain: its vifs are those given, and all that these do not say is as it was noted.

    With `noted_bandwidths` a vif without a bandwidth has the one of the note: where the hypervisor holds none.
    Raises InvalidXmlError for what the hypervisor says and no domain can be.
    """
    root = _noted(noted_xml)
    root.set("type", kind)
    safe_xml.put(root, "name").text = name
    safe_xml.put(root, "uuid", after="name").text = uuid
    devices = safe_xml.put(root, "devices", after="uuid")
    before = {_mac(each): each for each in devices.findall("interface")}
    for each in devices.findall("interface"):
        safe_xml.remove(devices, each)
    for vif in vifs:
        kept = before.get(str(vif.mac))
        devices.append(_interface(vif, kept if kept is not None else etree.Element("interface")))
    config = parse_domain(safe_xml.write(root))
    for vif in vifs:
        if vif.bandwidth is not None or not noted_bandwidths:
            config = config.with_bandwidth(str(vif.mac), vif.bandwidth)
    return config


def as_machine(
    name: str,
    uuid: str,
    kind: str,
    state: State,
    vifs: Sequence[Vif],
    kept: Noted | None,
    *,
    noted_bandwidths: bool = False,
) -> Machine:
    """Put together what the hypervisor says of a machine and what was noted with it; see `as_config`."""
    waiting = None
    if kept is not None and kept.waiting is not None:
        with suppress(VifkitError):
            waiting = parse_domain(kept.waiting)
    config = as_config(name, uuid, kind, vifs, kept.xml if kept else None, noted_bandwidths=noted_bandwidths)
    transient = kept is not None and kept.transient
    return Machine(config=config, state=state, transient=transient, waiting=waiting, noted=kept is not None)


def noted_vifs(kept: Noted | None) -> Mapping[str | None, Vif]:
    """Give the vifs that were noted, by MAC address; none where the note says nothing."""
    with suppress(VifkitError):
        return {vif.mac: vif for vif in parse_domain(kept.xml).vifs} if kept else {}
    return {}


def _noted(xml: str | None) -> etree._Element:
    if xml is not None:
        with suppress(VifkitError):
            root = safe_xml.parse(xml)
            if root.tag == "domain":
                parse_domain(xml)
                return root
    return etree.Element("domain")


def _mac(interface: etree._Element) -> str:
    mac = safe_xml.only(interface, "mac")
    return "" if mac is None else mac.get("address", "").lower()


def _interface(vif: Vif, element: etree._Element) -> etree._Element:
    """Write what is known of a vif into its element."""
    if vif.mac is None:
        raise InvalidXmlError("domain/devices/interface", "the hypervisor names no MAC address")
    element.set("type", vif.type)
    safe_xml.put(element, "mac").set("address", vif.mac)
    for tag, attribute, value in (
        ("source", vif.type if vif.type in ("bridge", "network") else "dev", vif.source),
        ("virtualport", "type", vif.virtualport),
        ("target", "dev", vif.target),
    ):
        if value is not None:
            safe_xml.put(element, tag, after="mac").set(attribute, value)
    return element
