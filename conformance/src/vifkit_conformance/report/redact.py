"""What must not get into a report: credentials, and characters that would act on a terminal or break XML."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|cred|auth|sign", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)(?P<user>[^:@/?#]*):(?P<password>[^/?#]*)(?=@)")
_PARAMETER = re.compile(r"(?P<name>[^?&;=#]+)=(?P<value>[^&;#]*)")
_HIDDEN = "REDACTED"
_SHORTEST = 4  # less than this is in every text


def uri(given: str) -> str:
    """Hide a URI's password, and the parameters whose names say that they are secret."""
    head, mark, query = given.partition("?")
    return _PASSWORD.sub(rf"\g<user>:{_HIDDEN}", head) + mark + _PARAMETER.sub(_shown, query)


def parameter(key: str, value: str) -> str:
    """Write KEY=VALUE, the value hidden where the key says that it is secret."""
    return f"{key}={_HIDDEN if _SECRET_NAME.search(key) else value}"


def secrets(given: str | None, parameters: Iterable[tuple[str, str]]) -> set[str]:
    """Find what a URI and its parameters want hidden, as it is written, quoted and unquoted; the longest parts only."""
    head, _, query = (given or "").partition("?")
    found = {value for key, value in parameters if _SECRET_NAME.search(key)}
    found |= {each["value"] for each in _PARAMETER.finditer(query) if _SECRET_NAME.search(each["name"])}
    found |= {each["password"] for each in _PASSWORD.finditer(head)}
    written = {form for each in found for form in (each, unquote(each), quote(each), quote(each, safe=""))}
    return {each for each in written if len(each) >= _SHORTEST}


def hidden(text: str, secret: Iterable[str]) -> str:
    """Hide secrets in a text."""
    for each in sorted(secret, key=len, reverse=True):
        text = text.replace(each, _HIDDEN)
    return text


def clean(value: Any, secret: Iterable[str] = ()) -> Any:
    """Hide secrets in every text of plain values, and escape what does not print, but for line ends and tabs."""
    if isinstance(value, str):
        return _printable(hidden(value, secret))
    if isinstance(value, dict):
        return {clean(key, secret): clean(each, secret) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean(each, secret) for each in value]
    return value


def _shown(match: re.Match[str]) -> str:
    return parameter(match["name"], match["value"])


def _printable(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text
    return "".join(each if each in "\n\t" or each.isprintable() else ascii(each)[1:-1] for each in text)
