"""What the devices of a namespace have carried, as the kernel counts it."""

from pathlib import Path
from typing import NamedTuple

from .namespace import Namespace


class Counters(NamedTuple):
    """Frames and bytes (layer 2, with the Ethernet header, without its checksum) since a device was made."""

    rx_bytes: int
    rx_packets: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_dropped: int


def counters(namespace: Namespace) -> dict[str, Counters]:
    """Return the counters of every device in a namespace (source: /proc/net/dev)."""
    # /proc/net would be the process's namespace, not the thread's.
    table = namespace.call(Path("/proc/thread-self/net/dev").read_text)
    devices = {}
    for line in table.splitlines()[2:]:
        name, _, row = line.partition(":")
        rx_bytes, rx_packets, _, rx_dropped, _, _, _, _, tx_bytes, tx_packets, _, tx_dropped, *_ = map(int, row.split())
        devices[name.strip()] = Counters(rx_bytes, rx_packets, rx_dropped, tx_bytes, tx_packets, tx_dropped)
    return devices
