"""The host's end of the line to the agent that runs in the guest."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Interface
from itertools import count
from pathlib import Path
from typing import Self

from vifkit_conformance.lab import UDP_PORT, Endpoint, LabError, Measurement, until

_CONNECT_SECONDS = 10.0
_BOOT_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
_HELLO_SECONDS = 2.0
_LINES_SHOWN = 5


class QemuGuest(Endpoint):
    """The end of one vif in a guest of QEMU that runs `agent.c`; a context manager.

    Its block begins when the guest has booted. QEMU serves one of them at a time on a channel. All that it does
    raises LabError if the guest does not do it, or does not answer.
    """

    def __init__(self, channel: Path, mac: str) -> None:
        self.channel = channel
        self.mac = mac

    def __enter__(self) -> Self:
        self._pending = b""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            until(self._connected, f"QEMU answers at {self.channel}", _CONNECT_SECONDS)
            self._greet()
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def add_address(self, address: str) -> None:
        """Switch the device on with an IPv4 address, in place of one that it had."""
        interface = IPv4Interface(address)
        self._ask(f"address {self.mac} {interface.ip} {interface.netmask}")

    def add_neighbour(self, address: str, mac: str) -> None:
        """Give the guest's kernel a permanent entry."""
        self._ask(f"neighbour {self.mac} {address} {mac}")

    def receive(self, address: str, seconds: float) -> Measurement:
        """Have the guest count what a socket receives."""
        lines = self._ask(f"receive {address} {UDP_PORT} {seconds}", seconds + _ANSWER_SECONDS)
        samples = (line.split() for line in lines)
        return Measurement(tuple((int(microseconds) / 1e6, int(total)) for microseconds, total in samples))

    @contextmanager
    def sending(self, address: str, rate_bps: float, seconds: float) -> Iterator[None]:
        """Have the guest send, and stop it."""
        self._say(f"send {address} {UDP_PORT} {rate_bps} {seconds}")
        try:
            yield
        finally:
            self._say("")
            self._answer(_ANSWER_SECONDS)

    def _connected(self) -> bool:
        return self._socket.connect_ex(str(self.channel)) == 0

    def _greet(self) -> None:
        """Say hello, again when the guest is ready and now and then, until it does.

        What was said while it booted may be lost, in part as well, and may be echoed. What it says before is not for
        us, or is the kernel's.
        """
        deadline = time.monotonic() + _BOOT_SECONDS
        for token in map(str, count()):
            self._say(f"hello {token}")
            patience = min(time.monotonic() + _HELLO_SECONDS, deadline)
            while (line := self._line(patience)) not in {None, "ready"}:
                if line == f"welcome {token}":
                    self._answer(_ANSWER_SECONDS)
                    return
            if time.monotonic() > deadline:
                raise LabError(f"the guest has not booted within {_BOOT_SECONDS:g} s{self._last_words()}")

    def _ask(self, command: str, seconds: float = _ANSWER_SECONDS) -> list[str]:
        self._say(command)
        try:
            return self._answer(seconds)
        except LabError as error:
            raise LabError(f"{command}: {error}") from error

    def _say(self, line: str) -> None:
        self._socket.settimeout(_ANSWER_SECONDS)
        try:
            self._socket.sendall(f"{line}\n".encode())
        except OSError as error:
            raise LabError(f"the guest is gone: {error}{self._last_words()}") from error

    def _answer(self, seconds: float) -> list[str]:
        """Read the lines before the `ok`."""
        deadline = time.monotonic() + seconds
        lines: list[str] = []
        while (line := self._line(deadline)) != "ok":
            if line is None:
                raise LabError(f"the guest has not answered within {seconds:g} s{self._last_words()}")
            if line.startswith("error "):
                raise LabError(f"the guest says: {line.removeprefix('error ')}")
            lines.append(line)
        return lines

    def _line(self, deadline: float) -> str | None:
        """Read a line, or None if there is none until then."""
        while b"\n" not in self._pending:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                received = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError as error:
                raise LabError(f"the guest is gone: {error}{self._last_words()}") from error
            if not received:
                raise LabError(f"the guest is gone{self._last_words()}")
            self._pending += received
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode(errors="replace").strip()

    def _last_words(self) -> str:
        log = Path(f"{self.channel}.log")
        said = log.read_text(errors="replace").splitlines() if log.exists() else []
        lines = [line for line in said if not line.startswith("hello ")][-_LINES_SHOWN:]  # that is our own echo
        return "; the last that it said:\n" + "\n".join(lines) if lines else ""
