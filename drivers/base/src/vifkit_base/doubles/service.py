"""A double that stays, as a hypervisor's own service does: what is run for a call is a shell script that asks it.

To start Python anew for each of some thousand calls takes longer than all that they do, and so does whatever else the
script would start: of its words each is the shell's own.
"""

from __future__ import annotations

import os
import select
import shlex
import sys
import threading
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[str, list[str]], tuple[int, str, str]]

CALLS = 64
"""How many may be under way at once."""

# Its standard output is number 3 as well, as `echo` has another for a moment. Of those who ask at once each has the
# first file that it finds missing (`set -C`), and the named pipe of its number.
CLIENT = """\
#!/bin/sh
exec 3>&1
set -C
call=1
until printf '%s\\000' "$$" "$@" >{directory}/call.$call
do
    [ "$call" -lt {calls} ] || exit 1
    call=$((call + 1))
done 2>/dev/null
echo "$call" >{directory}/requests
read -r status <{directory}/ended.$call
exit "$status"
"""


def write_client(program: Path) -> None:
    """Write the program that asks the double of its own directory."""
    program.write_text(CLIENT.format(directory=shlex.quote(str(program.parent)), calls=CALLS), encoding="utf-8")
    program.chmod(0o755)


def serve(directory: str, answer: Answer) -> None:
    """Answer calls until this process is ended; it says so, once, when it is ready."""
    for name in ("requests", *(f"ended.{call}" for call in range(1, CALLS + 1))):
        os.mkfifo(f"{directory}/{name}", 0o600)
    with os.fdopen(os.open(f"{directory}/requests", os.O_RDWR), encoding="ascii") as requests:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for line in requests:
            threading.Thread(target=_call, args=(Path(directory), int(line), answer), daemon=True).start()


def _call(directory: Path, call: int, answer: Answer) -> None:
    asked = directory / f"call.{call}"
    process, *arguments = asked.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
    with ExitStack() as caller, suppress(OSError):  # whoever asked may have been killed
        ended = os.open(directory / f"ended.{call}", os.O_RDWR)  # does not wait for one that has given up
        caller.callback(os.close, ended)  # what is in it goes with its last holder
        life = os.pidfd_open(int(process))
        caller.callback(os.close, life)
        # Opened now, as later another process may have this number.
        output, errors = (caller.enter_context(_stream(process, number)) for number in (3, 2))
        status, *said = answer(str(directory), arguments)
        for stream, text in zip((output, errors), said, strict=True):
            with suppress(BrokenPipeError), stream:
                _write(stream, text.encode(errors="surrogateescape"))
        os.write(ended, f"{status}\n".encode())
        select.select([life], [], [])
    asked.unlink()


def _stream(process: str, number: int) -> FileIO:
    """Open a stream of another process's, a pipe or a terminal, beside itself."""
    return FileIO(os.open(f"/proc/{process}/fd/{number}", os.O_WRONLY | os.O_APPEND), "w")


def _write(stream: FileIO, said: bytes) -> None:
    while said:
        said = said[stream.write(said) :]
