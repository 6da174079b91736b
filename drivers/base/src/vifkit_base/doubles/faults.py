"""A double that is slow, fails, or talks garbage, verb by verb, until it is told otherwise."""

from __future__ import annotations

import os
import time

from . import voice
from .state import Store, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .state import Document


def order(directory: str, **faults: Document) -> None:
    """Order faults, each by its verb (`ANY` for all others), in the place of those that were ordered before.

    Of a fault there may be, in this order: `sleep_s` (seconds before anything is done), `stdout` and `stderr` (text),
    `bytes` (so many letters on standard output), `status` (exits with it, and nothing is done), `after` (with
    that status, but when it is done), `times` (how often, and no more).
    """
    write(f"{directory}/faults", faults)


def fault(directory: str, verb: str) -> Document | None:
    """Take the fault of a verb, one of its times; the verb is written to the file `calls`, where that is there."""
    try:
        descriptor = os.open(f"{directory}/calls", os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, f"{verb}\n".encode())
        os.close(descriptor)
    except FileNotFoundError:
        pass
    faults = read(f"{directory}/faults")
    found: Document | None = faults.get(verb) or faults.get("ANY")
    if found is None or found.get("times") == 0:
        return None
    if "times" in found:
        with Store(directory):  # whoever comes at the same time finds one less
            found["times"] -= 1
            write(f"{directory}/faults", faults)
    return found


def suffer(found: Document | None) -> int | None:
    """Be slow, and say what the fault says; the status to exit with at once, or None to go on."""
    if found is None:
        return None
    time.sleep(found.get("sleep_s", 0))
    voice.out(found.get("stdout", "") + "x" * found.get("bytes", 0))
    voice.error(found.get("stderr", ""))
    status: int | None = None if found.get("after") else found.get("status")
    return status
