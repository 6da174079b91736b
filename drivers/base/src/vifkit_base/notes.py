"""What a hypervisor has no field for, kept in a text that it does have: a description, an annotation, extra data."""

import base64
import binascii
import json
import zlib
from dataclasses import asdict, dataclass

from vifkit import DomainConfig

_MARK = "vifkit1:"
_MAX_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """What was kept with a domain."""

    xml: str
    """The domain's XML, as it was when it was kept."""
    transient: bool
    """Whether it was created and not defined."""
    waiting: str | None
    """The XML of the definition that holds from the next start."""


NOTHING = Noted(xml="", transient=False, waiting=None)
"""Of a machine of somebody else's."""


def note(config: DomainConfig, *, transient: bool, waiting: DomainConfig | None = None) -> str:
    """Write a note: one line of ASCII, without spaces and quotes."""
    kept = Noted(xml=config.to_xml(), transient=transient, waiting=waiting.to_xml() if waiting else None)
    return written(kept)


def written(kept: Noted) -> str:
    """Write a note of what was noted, or of what is to be."""
    return _MARK + base64.urlsafe_b64encode(zlib.compress(json.dumps(asdict(kept)).encode(), 9)).decode()


def in_text(text: str, line: str) -> str:
    """Put a note into a text as its last line, in the place of any other; what a person has written stays."""
    return "\n".join([*(each for each in text.splitlines() if _MARK not in each), line])


def noted(text: str) -> Noted | None:
    """Read a note, whatever stands around it; None where there is none, or a damaged one."""
    _, mark, rest = text.partition(_MARK)
    words = rest.split(maxsplit=1)
    if not mark or not words:
        return None
    try:
        unpacked = zlib.decompressobj()
        kept = json.loads(unpacked.decompress(base64.urlsafe_b64decode(words[0]), _MAX_BYTES))
        found = Noted(xml=kept["xml"], transient=kept["transient"], waiting=kept["waiting"])
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError):
        return None
    kinds = (found.xml, str), (found.transient, bool), (found.waiting, str | None)
    return found if all(isinstance(*each) for each in kinds) else None
