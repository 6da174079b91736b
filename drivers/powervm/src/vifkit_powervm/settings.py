"""What an LPAR is made with: its name, memory, processors and adapters, as attributes of MKSYSCFG and CHSYSCFG."""

import re

from vifkit import DomainConfig, InvalidXmlError
from vifkit_base.amounts import memory_MiB, vcpus

from . import words
from .adapters import adapters_of

PROFILE = "default_profile"
"""The profile of an LPAR that we make."""

ENV = "aixlinux"
"""What runs in an LPAR that we make or change: AIX or Linux."""

FIXED = {"max_virtual_slots": "64", "proc_mode": "shared", "sharing_mode": "uncap", "uncap_weight": "128"}
"""What each profile that we make has, and no change of ours touches."""

SMALLEST_MIB = 256
# IBM's help of the HMC ("Destination profile name") allows 31 characters of these, and ',' and '=' beside them, which
# have a meaning in a record; its Ansible collection (hmc_constants.py) asks for a letter or digit as the first.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .;:~@#^_+{}-]{0,29}[A-Za-z0-9.;:~@#^_+{}-])?")


def is_name(name: str) -> bool:
    """Tell whether an LPAR that we make may have this name."""
    return _NAME.fullmatch(name) is not None


def settings_of(config: DomainConfig, region_MiB: int) -> dict[str, str]:
    """Give the attributes that a domain's XML decides.

    Memory is rounded up to whole regions of the managed system. A virtual processor has a tenth of a real one for its
    own, the least that every system accepts, and more where others let it. Raises InvalidXmlError, UnsupportedError.
    """
    if not is_name(config.name):
        reason = f"{config.name!r} is no LPAR's name: 1 to 31 letters, digits, spaces and .;:~@#^_+{{}}- name one"
        raise InvalidXmlError("domain/name", f"{reason}, a letter or digit first")
    adapters = words.values(each.to_profile() for each in adapters_of(config)) or "none"
    processors, asked_MiB = vcpus(config) or 1, max(memory_MiB(config, 1) or 0, SMALLEST_MIB)
    size = str(-(-asked_MiB // region_MiB) * region_MiB)
    memories, units = dict.fromkeys(("min_mem", "desired_mem", "max_mem"), size), f"{processors / 10:.1f}"
    given = {"min_procs": "1", "desired_procs": str(processors), "max_procs": str(processors)}
    given |= {"min_proc_units": "0.1", "desired_proc_units": units, "max_proc_units": units}
    return memories | given | {"virtual_eth_adapters": adapters}
