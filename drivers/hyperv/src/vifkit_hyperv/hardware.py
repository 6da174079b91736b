"""What a domain's XML says of memory and processors, in the numbers of New-VM and Set-VM."""

from collections.abc import Mapping

from vifkit import DomainConfig
from vifkit_base.amounts import memory_bytes, vcpus

DEFAULT_BYTES = 512 << 20
LEAST_BYTES, STEP_BYTES = 32 << 20, 2 << 20
"""Hyper-V's least memory of a virtual machine, and what it must be a multiple of."""


def arguments(config: DomainConfig) -> Mapping[str, int]:
    """Give what New-VM and Set-VM are to be told: `<vcpu>`, or 1, and `<memory>`, or 512 MiB, rounded up.

    Raises InvalidXmlError.
    """
    step = -(-(memory_bytes(config) or DEFAULT_BYTES) // STEP_BYTES) * STEP_BYTES
    return {"ProcessorCount": vcpus(config) or 1, "MemoryStartupBytes": max(LEAST_BYTES, step)}
