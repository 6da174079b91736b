"""The memory and the processors that a domain's XML asks for."""

from vifkit import DomainConfig, InvalidXmlError, safe_xml

_UNITS = {"b": 1, "byte": 1, "bytes": 1}
for _power, _letter in enumerate("kmgtpe", 1):
    _UNITS |= {_letter: 1024**_power, f"{_letter}ib": 1024**_power, f"{_letter}b": 1000**_power}

MOST_BYTES = 1 << 52
"""What a processor can address (AMD64 Architecture Programmer's Manual, volume 2, "Physical-Address Extensions")."""
MOST_VCPUS = 1 << 14
"""How many processors libvirt can tell apart (VIR_DOMAIN_CPUMASK_LEN in src/conf/domain_conf.h)."""


def memory_bytes(config: DomainConfig) -> int | None:
    """Give `<memory>` in bytes; None where there is none. Raises InvalidXmlError for an amount that is none.

    (Units are libvirt's, KiB where none is named: "Domain XML format", Memory Allocation; virScaleInteger in
    src/util/virutil.c takes them in upper and lower case.)
    """
    element = safe_xml.only(safe_xml.parse_again(config.to_xml()), "memory")
    unit = "KiB" if element is None else element.get("unit", "KiB")
    return None if element is None else _amount("memory", element.text, unit, _UNITS.get(unit.lower(), 0), MOST_BYTES)


def memory_MiB(config: DomainConfig, step_MiB: int) -> int | None:
    """Give `<memory>` in MiB, up to the next whole step; None where there is none. Raises InvalidXmlError."""
    found = memory_bytes(config)
    return None if found is None else -(-found // (step_MiB << 20)) * step_MiB


def vcpus(config: DomainConfig) -> int | None:
    """Give `<vcpu>`; None where there is none. Raises InvalidXmlError for a number that is none."""
    element = safe_xml.only(safe_xml.parse_again(config.to_xml()), "vcpu")
    return None if element is None else _amount("vcpu", element.text, "", 1, MOST_VCPUS)


def _amount(tag: str, given: str | None, unit: str, factor: int, most: int) -> int:
    text = (given or "").strip().lstrip("0") or "0"
    told = " ".join(repr(each[:20]) for each in (text, unit) if each)
    if not text.isascii() or not text.isdecimal() or text == "0" or not factor:
        raise InvalidXmlError(f"domain/{tag}", f"not understood: {told}")
    if len(text) > 20 or int(text) * factor > most:
        raise InvalidXmlError(f"domain/{tag}", f"more than any machine has: {told}")
    return int(text) * factor
