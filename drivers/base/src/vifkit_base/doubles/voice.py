"""What a double says in a call; each thread of a double that stays carries out one call at a time."""

from __future__ import annotations

from _thread import get_ident

_said: dict[int, tuple[list[str], list[str]]] = {}


def begin() -> None:
    """Begin a call."""
    _said[get_ident()] = ([], [])


def out(text: str) -> None:
    """Say something on standard output."""
    _said[get_ident()][0].append(text)


def error(text: str) -> None:
    """Say something on standard error."""
    _said[get_ident()][1].append(text)


def end() -> tuple[str, str]:
    """End the call: what was said on each."""
    output, errors = _said.pop(get_ident())
    return "".join(output), "".join(errors)
