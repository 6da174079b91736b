"""An LPAR's virtual Ethernet adapters, and the `<interface>` elements that they are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from vifkit import DomainConfig, InvalidXmlError, UnsupportedError, Vif, parse_domain, safe_xml
from vifkit_base.configs import as_config

DOMAIN_TYPE = "phyp"
"""As libvirt's phyp driver named its domains, before libvirt 6.0 dropped it."""
DEFAULT_VLAN = 1
FIRST_SLOT = 2
"""Slots 0 and 1 of an LPAR are its virtual serial adapters."""

_SWITCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. ()-]*")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A virtual Ethernet adapter; without a MAC address, the HMC gives it one when it is first activated."""

    slot: int
    vlan: int
    switch: str
    mac: str | None

    @classmethod
    def of_profile(cls, text: str) -> "Adapter":
        """Read an item of `virtual_eth_adapters`.

        It is slot/is-IEEE/port-VLAN/additional-VLANs/trunk-priority/is-required/switch/MAC/allowed-MACs/QoS, of which
        what follows is-required may be left out (MKSYSCFG). Raises ValueError, IndexError.
        """
        parts = [*text.split("/"), "", ""]
        return cls(int(parts[0]), int(parts[2]), parts[6], _colons(parts[7]))

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> "Adapter":
        """Read what `lshwres -r virtualio --rsubtype eth` says. Raises ValueError."""
        return cls(int(row["slot_num"]), int(row["port_vlan_id"]), row["vswitch"], _colons(row["mac_addr"]))

    def to_profile(self) -> str:
        """Write an item of `virtual_eth_adapters`."""
        return f"{self.slot}/0/{self.vlan}//0/0/{self.switch}/{(self.mac or '').replace(':', '')}/all/none"


def adapters_of(config: DomainConfig) -> list[Adapter]:
    """Give the adapters of a domain, in slots of their own. Raises InvalidXmlError, UnsupportedError."""
    found = []
    for slot, vif in enumerate(config.vifs, FIRST_SLOT):
        if vif.source is None or not _SWITCH.fullmatch(vif.source):
            reason = f"{vif.source!r} is no virtual switch: letters, digits, '_', '-', '.' and spaces name one"
            raise InvalidXmlError("domain/devices/interface/source", reason)
        found.append(Adapter(slot, _vlan(config, str(vif.mac)), vif.source, vif.mac))
    return found


def config_of(name: str, uuid: str, adapters: Sequence[Adapter], noted: DomainConfig | None) -> DomainConfig:
    """Write the domain that has these adapters, with all else that was noted of it.

    An adapter whose MAC address is not known yet is left out. Raises InvalidXmlError.
    """
    known = [each for each in sorted(adapters, key=lambda each: each.slot) if each.mac is not None]
    vifs = [Vif(type="bridge", mac=each.mac, source=each.switch) for each in known]
    config = as_config(name, uuid, DOMAIN_TYPE, vifs, noted.to_xml() if noted else None)
    if all(_vlan(config, str(each.mac)) == each.vlan for each in known):
        return config
    root = safe_xml.parse_again(config.to_xml())
    for each, interface in zip(known, root.iterfind("devices/interface"), strict=True):
        vlan = safe_xml.put(interface, "vlan", after="source")
        vlan.clear(keep_tail=True)
        etree.SubElement(vlan, "tag", id=str(each.vlan))
    return parse_domain(safe_xml.write(root))


def _vlan(config: DomainConfig, mac: str) -> int:
    """Read the VLAN that a vif is in untagged. Raises InvalidXmlError, UnsupportedError for a trunk."""
    vlan = safe_xml.only(safe_xml.parse_again(config.interface_xml(mac)), "vlan")
    if vlan is None:
        return DEFAULT_VLAN
    tags = [each.get("id", "") for each in vlan.findall("tag")]
    if len(tags) != 1 or vlan.get("trunk") == "yes":
        raise UnsupportedError("interface", f"the vif {mac} is to be in {len(tags)} VLANs: here it is in one, untagged")
    if not re.fullmatch("[0-9]{1,4}", tags[0]) or not 1 <= int(tags[0]) <= 4094:
        raise InvalidXmlError("domain/devices/interface/vlan/tag", f"{tags[0]!r} is no VLAN from 1 to 4094")
    return int(tags[0])


def _colons(text: str) -> str | None:
    """Write 761FA3934802 as 76:1f:a3:93:48:02. Raises ValueError."""
    return None if text in ("", "null") else bytes.fromhex(text).hex(":")
