"""What an LPAR is made with: its name, memory, processors and adapters, as attributes of MKSYSCFG and CHSYSCFG."""

import re

from lxml import etree

from vifkit import DomainConfig, InvalidXmlError, safe_xml

from .adapters import FIRST_SLOT, adapters_of, profile_value

PROFILE = "default_profile"
"""The profile of an LPAR that we make."""

CHANGED = (
    *("min_mem", "desired_mem", "max_mem"),
    *("min_procs", "desired_procs", "max_procs", "min_proc_units", "desired_proc_units", "max_proc_units"),
    *("max_virtual_slots", "virtual_eth_adapters"),
)
"""The attributes of a profile that a domain's XML decides."""

FIXED = {"lpar_env": "aixlinux", "proc_mode": "shared", "sharing_mode": "uncap", "uncap_weight": "128"}
"""What each LPAR that we make has."""

SMALLEST_MIB = 256
_SLOTS = 64
# KB is a thousand bytes, and k, like KiB, 1024 (libvirt, formatdomain: "Memory Allocation").
_UNIT = re.compile("([kKMGT])(B|iB)?")
# IBM's help of the HMC ("Destination profile name") allows 31 characters of these, and ',' and '=' beside them, which
# have a meaning in a record; its Ansible collection (hmc_constants.py) asks for a letter or digit as the first.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .;:~@#^_+{}-]{0,29}[A-Za-z0-9.;:~@#^_+{}-])?")


def is_name(name: str) -> bool:
    """Tell whether an LPAR that we make may have this name."""
    return _NAME.fullmatch(name) is not None


def settings_of(config: DomainConfig, region_MiB: int) -> dict[str, str]:
    """Give the attributes that a domain's XML decides, those of CHANGED.

    Memory is rounded up to whole regions of the managed system. A virtual processor has a tenth of a real one for its
    own, the least that every system accepts, and more where others let it. Raises InvalidXmlError, UnsupportedError.
    """
    if not is_name(config.name):
        reason = f"{config.name!r} is no LPAR's name: 1 to 31 letters, digits, spaces and .;:~@#^_+{{}}- name one"
        raise InvalidXmlError("domain/name", f"{reason}, a letter or digit first")
    root = safe_xml.parse_again(config.to_xml())
    adapters = adapters_of(config)
    processors, memory = _number(root, "vcpu", 1), safe_xml.only(root, "memory")
    unit = _UNIT.fullmatch("KiB" if memory is None else memory.get("unit", "KiB"))
    if unit is None:
        raise InvalidXmlError("domain/memory", "the unit is none of KiB, MiB, GiB, TiB, KB, MB, GB, TB")
    unit_bytes = (1000 if unit[2] == "B" else 1024) ** " KMGT".index(unit[1].upper())
    asked_MiB = -(-_number(root, "memory", SMALLEST_MIB << 10) * unit_bytes // 2**20)
    size = str(-(-max(asked_MiB, SMALLEST_MIB) // region_MiB) * region_MiB)
    units = f"{processors / 10:.1f}"
    slots = str(max(_SLOTS, FIRST_SLOT + len(adapters) + 1))
    return dict(
        zip(
            CHANGED,
            (*(size,) * 3, "1", str(processors), str(processors), "0.1", units, units, slots, profile_value(adapters)),
            strict=True,
        )
    )


def _number(root: etree._Element, tag: str, otherwise: int) -> int:
    element = safe_xml.only(root, tag)
    text = str(otherwise) if element is None else (element.text or "").strip()
    if not re.fullmatch("[0-9]{1,12}", text) or not int(text):
        raise InvalidXmlError(f"domain/{tag}", f"{text[:20]!r} is no number above zero")
    return int(text)
