"""The HMC's shell, a restricted bash, as far as it reads one plain command."""

import re
import shlex

# What bash would act on: anywhere but in single quotes, and anywhere but in quotes of either kind.
_ACTIVE = re.compile(r"[$`\\!]")
_ACTIVE_UNQUOTED = re.compile(r"[|&;<>()*?\[\]{}~#\n\r\0]")
_PARTS = re.compile(r"""'[^']*'|"(?P<double>(?:[^"\\]|\\.)*)"|\\[^\n]|(?P<bare>[^'"\\]+)""", re.DOTALL)


class ShellError(Exception):
    """The line is more than one plain command, or not even that."""


def split(line: str) -> list[str]:
    """Give the words of a line, as bash does after it has taken the quotes away.

    `shlex` does that, but hands on what bash would expand, so this is refused. Raises ShellError.
    """
    end = 0
    for part in _PARTS.finditer(line):
        if part.start() != end:
            break
        end = part.end()
        double, bare = re.sub(r'\\["\\]', "", part["double"] or ""), part["bare"] or ""
        if _ACTIVE.search(double) or _ACTIVE.search(bare) or _ACTIVE_UNQUOTED.search(bare):
            raise ShellError("this shell expands, redirects and joins nothing")
    if end != len(line) or "\0" in line:
        raise ShellError("unexpected EOF while looking for matching quote")
    return shlex.split(line)
