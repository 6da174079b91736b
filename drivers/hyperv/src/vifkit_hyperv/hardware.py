"""What a domain's XML says of memory and processors, in the numbers of New-VM and Set-VM."""

from collections.abc import Mapping

from vifkit import DomainConfig
from vifkit_base.amounts import memory_MiB, vcpus

LEAST_MIB, STEP_MIB, DEFAULT_MIB = 32, 2, 512
"""Hyper-V's least memory of a virtual machine, what it must be a multiple of, and what one has that names none."""


def arguments(config: DomainConfig) -> Mapping[str, int]:
    """Give what New-VM and Set-VM are to be told: `<vcpu>`, or 1, and `<memory>`, or 512 MiB, rounded up.

    Raises InvalidXmlError.
    """
    size_MiB = max(LEAST_MIB, memory_MiB(config, STEP_MIB) or DEFAULT_MIB)
    return {"ProcessorCount": vcpus(config) or 1, "MemoryStartupBytes": size_MiB << 20}
