"""HTTPS to a hypervisor: an answer is here to its last byte at a set time, and is no larger than it may be."""

import io
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import Any

from vifkit import ConnectError

from .command import first_line

IDLE_SECONDS = 20.0
"""How long a connection may rest and be used again: others close one that rests for long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer has answered."""

    status: int
    headers: HTTPMessage
    """By name, in upper or lower case."""
    body: bytes


class Peer:
    """Whom requests are sent to, by any thread; `name` is what a person knows it by.

    An answer may take `timeout_s` seconds and have `limit_bytes`, its headers included.
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, *, timeout_s: float = 60.0, limit_bytes: int = 8 << 20
    ) -> None:
        self.name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._connect = partial(HTTPSConnection, host, port, context=context, timeout=timeout_s)
        self._response = partial(_Response, timeout_s=timeout_s, limit_bytes=limit_bytes)
        self._idle: list[tuple[HTTPSConnection, float]] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request, and read its answer, whatever its status. Raises ConnectError."""
        connection = self._connection()
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException as error:
            connection.close()
            self.close()
            if not isinstance(error, OSError | HTTPException | ValueError):  # a ValueError is a header of nonsense
                raise
            raise ConnectError(f"{self.name}: {first_line(str(error)) or type(error).__name__}") from error
        self._idle.append((connection, time.monotonic()))
        return answer

    def close(self) -> None:
        """Let go of the connections that rest; may be called again."""
        with suppress(IndexError):  # none is left
            while True:
                self._idle.pop()[0].close()

    def _connection(self) -> HTTPSConnection:
        """Take a connection that rests, or make one."""
        with suppress(IndexError):  # none is left
            while True:
                connection, since = self._idle.pop()
                if time.monotonic() - since < IDLE_SECONDS:
                    return connection
                connection.close()
        made = self._connect()
        made.response_class = self._response  # type: ignore[assignment]  # it need not be a class
        return made


def trust(cacert: str | None) -> ssl.SSLContext:
    """Trust the certificates of a file, or else the system's. Raises ConnectError."""
    try:
        return ssl.create_default_context(cafile=cacert)
    except OSError as error:
        said = "it holds none in PEM" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
        raise ConnectError(f"{cacert}: no certificates: {said}") from error


class _Response(HTTPResponse):
    """An answer, of which headers and body are bounded alike."""

    def __init__(self, sock: Any, *args: Any, timeout_s: float, limit_bytes: int, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(sock, self.fp.detach(), timeout_s, limit_bytes))


class _Bounded(io.RawIOBase):
    def __init__(self, sock: Any, raw: io.RawIOBase, timeout_s: float, limit_bytes: int) -> None:
        self._sock = sock
        self._raw = raw
        self._timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s
        self._limit_bytes = self._left = limit_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {self._timeout_s:g} s")
        self._sock.settimeout(left)
        got = self._raw.readinto(buffer) or 0
        self._left -= got
        if self._left < 0:
            raise OSError(f"an answer of more than {self._limit_bytes} bytes")
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()
