"""Network devices: veth pairs and taps, gone when their block ends."""

import fcntl
import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from .counters import Counters, counters
from .errors import CommandError
from .namespace import Namespace

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000


@dataclass(frozen=True)
class Link:
    """A network device: its name, and the namespace that it is in."""

    namespace: Namespace
    name: str

    def ip(self, *arguments: str) -> str:
        """Return what ``ip`` printed, run in the device's namespace."""
        return self.namespace.run("ip", *arguments)

    def add_address(self, address: str) -> None:
        """Give the device an address with a prefix length, as 192.0.2.1/24; no error if it has it already."""
        self.ip("address", "replace", address, "dev", self.name)

    def add_neighbour(self, address: str, mac: str) -> None:
        """Tell the device another's hardware address, so that it never asks a link that may be full."""
        self.ip("neighbour", "replace", address, "lladdr", mac, "dev", self.name, "nud", "permanent")

    def set_mtu(self, mtu_bytes: int) -> None:
        """Set the device's MTU in bytes."""
        self.ip("link", "set", self.name, "mtu", str(mtu_bytes))

    def up(self) -> None:
        """Switch the device on, and its transmit checksum offload off.

        The datapath in user space passes frames on as they are, and a sum left to hardware that is
        not there makes the receiver drop them.
        """
        self.namespace.run("ethtool", "-K", self.name, "tx", "off")
        self.ip("link", "set", self.name, "up")

    def delete(self) -> None:
        """Delete the device, and a veth's other end with it; no error if it is gone already."""
        with suppress(CommandError):
            self.ip("link", "delete", self.name)

    @property
    def mac(self) -> str:
        """The hardware address, as 02:00:00:00:00:01."""
        return str(self._show()["address"])

    @property
    def mtu_bytes(self) -> int:
        """The MTU in bytes."""
        return int(self._show()["mtu"])

    @property
    def counters(self) -> Counters:
        """What the device has carried."""
        return counters(self.namespace)[self.name]

    def _show(self) -> dict[str, Any]:
        (shown,) = json.loads(self.ip("-json", "link", "show", "dev", self.name))
        return dict(shown)


@contextmanager
def veth(namespace: Namespace, name: str, peer: str, peer_namespace: Namespace) -> Iterator[tuple[Link, Link]]:
    """Make a pair of devices joined by a wire, both up, and give its two ends."""
    ends = Link(namespace, name), Link(peer_namespace, peer)
    ends[0].ip("link", "add", name, "type", "veth", "peer", "name", peer, "netns", peer_namespace.path)
    try:
        for end in ends:
            end.up()
        yield ends
    finally:
        ends[0].delete()


@contextmanager
def tap(namespace: Namespace, name: str) -> Iterator[tuple[Link, int]]:
    """Make a tap device, up, and give it with the descriptor on which its frames are read and written.

    The device lasts as long as the descriptor. Frames come without a header before Ethernet's (IFF_NO_PI).
    """
    descriptor = namespace.call(_open_tap, name)
    try:
        link = Link(namespace, name)
        link.up()
        yield link, descriptor
    finally:
        os.close(descriptor)


def _open_tap(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
