"""What is said to the HMC's restricted shell, and what it says: quoted, written and read in this one place.

The shell takes a command as one line of text, as bash does. Attributes are records of comma-separated values, in which
what holds a comma is quoted as a whole, and a quote in it doubled (IBM, "HMC Manual Reference Pages": MKSYSCFG,
CHSYSCFG; `-F` and `--header` of LSSYSCFG).
"""

import csv
import io
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from vifkit import BackendError, VifkitError

Argument = str | tuple[str, str]
"""A flag alone, or with its value."""


def command_line(program: str, *arguments: Argument) -> str:
    """Write a command for a POSIX shell, so that no character of a value is more than itself.

    Raises BackendError for what cannot be passed: a character that is not printable, such as a newline or NUL, and a
    value that begins with a dash, which might be taken for a flag.
    """
    line = [program]
    for argument in arguments:
        flag, *value = (argument,) if isinstance(argument, str) else argument
        if value and value[0].startswith("-"):
            raise BackendError(f"{value[0]!r} begins with a dash: the HMC might take it for a flag")
        line += [flag, *value]
    for word in line:
        if not word.isprintable():
            raise BackendError(f"{word!r} has a character that no line for the HMC's shell can hold")
    return shlex.join(line)


def record(attributes: Mapping[str, str]) -> str:
    """Write an attribute record, as `-i` and `--filter` take it."""
    return values(f"{name}={value}" for name, value in attributes.items())


def values(items: Iterable[str]) -> str:
    """Write the value of an attribute that is a list, such as `virtual_eth_adapters`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(list(items))
    return text.getvalue()


def items(value: str) -> list[str]:
    """Read the value of an attribute that is a list. Raises ValueError, csv.Error."""
    return [] if value in ("", "none", "null") else _rows(value)[0]


def table(text: str, attributes: Sequence[str]) -> list[dict[str, str]]:
    """Read what `-F` with these attributes and `--header` gives. Raises BackendError for anything else."""
    if text.strip() == "No results were found.":  # with status 0
        return []
    with understood():
        header, *rows = _rows(text)
        if header != list(attributes):
            raise ValueError("it is no table of what was asked for")
        return [dict(zip(header, row, strict=True)) for row in rows]


@contextmanager
def understood() -> Iterator[None]:
    """Raise BackendError for an answer that is none."""
    try:
        yield
    except VifkitError:
        raise
    except (ValueError, IndexError, csv.Error) as error:
        raise BackendError(f"the HMC's answer is not understood: {error}") from error


def _rows(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text), strict=True) if row]
