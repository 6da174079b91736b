"""The memory and the processors that a domain's XML asks for."""

from vifkit import DomainConfig, InvalidXmlError, safe_xml

_UNITS = {"b": 1, "byte": 1, "bytes": 1}
for _power, _letter in enumerate("kmgt", 1):
    _UNITS |= {_letter: 1024**_power, f"{_letter}ib": 1024**_power, f"{_letter}b": 1000**_power}


def memory_bytes(config: DomainConfig) -> int | None:
    """Give `<memory>` in bytes; None where there is none. Raises InvalidXmlError for an amount that is none.

    (Units are libvirt's, KiB where none is named: "Domain XML format", Memory Allocation; virScaleInteger in
    src/util/virutil.c takes them in upper and lower case.)
    """
    return _amount(config, "memory", "KiB")


def memory_MiB(config: DomainConfig, step_MiB: int) -> int | None:
    """Give `<memory>` in MiB, up to the next whole step; None where there is none. Raises InvalidXmlError."""
    found = memory_bytes(config)
    return None if found is None else -(-found // (step_MiB << 20)) * step_MiB


def vcpus(config: DomainConfig) -> int | None:
    """Give `<vcpu>`; None where there is none. Raises InvalidXmlError for a number that is none."""
    return _amount(config, "vcpu", "b")


def _amount(config: DomainConfig, tag: str, unit: str) -> int | None:
    element = safe_xml.only(safe_xml.parse_again(config.to_xml()), tag)
    if element is None:
        return None
    text, unit = (element.text or "").strip(), element.get("unit", unit)
    sound = text.isascii() and text.isdecimal() and len(text) <= 15 and int(text) > 0
    if not sound or unit.lower() not in _UNITS:
        raise InvalidXmlError(f"domain/{tag}", f"not understood: {text[:20]!r} {unit[:20]!r}")
    return int(text) * _UNITS[unit.lower()]
