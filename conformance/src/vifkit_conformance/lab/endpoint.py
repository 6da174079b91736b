"""Where a guest's traffic ends and starts, whatever the guest is."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from .link import Link
from .measurement import Measurement
from .traffic import Sink, Source


class Endpoint(ABC):
    """A network device as one who works inside sees it.

    Rates and bytes are those of layer 2, as `traffic` counts them.
    """

    settling_seconds: ClassVar[float] = 1.0
    """How long traffic takes to run as it then does, first bursts included."""
    window_seconds: ClassVar[float] = 2.0
    """How long a rate is to be measured then, so that a pause of whoever takes the times makes no great error."""

    @abstractmethod
    def add_address(self, address: str) -> None:
        """Give the device an IPv4 address with a prefix length, as 192.0.2.1/24."""

    @abstractmethod
    def add_neighbour(self, address: str, mac: str) -> None:
        """Tell the device another's hardware address, so that it never asks a link that may be full."""

    @abstractmethod
    def receive(self, address: str, seconds: float) -> Measurement:
        """Return what arrives as UDP at an address of the device's own within some seconds."""

    @abstractmethod
    def sending(self, address: str, rate_bps: float, seconds: float) -> AbstractContextManager[object]:
        """Send UDP to an address from the start of the block to its end, or for `seconds` if they are over before."""


@dataclass(frozen=True)
class LinkEndpoint(Link, Endpoint):
    """A device in a network namespace of this host.

    The kernel itself takes the times (`Sink`), and is never late: in these seconds 2 Mbit/s are 100 frames, so that one
    more or less is a hundredth.
    """

    settling_seconds = 0.2
    window_seconds = 0.6

    def receive(self, address: str, seconds: float) -> Measurement:
        """Count what a socket receives."""
        with Sink(self.namespace, address, seconds) as sink:
            sink.wait()
        return sink.measurement

    def sending(self, address: str, rate_bps: float, seconds: float) -> Source:
        """Send from a socket in a thread."""
        return Source(self.namespace, address, rate_bps, seconds)


def measure(source: Endpoint, sink: Endpoint, address: str, *, rate_bps: float, seconds: float = 2.0) -> Measurement:
    """Send UDP from one end to the address of another, and return what arrives meanwhile."""
    # The source outlasts the sink: samples taken after its end would make the mean too low.
    with source.sending(address, rate_bps, seconds + 1):
        return sink.receive(address, seconds)
