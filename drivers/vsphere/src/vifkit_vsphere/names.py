"""Names as vSphere keeps them, and those of the port groups that are ours."""

import re
from urllib.parse import unquote

_ESCAPED = {"%": "%25", "/": "%2f", "\\": "%5c"}
_OWN = re.compile("vifkit-([0-9a-f]{8}-[0-9a-f]{12})-.+", re.DOTALL)


def escaped(name: str) -> str:
    """Write a name as vSphere wants it: '%', '/' and '\\' are %25, %2f and %5c (ManagedEntity, property name)."""
    return "".join(_ESCAPED.get(each, each) for each in name)


def unescaped(name: str) -> str:
    """Read a name; one with a '/', which no domain can have, stays as it is written."""
    plain = re.sub("%(25|2f|5c)", lambda found: unquote(found[0]), name, flags=re.IGNORECASE)
    return name if "/" in plain else plain


def tag(uuid: str, mac: str) -> str:
    """Tell a vif from all others; one MAC address may be in use twice."""
    return f"{uuid[:8]}-{mac.replace(':', '')}"


def own(tag: str, network: str) -> str:
    """Name the port group of one vif, beside that of its network."""
    return f"vifkit-{tag}-{network}"


def owner(group: str) -> str | None:
    """Give the tag of the vif whose port group it is, if it is one's."""
    found = _OWN.fullmatch(group)
    return found and found[1]


def network_of(group: str, tag: str) -> str:
    """Name the network whose port group a vif is on, or would be on without a limit of its own."""
    return group.removeprefix(own(tag, ""))
