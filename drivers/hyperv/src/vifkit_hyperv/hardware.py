"""What a domain's XML says of memory and processors, in the numbers of New-VM and Set-VM."""

from collections.abc import Mapping

from vifkit import DomainConfig, InvalidXmlError, safe_xml

_UNITS = {"b": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {name: 1024**power for power, each in enumerate("kmgt", 1) for name in (each, f"{each}ib")}
LEAST_BYTES, STEP_BYTES = 32 << 20, 2 << 20
"""Hyper-V's least memory of a virtual machine, and what it must be a multiple of."""


def arguments(config: DomainConfig) -> Mapping[str, int]:
    """Give what New-VM and Set-VM are to be told: `<vcpu>`, or 1, and `<memory>`, or 512 MiB, rounded up.

    Raises InvalidXmlError.
    """
    memory_bytes = _read(config, "memory", 524_288, "KiB")
    step = -(-memory_bytes // STEP_BYTES) * STEP_BYTES
    return {"ProcessorCount": _read(config, "vcpu", 1, "b"), "MemoryStartupBytes": max(LEAST_BYTES, step)}


def _read(config: DomainConfig, tag: str, default: int, unit: str) -> int:
    element = safe_xml.only(safe_xml.parse_again(config.to_xml()), tag)
    text = str(default) if element is None else (element.text or "").strip()
    factor = _UNITS.get((unit if element is None else element.get("unit", unit)).lower())
    if factor is None or not text.isascii() or not text.isdecimal() or not 0 < int(text[:16]) < 10**15:
        raise InvalidXmlError(f"domain/{tag}", f"{text[:40]!r} is no number of a unit that is known")
    return int(text) * factor
