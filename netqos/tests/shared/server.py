"""Servers of a test's own, that answer as it says."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from netqos.ovsdb import Switch
from netqos.rpc import THE_ROOT
from vifkit import SwitchUnavailableError

Handler = Callable[[socket.socket], None]
Serve = Callable[[Handler], str]
SELECT = {"op": "select", "columns": ["ovs_version"], **THE_ROOT}
ANSWER = [{"rows": [{"ovs_version": "3.1.0"}]}]
IN_TIME = 20.0
"""Seconds: far more than any of the time limits set here, and far less than for ever."""


@contextmanager
def serving(path: Path) -> Iterator[Serve]:
    """Serves one client at a time as it is told to, at the address returned."""
    with ExitStack() as stack:

        def start(handler: Handler) -> str:
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(path))
            listening.listen()

            def work() -> None:
                with suppress(OSError):  # the listening socket is shut down, or the client has gone
                    while True:
                        client, _ = listening.accept()
                        with client, suppress(OSError):
                            handler(client)

            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return f"unix:{path}"

        yield start


def request(client: socket.socket) -> Any:
    """Read one request."""
    text = b""
    while True:
        text += (piece := client.recv(1 << 16))
        if not piece:
            raise ConnectionError
        with suppress(ValueError):
            return json.loads(text)


def answering(data: bytes) -> Handler:
    """Answer each request with the same bytes, where ID stands for the id of the request, until the client goes."""

    def handler(client: socket.socket) -> None:
        while True:
            number = request(client)["id"]
            client.sendall(data.replace(b"ID", str(number).encode()))

    return handler


def reply(number: int, results: object, error: object = None) -> bytes:
    return json.dumps({"id": number, "result": results, "error": error}).encode()


def stays_away(db: str, timeout: float = 0.2) -> SwitchUnavailableError:
    """Check that every way in ends in time and with the right error, and give it."""
    start = time.monotonic()
    with pytest.raises(SwitchUnavailableError) as raised:
        Switch(db, timeout=timeout)
    assert time.monotonic() - start < IN_TIME
    assert "\n" not in str(raised.value)
    assert not raised.value.committed
    return raised.value
