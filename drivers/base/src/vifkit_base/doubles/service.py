"""A double that stays, as a hypervisor's own service does: what is run for a call is a shell script that asks it.

To start Python anew for each of some thousand calls takes longer than all that they do.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[str, list[str]], tuple[int, str, str]]

CLIENT = """\
#!/bin/sh
call={directory}/call.$$
for each in "$@"; do printf '%s\\000' "$each"; done >"$call.arguments"
mkfifo -m 600 "$call.ended" || exit 1
echo "$$" >{directory}/requests
read -r status <"$call.ended"
[ ! -s "$call.output" ] || cat "$call.output"
[ ! -s "$call.error" ] || cat "$call.error" >&2
exit "$status"
"""


def write_client(program: Path) -> None:
    """Write the program that asks the double of its own directory."""
    program.write_text(CLIENT.format(directory=shlex.quote(str(program.parent))), encoding="utf-8")
    program.chmod(0o755)


def serve(directory: str, answer: Answer) -> None:
    """Answer calls until this process is ended; it says so, once, when it is ready."""
    os.mkfifo(f"{directory}/requests", 0o600)
    with os.fdopen(os.open(f"{directory}/requests", os.O_RDWR), encoding="ascii") as requests:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for line in requests:
            threading.Thread(target=_call, args=(Path(directory), f"call.{int(line)}", answer), daemon=True).start()


def _call(directory: Path, call: str, answer: Answer) -> None:
    asked = directory / f"{call}.arguments"
    arguments = asked.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
    asked.unlink()
    status, output, errors = answer(str(directory), arguments)
    (directory / f"{call}.output").write_text(output, encoding="utf-8", errors="surrogateescape")
    (directory / f"{call}.error").write_text(errors, encoding="utf-8", errors="surrogateescape")
    ended = os.open(directory / f"{call}.ended", os.O_RDWR)  # does not wait for a caller that has given up
    os.write(ended, f"{status}\n".encode())
    process = Path("/proc", call.partition(".")[2])
    while process.exists():  # what is in a pipe goes with its last holder
        threading.Event().wait(0.002)
    os.close(ended)
    for each in directory.glob(f"{call}.*"):
        each.unlink()
