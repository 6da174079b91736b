"""A URI of libvirt's, with what we add to its query."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

OURS = ("db", "netns", "polices", "repair", "readonly")
# libvirt hands what it does not know to the other side, which ignores it: a misspelt readonly would do nothing. These
# are what doRemoteOpen in src/remote/remote_driver.c takes, in upper or lower case.
_LIBVIRTS = (
    "auth", "authfile", "command", "keyfile", "known_hosts", "known_hosts_verify", "mode", "name", "netcat",
    "no_sanity", "no_tty", "no_verify", "pkipath", "proxy", "socket", "sshauth", "tls_priority",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where libvirt is, and how its Open vSwitch is to be treated."""

    libvirt: str
    """The URI as libvirt gets it."""
    remote: bool
    """Whether libvirt runs on another host, or may."""
    unprivileged: bool
    """Whether it is a user's own, which has no right to plug a vif into Open vSwitch."""
    db: str | None
    """The database of its Open vSwitch; None is the local one."""
    netns: str | None
    """The network namespace of its Open vSwitch's devices; None is ours."""
    polices: bool
    """Whether the kernel of another host, at which we cannot look, is said to limit what a guest sends."""
    repair: bool
    """Whether netqos mends what libvirt leaves."""
    readonly: bool
    """Whether the connection may change nothing."""


def parse_uri(uri: str, schemes: Sequence[str], *, switched: bool = True) -> Address:
    """Take our parameters out of a URI, and leave all else as it is written.

    Where it is not `switched` there is no Open vSwitch beside libvirt, and none to be named. Raises ValueError for what
    is not understood, and for a remote libvirt that is to be repaired without `db`.
    """
    if "@" in uri and urlsplit(uri).password is not None:
        raise ValueError("a URI holds no password, as it is shown and logged: give credentials")
    if not uri.isprintable() or {" ", "#"} & set(uri):
        raise ValueError(f"not understood: {uri!r}; a space is written %20, and a # %23")
    parts = urlsplit(uri)
    scheme, _, transport = parts.scheme.partition("+")
    if scheme not in schemes:
        raise ValueError(f"not understood: {uri!r}; {' or '.join(f'{each}:///system' for each in schemes)} is")
    where, _, query = uri.partition("?")
    asked: dict[str, str] = {}
    theirs = []
    for piece in filter(None, query.split("&")):
        name, _, value = piece.partition("=")
        if name in (OURS if switched else ("readonly",)):
            if name in asked or not value:
                raise ValueError(f"not understood: {uri!r}; {name} is given once, with a value")
            asked[name] = unquote(value)
        elif name.lower() in _LIBVIRTS:
            theirs.append(piece)
        else:
            raise ValueError(f"not understood: {uri!r}; neither we nor libvirt have a parameter {name!r}")
    address = Address(
        libvirt=where + ("?" if theirs else "") + "&".join(theirs),
        remote=bool(parts.netloc) or transport not in ("", "unix"),
        unprivileged=parts.path == "/session",
        db=asked.get("db"),
        netns=asked.get("netns"),
        polices=_switch(uri, asked, "polices", default=False),
        repair=_switch(uri, asked, "repair", default=switched),
        readonly=_switch(uri, asked, "readonly", default=False),
    )
    if address.repair and address.remote and address.db is None:
        raise ValueError(f"{uri}: the Open vSwitch of another host has no default: name it by db=, or say repair=off")
    return address


def _switch(uri: str, asked: dict[str, str], name: str, *, default: bool) -> bool:
    word = asked.get(name, "on" if default else "off")
    if word not in ("on", "off"):
        raise ValueError(f"not understood: {uri!r}; {name} is on or off")
    return word == "on"
