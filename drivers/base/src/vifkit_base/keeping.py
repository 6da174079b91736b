"""Notes that go through a hypervisor's own program: as one argument, and renewed as a domain changes."""

from vifkit import DomainConfig, InvalidXmlError, State

from .hypervisor import Machine
from .notes import note

LONGEST = 100_000
"""Linux lets one argument of a program have 128 KiB (MAX_ARG_STRLEN in include/uapi/linux/binfmts.h)."""


def argument(config: DomainConfig, *, transient: bool, waiting: DomainConfig | None = None) -> str:
    """Write a note that fits an argument. Raises InvalidXmlError."""
    text = note(config, transient=transient, waiting=waiting)
    if len(text) > LONGEST:
        raise InvalidXmlError("domain", f"its XML is too long to be kept: {len(text)} bytes, even packed")
    return text


def renewed(now: Machine, config: DomainConfig, *, running: bool) -> str:
    """Write the note of a domain that was changed, as it runs or as its definition (see `Hypervisor.keep`)."""
    if running:
        return argument(config, transient=now.transient, waiting=now.waiting)
    if now.state is State.SHUTOFF:
        return argument(config, transient=False)
    waiting = None if config.to_xml() == now.config.to_xml() else config
    return argument(now.config, transient=False, waiting=waiting)
