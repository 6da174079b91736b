"""A connection to an HMC by SSH: one, kept, and made anew where it was lost between two commands."""

import asyncio
import os
import re
import threading
from dataclasses import dataclass, field
from functools import partial

import asyncssh

from vifkit import AccessDeniedError, BackendError, ConnectError

from .loop import wait_for
from .words import Argument, command_line, understood

LIMIT_BYTES = 8 << 20
"""The most that an HMC may say to one command; 1,000 LPARs with their descriptions are about 1 MiB."""

SESSIONS = 8
"""How many commands are under way at once: sshd lets a connection have 10 (sshd_config(5), MaxSessions)."""


class CommandRefusedError(BackendError):
    """The HMC has not done what it was asked; `code` is the one that its message begins with, such as HSCL8012."""

    def __init__(self, program: str, status: int, said: str) -> None:
        super().__init__(f"{program}: {_one_line(said) or f'status {status}, and not a word'}")
        self.code = "".join(re.findall(r"\A\s*(HSCL[0-9A-F]{4})\b", said))


@dataclass(repr=False)
class Console:
    """An HMC's command line. `timeout_s` is for the connection, and for each command: mksyscfg alone takes 5 s."""

    host: str
    port: int
    options: asyncssh.SSHClientConnectionOptions
    timeout_s: float
    _connection: asyncssh.SSHClientConnection | None = None
    _process: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _turns: threading.Semaphore = field(default_factory=partial(threading.Semaphore, SESSIONS))

    def run(self, program: str, *arguments: Argument) -> str:
        """Have a command carried out, and give its output.

        Raises CommandRefusedError, AccessDeniedError, ConnectError where there is no answer in time, half of one, or
        more than LIMIT_BYTES, and BackendError for an answer that is no UTF-8.
        """
        line = command_line(program, *arguments)
        connection = self._connected()
        try:
            with self._turns:
                status, out, err = wait_for(self._carry_out(connection, line))
        except (TimeoutError, asyncssh.Error, OSError) as error:
            wait_for(_hang_up(connection))
            raise ConnectError(f"{self._why(error)}; whether {program} was carried out is not known") from error
        if status:
            # Messages are written to standard output, with status 1 and nothing else.
            refused = CommandRefusedError(program, status, (out or err).decode(errors="replace"))
            if refused.code == "HSCL350B":
                raise AccessDeniedError(str(refused)) from refused
            raise refused
        with understood():
            return out.decode()

    def close(self) -> None:
        """Hang up; may be called again."""
        with self._guard:
            if self._connection is not None and self._process == os.getpid():
                wait_for(_hang_up(self._connection))
            self._connection = None

    def _connected(self) -> asyncssh.SSHClientConnection:
        with self._guard:
            # A child that was forked has a loop of its own, and so needs a connection of its own.
            if self._connection is None or self._process != os.getpid() or self._connection.is_closed():
                self._process = os.getpid()
                try:
                    self._connection = wait_for(self._connect())
                except (TimeoutError, asyncssh.Error, OSError, ValueError) as error:
                    raise ConnectError(self._why(error)) from error
            return self._connection

    def _why(self, error: Exception) -> str:
        return f"{self.host}:{self.port}: {_one_line(error) or f'no answer in {self.timeout_s:g} s'}"

    async def _connect(self) -> asyncssh.SSHClientConnection:
        async with asyncio.timeout(self.timeout_s):
            return await asyncssh.connect(self.host, self.port, config=None, options=self.options)

    async def _carry_out(self, connection: asyncssh.SSHClientConnection, line: str) -> tuple[int, bytes, bytes]:
        async with asyncio.timeout(self.timeout_s):
            process = await connection.create_process(line, encoding=None, stdin=asyncssh.DEVNULL)
            try:
                out, err = await asyncio.gather(_read(process.stdout), _read(process.stderr))
                await process.wait_closed()
            finally:
                process.close()
            if process.exit_status is None:
                raise ConnectionError("the connection broke in the middle of the answer")
            return process.exit_status, out, err


async def _read(stream: "asyncssh.SSHReader[bytes]") -> bytes:
    try:
        await stream.readexactly(LIMIT_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    raise ConnectionError(f"an answer of more than {LIMIT_BYTES} bytes was not read to its end")


async def _hang_up(connection: asyncssh.SSHClientConnection) -> None:
    connection.abort()
    await connection.wait_closed()


def _one_line(said: object) -> str:
    line = next((each.strip() for each in str(said).splitlines() if each.strip()), "")
    return "".join(each if each.isprintable() else "?" for each in line)[:200]
