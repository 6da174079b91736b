"""Names as vSphere keeps them, and those of the port groups that are ours."""

import re
from urllib.parse import unquote

_ESCAPED = {"%": "%25", "/": "%2f", "\\": "%5c"}
_OWN = re.compile("vifkit-([0-9a-f]{12})-(.+)", re.DOTALL)


def escaped(name: str) -> str:
    """Write a name as vSphere wants it: '%', '/' and '\\' are %25, %2f and %5c (ManagedEntity, property name)."""
    return "".join(_ESCAPED.get(each, each) for each in name)


def unescaped(name: str) -> str:
    """Read a name; one with a '/', which no domain can have, stays as it is written."""
    plain = re.sub("%(25|2f|5c)", lambda found: unquote(found[0]), name, flags=re.IGNORECASE)
    return name if "/" in plain else plain


def own(mac: str, network: str) -> str:
    """Name the port group of one vif, beside that of its network."""
    return f"vifkit-{mac.replace(':', '')}-{network}"


def owner(group: str) -> str | None:
    """Give the MAC address of the vif whose port group it is, if it is one's."""
    found = _OWN.fullmatch(group)
    return found and ":".join(re.findall("..", found[1]))


def network_of(group: str, mac: str) -> str:
    """Name the network whose port group a vif is on, or would be on without a limit of its own."""
    return group.split("-", 2)[2] if owner(group) == mac else group
