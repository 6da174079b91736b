"""How a double is started by hand: with a directory, or told in one line how it is."""

from __future__ import annotations

import os
import sys


def directory(package: str, more: str = "") -> str:
    """Give the directory that it is started with, or end with its usage: with status 2 for wrong words.

    `more` says what may follow the directory; nothing may, where it is empty.
    """
    usage = f"usage: python -m {package} DIRECTORY{more and f' {more}'}, a directory that is there\n"
    words = sys.argv[1:]
    if words[:1] in (["-h"], ["--help"]):
        sys.stdout.write(usage)
        sys.exit(0)
    if not words or (len(words) > 1 and not more) or not os.path.isdir(words[0]):  # noqa: PTH112
        sys.stderr.write(usage)
        sys.exit(2)
    return words[0]
