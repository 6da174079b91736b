"""Traffic that is sent at a rate and counted where it arrives.

Rates are bits/s at layer 2: with the Ethernet header, without its checksum, preamble and gap, which is what
HTB counts (qdisc_pkt_len). Frames are 1500 bytes long; in UDP 1458 of them are payload.
"""

import atexit
import errno
import socket
import struct
import time
from abc import abstractmethod
from contextlib import suppress
from functools import cache

from .loop import Loop
from .measurement import Measurement
from .namespace import Namespace

FRAME_BYTES = 1500
UDP_PORT = 5001
_HEADERS_BYTES = 14 + 20 + 8  # Ethernet, IPv4, UDP
_SAMPLE_SECONDS = 0.01
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35  # asm-generic/socket.h; Python has no names for them
_RECEIVED_AT = struct.Struct("@ll")  # struct timespec
_RECEIVE_BUFFER_BYTES = 1 << 22
_TIMING_SECONDS = 0.1
_LOST = {errno.ENOBUFS, errno.ECONNREFUSED}  # a queue was full; nobody listens any more


class Sender(Loop):
    """Sends frames of 1500 bytes at `rate_bps`, or as fast as the socket takes them if that is None."""

    payload: bytes

    def __init__(self, namespace: Namespace, rate_bps: float | None, seconds: float) -> None:
        super().__init__(namespace, seconds)
        self.rate_bps = rate_bps
        self.sent_bytes = 0

    @abstractmethod
    def open(self) -> socket.socket:
        """Make a socket whose other end is settled."""

    def run(self, opened: socket.socket) -> None:
        """Send by the clock; what a pause has held up is sent after it, so that the mean is the rate."""
        started = time.monotonic()
        while self.running:
            if self.rate_bps:
                ahead = started + self.sent_bytes * 8 / self.rate_bps - time.monotonic()
                if ahead > 0:
                    time.sleep(min(ahead, 0.05))
                    continue
            try:
                opened.send(self.payload)
            except TimeoutError:
                continue
            except OSError as error:
                if error.errno not in _LOST:
                    raise
            self.sent_bytes += FRAME_BYTES


class Source(Sender):
    """Sends UDP from a namespace to an IPv4 address."""

    payload = bytes(FRAME_BYTES - _HEADERS_BYTES)

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        rate_bps: float | None = None,
        seconds: float = 2.0,
        port: int = UDP_PORT,
    ) -> None:
        super().__init__(namespace, rate_bps, seconds)
        self.address = (address, port)

    def open(self) -> socket.socket:
        """Make a socket for the one destination."""
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.settimeout(0.1)
            opened.connect(self.address)
        except OSError:
            opened.close()
            raise
        return opened


class Receiver(Loop):
    """Counts what arrives at an IPv4 address of a namespace, and takes samples of (seconds, bytes)."""

    def __init__(self, namespace: Namespace, address: str, seconds: float, port: int) -> None:
        super().__init__(namespace, seconds)
        self.address = (address, port)
        self._samples: list[tuple[float, int]] = []

    @property
    def measurement(self) -> Measurement:
        """What has arrived so far."""
        return Measurement(tuple(self._samples))


class Sink(Receiver):
    """Receives UDP at an IPv4 address of a namespace."""

    def __init__(self, namespace: Namespace, address: str, seconds: float = 60.0, port: int = UDP_PORT) -> None:
        super().__init__(namespace, address, seconds, port)

    def open(self) -> socket.socket:
        """Make a socket that receives at the address."""
        _have_frames_timed()
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.settimeout(_SAMPLE_SECONDS)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            with suppress(PermissionError):  # root may have more than net.core.rmem_max
                opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            opened.bind(self.address)
        except OSError:
            opened.close()
            raise
        return opened

    def run(self, opened: socket.socket) -> None:
        """Count what arrives, and take a sample every 10 ms, also while nothing does.

        A frame's time is when the kernel received it, however late this thread comes to read it.
        """
        buffer = bytearray(1 << 16)
        started: float | None = None
        due, total = 0.0, 0
        while self.running:
            try:
                size, ancillary, _, _ = opened.recvmsg_into([buffer], socket.CMSG_SPACE(_RECEIVED_AT.size))
            except TimeoutError:
                if not total:
                    continue
                now = time.time()
            else:
                total += size + _HEADERS_BYTES
                seconds, nanoseconds = _RECEIVED_AT.unpack(ancillary[0][2])
                now = seconds + nanoseconds / 1e9
            if started is None:
                started = now
            if now >= due:
                self._samples.append((now - started, total))
                due = now + _SAMPLE_SECONDS


@cache
def _have_frames_timed() -> None:
    """Have the kernel time all frames from now on, until this process ends.

    It does so for as long as any socket wants it, begins some time after the first one does (net_enable_timestamp in
    Linux's net/core/dev.c), and until then a frame's time is when it is read.
    """
    wanting = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    atexit.register(wanting.close)
    wanting.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    time.sleep(_TIMING_SECONDS)
