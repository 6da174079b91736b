"""A hypervisor's own program: run without a shell, in bounded time, with bounded output."""

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from typing import IO

from vifkit import BackendError, ConnectError

_SHOWN = 200


class CommandFailedError(BackendError):
    """A program ended with another status than 0; `output` is what it said, standard error after standard output."""

    def __init__(self, program: str, status: int, output: str) -> None:
        super().__init__(f"{program}: {first_line(output) or f'status {status}, and not a word'}")
        self.status = status
        self.output = output


class Program:
    """A program, found by PATH or by its path, with the arguments that come first at every call.

    It may take `timeout_s` seconds and say `limit_bytes`; it speaks UTF-8, and English.
    """

    def __init__(self, *prefix: str, timeout_s: float = 60.0, limit_bytes: int = 8 << 20) -> None:
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._limit_bytes = limit_bytes

    @property
    def name(self) -> str:
        """What a person knows it by."""
        return os.path.basename(self._prefix[0])  # noqa: PTH119  a path of the hypervisor's, as it is written

    def run(self, *arguments: str) -> str:
        """Run it, and give what it writes to standard output.

        Raises CommandFailedError, ConnectError where it is not there, takes too long or says too much, and BackendError
        for what is no UTF-8.
        """
        try:
            process = subprocess.Popen(
                [*self._prefix, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError as error:
            raise ConnectError(f"{self.name}: {error.strerror or error}") from error
        except ValueError as error:  # a NUL, which no argument can hold
            raise BackendError(f"{self.name}: {error}") from error
        with process:
            try:
                output, errors = self._read(process)
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
        try:
            said = output.decode()
        except UnicodeDecodeError as error:
            raise BackendError(f"{self.name} said something that is no UTF-8") from error
        if process.returncode:
            raise CommandFailedError(self.name, process.returncode, said + errors.decode(errors="replace"))
        return said

    def _read(self, process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
        """Read both streams to their ends, and wait for the program's own."""
        end = time.monotonic() + self._timeout_s
        streams: list[IO[bytes]] = [each for each in (process.stdout, process.stderr) if each is not None]
        read = {each: bytearray() for each in streams}
        with selectors.DefaultSelector() as selector:
            for each in streams:
                selector.register(each, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(end - time.monotonic(), 0))
                if not ready:
                    raise ConnectError(f"{self.name} did not end within {self._timeout_s:g} s")
                for key, _ in ready:
                    stream = next(each for each in streams if each is key.fileobj)
                    part = os.read(key.fd, 65536)
                    read[stream] += part
                    if not part:
                        selector.unregister(stream)
                    elif sum(map(len, read.values())) > self._limit_bytes:
                        raise ConnectError(f"{self.name} said more than {self._limit_bytes} bytes")
        try:
            process.wait(max(end - time.monotonic(), 0))
        except subprocess.TimeoutExpired as error:
            raise ConnectError(f"{self.name} did not end within {self._timeout_s:g} s") from error
        return bytes(read[streams[0]]), bytes(read[streams[1]])


def first_line(text: str) -> str:
    """Give the first line that says something, without control characters, cut at some length."""
    for line in text.splitlines():
        said = "".join(each if each.isprintable() else " " for each in line).strip()
        if said:
            return said if len(said) <= _SHOWN else said[: _SHOWN - 1] + "…"
    return ""
