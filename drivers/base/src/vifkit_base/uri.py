"""The URI of a hypervisor."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A URI in its parts; None, or empty, is what it does not say."""

    scheme: str
    user: str | None
    host: str | None
    port: int | None
    path: str
    query: Mapping[str, str]


def parse(uri: str, schemes: Sequence[str], parameters: Collection[str]) -> Address:
    """Read a URI of one of these schemes, whose query has none but these parameters, each once.

    A password is refused: a URI ends in logs and lists of processes; and so is a control character, also as %0A, which
    no name of a file or a user has that anybody means, a host with a space, and port 0, which would seem to be none.
    Raises ValueError, and never shows a password.
    """
    if _CONTROL.search(unquote(uri)):
        raise ValueError("the URI is not understood: a control character is in it")
    try:
        parts = urlsplit(uri)
        pairs = parse_qsl(parts.query, strict_parsing=True, keep_blank_values=True) if parts.query else []
        # What may be a password is looked for first, as messages quote: one with a '/' in it ends up in the path.
        astray = "@" in parts.path and (parts.netloc or not parts.path.startswith("/"))
        secretive = parts.password is not None or astray or "password" in dict(pairs)
        port = None if secretive else parts.port
    except ValueError:
        raise ValueError("the URI is not understood: its host, port or query is none") from None
    if not secretive and (port == 0 or any(map(str.isspace, unquote(parts.hostname or "")))):
        raise ValueError("the URI is not understood: its host has a space, or its port is 0")
    if secretive:
        raise ValueError("a URI holds no password: give credentials, or a file of them")
    query = dict(pairs)
    if parts.scheme not in schemes:
        raise ValueError(f"not understood: {uri!r}; it begins with {' or '.join(f'{each}:' for each in schemes)}")
    unknown = sorted(query.keys() - set(parameters))
    if unknown or parts.fragment or len(query) != len(pairs):
        known = ", ".join(sorted(parameters)) or "none"
        raise ValueError(f"not understood: {uri!r}; its parameters are {known}, each once")
    return Address(
        scheme=parts.scheme,
        user=None if parts.username is None else unquote(parts.username),
        host=parts.hostname,
        port=port,
        path=unquote(parts.path),
        query=query,
    )
