"""A way between a bridge of the host and a guest, on which traffic is measured."""

from collections.abc import Iterator
from contextlib import contextmanager

from vifkit_conformance.guest import Guest
from vifkit_conformance.lab import Endpoint, LinkEndpoint

GUEST, HOST = "198.51.100.2", "198.51.100.1"


@contextmanager
def path_to(made: Guest, name: str = "br0") -> Iterator[tuple[LinkEndpoint, Endpoint]]:
    """Give the bridge and the guest addresses that know each other; gives the two ends."""
    bridge = LinkEndpoint(made.lab.host, name)
    with made.inside() as inner:
        bridge.up()
        bridge.add_address(f"{HOST}/24")
        try:
            inner.add_address(f"{GUEST}/24")
            bridge.add_neighbour(GUEST, made.mac)
            inner.add_neighbour(HOST, bridge.mac)
            yield bridge, inner
        finally:
            bridge.ip("address", "flush", "dev", name)
