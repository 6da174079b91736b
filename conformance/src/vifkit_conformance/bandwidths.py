"""The bandwidths that most tests use."""

import re

from vifkit import Capabilities

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
"""4.096 Mbit/s guaranteed, 8.192 Mbit/s at most, 32 KiB at once."""

AVERAGE_ONLY = "<bandwidth><inbound average='512'/></bandwidth>"
LOW = "<bandwidth><inbound average='128' peak='128'/></bandwidth>"
USUAL = (REFERENCE, LOW)
"""What a domain has in tests that may be about something else."""

OUTBOUND = "<bandwidth><outbound average='512' burst='32'/></bandwidth>"


def declared(bandwidth: str, capabilities: Capabilities) -> str:
    """Take out of one of the usual what a driver does not declare: a figure, or all of it."""
    if not capabilities.inbound:
        return ""
    for figure in ("peak", "burst"):
        if not getattr(capabilities, figure):
            bandwidth = re.sub(f" {figure}='[0-9]+'", "", bandwidth)
    return bandwidth
