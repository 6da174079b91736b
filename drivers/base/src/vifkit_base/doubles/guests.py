"""A guest that really runs: a process in a network namespace of its own, which ends with whoever runs the double."""

# ruff: noqa: PTH123 (pathlib takes as long to import as all the rest)

from __future__ import annotations

import os
import time

SECONDS = 5.0


def start(alive: str) -> int:
    """Start a guest, and give its process id; it reads the named pipe `alive`, and so ends with who holds that open."""
    import subprocess

    if not os.path.exists(alive):  # noqa: PTH110
        os.mkfifo(alive, 0o600)
    guest = subprocess.Popen(
        ["unshare", "--net", "--", "cat", alive],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + SECONDS
    while not runs(guest.pid, alive):
        if guest.poll() is not None or time.monotonic() > end:
            raise OSError(f"no guest runs: unshare ended with {guest.returncode}")
        time.sleep(0.001)
    guest.returncode = 0  # it is to outlive this process, which therefore does not wait for it
    return guest.pid


def runs(pid: int | None, alive: str) -> bool:
    """Tell whether a guest still runs; its number may be another process's by now."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read() == f"cat\0{alive}\0"
    except OSError:
        return False


def end(pid: int | None, alive: str) -> None:
    """End a guest at once, and see it gone."""
    until = time.monotonic() + SECONDS
    while runs(pid, alive) and pid is not None and time.monotonic() < until:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            return
        _reap(pid)
        time.sleep(0.001)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # it was another process's child


def command(*argv: str, inside: int | None = None) -> None:
    """Run a command, in a guest's namespace or here. Raises OSError with what it said."""
    import subprocess

    where = () if inside is None else ("nsenter", f"--net=/proc/{inside}/ns/net", "--")
    done = subprocess.run([*where, *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{argv[0]} ended with status {done.returncode}")
