"""Traffic that chooses its own HTB class."""

import socket
import struct

from .namespace import Namespace
from .traffic import FRAME_BYTES, Sender

_ETHERTYPE = 0x88B5  # for local experiments (IEEE 802)
_NOBODY = bytes.fromhex("020000000000")  # a locally administered address that no device has


class Flood(Sender):
    """Sends frames out of one device, as a rival of what else leaves there.

    HTB takes a frame's SO_PRIORITY as its class if the upper half is the qdisc's handle: 0x10002 is class 1:2
    (htb_classify, net/sched/sch_htb.c). The frames are addressed to nobody.
    """

    payload = struct.pack("!6s6sH", _NOBODY, _NOBODY, _ETHERTYPE).ljust(FRAME_BYTES, b"\0")

    def __init__(
        self,
        namespace: Namespace,
        device: str,
        class_id: int,
        rate_bps: float | None = None,
        seconds: float = 60.0,
    ) -> None:
        super().__init__(namespace, rate_bps, seconds)
        self.device = device
        self.class_id = class_id

    def open(self) -> socket.socket:
        """Make a packet socket bound to the device."""
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            opened.settimeout(0.1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, struct.pack("I", self.class_id))
            opened.bind((self.device, 0))
        except OSError:
            opened.close()
            raise
        return opened
