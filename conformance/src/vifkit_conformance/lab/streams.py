"""TCP that is sent as fast as it goes, and counted where it arrives.

Of a packet of 1500 bytes 1448 are payload, which is what a receiver sees: IPv4 and TCP with its timestamps take 52.
"""

import socket
import time

from .loop import Loop
from .namespace import Namespace
from .traffic import Receiver

TCP_PORT = 5002
_PACKET_BYTES, _PAYLOAD_BYTES = 1500, 1448
_SAMPLE_SECONDS = 0.01
_PIECE = bytes(1 << 16)


class StreamSource(Loop):
    """Sends to an IPv4 address from a namespace."""

    def __init__(self, namespace: Namespace, address: str, seconds: float, port: int = TCP_PORT) -> None:
        super().__init__(namespace, seconds)
        self.address = (address, port)

    def open(self) -> socket.socket:
        """Connect."""
        opened = socket.create_connection(self.address, timeout=10)
        opened.settimeout(0.1)
        return opened

    def run(self, opened: socket.socket) -> None:
        """Send what the socket takes, and do not wait for the rest at the end."""
        while self.running:
            try:
                opened.send(_PIECE)
            except TimeoutError:
                continue


class StreamSink(Receiver):
    """Receives one connection at an IPv4 address of a namespace, and counts in bytes of layer 3."""

    def __init__(self, namespace: Namespace, address: str, seconds: float, port: int = TCP_PORT) -> None:
        super().__init__(namespace, address, seconds, port)

    def open(self) -> socket.socket:
        """Listen."""
        opened = socket.create_server(self.address, backlog=1)
        opened.settimeout(_SAMPLE_SECONDS)
        return opened

    def run(self, opened: socket.socket) -> None:
        """Count what arrives, and take a sample every 10 ms."""
        while self.running:
            try:
                connection, _ = opened.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(_SAMPLE_SECONDS)
                self._count(connection)
            return

    def _count(self, connection: socket.socket) -> None:
        buffer = bytearray(1 << 16)
        started, due, payload = time.monotonic(), 0.0, 0
        while self.running:
            try:
                received = connection.recv_into(buffer)
            except TimeoutError:
                received = 0
            else:
                if not received:
                    return
            payload += received
            now = time.monotonic() - started
            if now >= due:
                self._samples.append((now, payload * _PACKET_BYTES // _PAYLOAD_BYTES))
                due = now + _SAMPLE_SECONDS
