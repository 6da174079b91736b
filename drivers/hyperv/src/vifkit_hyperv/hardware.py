"""What a domain's XML says of memory and processors, in the numbers of New-VM and Set-VM."""

from collections.abc import Mapping

from vifkit import DomainConfig, InvalidXmlError, safe_xml

_UNITS = {"b": 1, "bytes": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DECIMAL = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
LEAST_BYTES, STEP_BYTES = 32 << 20, 2 << 20
"""Hyper-V's least memory of a virtual machine, and what it must be a multiple of."""


def memory_bytes(config: DomainConfig) -> int:
    """Read `<memory>`, in KiB where it names no unit, rounded up to what Hyper-V takes; 512 MiB where there is none.

    Raises InvalidXmlError.
    """
    element = safe_xml.only(safe_xml.parse_again(config.to_xml()), "memory")
    if element is None:
        return 512 << 20
    unit = element.get("unit", "KiB").lower()
    factor = _DECIMAL.get(unit) or _UNITS.get(unit.removesuffix("ib"))
    text = (element.text or "").strip()
    if factor is None or not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise InvalidXmlError("domain/memory", f"{text[:40]!r} {unit!r} is no size of memory")
    return max(LEAST_BYTES, -(-int(text) * factor // STEP_BYTES) * STEP_BYTES)


def arguments(config: DomainConfig) -> Mapping[str, int]:
    """Give what Set-VM is to be told of a virtual machine that is off. Raises InvalidXmlError."""
    element = safe_xml.only(safe_xml.parse_again(config.to_xml()), "vcpu")
    text = "1" if element is None else (element.text or "").strip()
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= 2048:
        raise InvalidXmlError("domain/vcpu", f"{text[:40]!r} is no number of processors from 1 to 2048")
    return {"ProcessorCount": int(text), "MemoryStartupBytes": memory_bytes(config)}
