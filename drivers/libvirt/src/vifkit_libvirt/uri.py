"""A URI of libvirt's, with what we add to its query."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

OURS = ("db", "netns", "repair", "readonly")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where libvirt is, and how its Open vSwitch is to be treated."""

    libvirt: str
    """The URI as libvirt gets it."""
    remote: bool
    """Whether libvirt runs on another host, or may."""
    db: str | None
    """The database of its Open vSwitch; None is the local one."""
    netns: str | None
    """The network namespace of its Open vSwitch's devices; None is ours."""
    repair: bool
    """Whether netqos mends what libvirt leaves."""
    readonly: bool
    """Whether the connection may change nothing."""


def parse_uri(uri: str, schemes: Sequence[str]) -> Address:
    """Take our parameters out of a URI, and leave all else as it is. Raises ValueError for what is not understood."""
    parts = urlsplit(uri)
    scheme, _, transport = parts.scheme.partition("+")
    if scheme not in schemes:
        raise ValueError(f"not understood: {uri!r}; {' or '.join(f'{each}:///system' for each in schemes)} is")
    pieces = [piece for piece in parts.query.split("&") if piece]
    mine = [piece for piece in pieces if piece.partition("=")[0] in OURS]
    asked = dict(parse_qsl("&".join(mine), keep_blank_values=True))
    if len(asked) != len(mine) or not all(asked.values()):
        raise ValueError(f"not understood: {uri!r}; {', '.join(OURS)} are given once, each with a value")
    theirs = "&".join(piece for piece in pieces if piece not in mine)
    return Address(
        libvirt=parts._replace(query=theirs).geturl(),
        remote=bool(parts.netloc) or transport not in ("", "unix"),
        db=asked.get("db"),
        netns=asked.get("netns"),
        repair=_switch(uri, asked, "repair", default=True),
        readonly=_switch(uri, asked, "readonly", default=False),
    )


def _switch(uri: str, asked: dict[str, str], name: str, *, default: bool) -> bool:
    word = asked.get(name, "on" if default else "off")
    if word not in ("on", "off"):
        raise ValueError(f"not understood: {uri!r}; {name} is on or off")
    return word == "on"
