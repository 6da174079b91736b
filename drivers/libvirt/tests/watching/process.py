"""The service as a process."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from vifkit_conformance.lab import until
from vifkit_conformance.lab.command import mortal

from .domains import Guest
from .host import Host

COMMAND = str(Path(sysconfig.get_path("scripts"), "vifkit-libvirt"))
SECONDS_A_TICK = 1 / os.sysconf("SC_CLK_TCK")


class Watch:
    """A running `vifkit-libvirt watch`; a context manager, entered when the service is ready."""

    def __init__(self, host: Host, *kinds: str, options: tuple[str, ...] = (), db: str | None = None) -> None:
        self.host = host
        self._output, self._errors = (host.lab.directory / f"watch.{name}" for name in ("out", "err"))
        self.uris = [host.libvirtd.uri(kind).replace(host.lab.ovs.db, db or host.lab.ovs.db) for kind in kinds]
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                mortal([COMMAND, "watch", *self.uris, *options]), stdout=output, stderr=errors, stdin=subprocess.DEVNULL
            )

    def __enter__(self) -> Self:
        try:
            self.wait_until(lambda: "watching" in self._output.read_text(), "the service is ready", 20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Ask it to end; give its exit code."""
        self.process.terminate()
        return self.process.wait(10)

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = 5) -> None:
        """Wait for a condition while the service runs."""
        until(lambda: self.process.poll() is not None or condition(), f"{what}; it said: {self.lines()}", seconds)
        assert self.process.poll() is None, self.lines()

    def wait_for_limit(self, guest: Guest, limit: tuple[int, int] | None, seconds: float = 5) -> None:
        """Wait until the kernel limits a vif like this."""
        try:
            self.wait_until(lambda: self.host.limit(guest) == limit, f"{guest.name} is limited to {limit}", seconds)
        except Exception as error:
            raise AssertionError(f"{error}: the limit is {self.host.limit(guest)}; {self.lines()}") from error

    def lines(self) -> list[str]:
        """Give what it has written."""
        return [*self._output.read_text().splitlines(), *self._errors.read_text().splitlines()]

    def passes(self) -> list[dict[str, Any]]:
        """Give what it has said of its passes with --json."""
        return [each for each in map(json.loads, self._output.read_text().splitlines()) if "read" in each]

    def cpu_seconds(self) -> float:
        """Give the processor time that it has taken (proc(5), stat)."""
        figures = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(figures[11]) + int(figures[12])) * SECONDS_A_TICK


def once(host: Host, *kinds: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run the service once."""
    uris = [host.libvirtd.uri(kind) for kind in kinds]
    return subprocess.run([COMMAND, "watch", "--once", *uris, *options], capture_output=True, text=True, check=False)
