"""Names as vSphere keeps them, and those of the port groups that are ours."""

import re
from urllib.parse import unquote

from vifkit import InvalidXmlError

LONGEST = 80
"""How many characters a virtual machine's name may have, as it is written, and a distributed port group's.

("Up to 80 characters may be used (fewer if the characters %, \\ or / are used)", the vSphere Client says. VMware
Knowledge Base, 2051649: 80 since vCenter Server 5.0.)
"""
_ESCAPED = str.maketrans({"%": "%25", "/": "%2f", "\\": "%5c"})


def escaped(name: str, path: str = "domain/name") -> str:
    """Write a name as vSphere wants it: '%', '/' and '\\' are %25, %2f and %5c (ManagedEntity, property name).

    Raises InvalidXmlError for one that is too long then, with the path of where it was given.
    """
    if len(text := name.translate(_ESCAPED)) > LONGEST:
        raise InvalidXmlError(path, f"{name[:20]!r}… has more than {LONGEST} characters, '%', '/' and '\\' being three")
    return text


def unescaped(name: str) -> str:
    """Read a name."""
    return re.sub("%(25|2f|5c)", lambda found: unquote(found[0]), name, flags=re.IGNORECASE)


def own(uuid: str, mac: str, network: str = "") -> str:
    """Name the port group of one vif, beside that of its network; the vif's part alone tells it from all others.

    (One MAC address may be in use twice.)
    """
    return f"vifkit-{uuid[:8]}-{mac.replace(':', '')}-{network}"
