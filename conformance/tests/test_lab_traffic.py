import os
import select
import socket
import time
from itertools import pairwise

import pytest

from vifkit_conformance.lab import (
    FRAME_BYTES,
    Flood,
    Lab,
    LabError,
    Link,
    LinkEndpoint,
    Measurement,
    Namespace,
    Sink,
    Source,
    measure,
    tap,
    until,
    veth,
)


def test_a_rate_is_that_of_the_steady_part() -> None:
    burst_then_1000_bytes_a_second = Measurement(((0.0, 5000), (1.0, 6000), (2.0, 7000)))
    assert burst_then_1000_bytes_a_second.rate_bps() == 8000
    assert burst_then_1000_bytes_a_second.rate_bps(after=0.5) == 8000
    assert burst_then_1000_bytes_a_second.total_bytes == 7000


@pytest.mark.parametrize("samples", [(), ((0.0, 1500),), ((0.0, 1500), (0.5, 3000), (1.0, 4500))])
def test_no_rate_is_made_up_from_too_little(samples: tuple[tuple[float, int], ...]) -> None:
    with pytest.raises(LabError, match="no rate to tell"):
        Measurement(samples).rate_bps(after=0.75)


@pytest.mark.switch
def test_traffic_passes_a_bridge_to_a_guest(own_lab: Lab) -> None:
    own_lab.bridge("br0")
    _, sender = own_lab.guest("192.0.2.1/24")
    port, receiver = own_lab.guest("192.0.2.2/24")
    measured = _measured((sender, receiver), rate_bps=8e6, seconds=0.5)
    assert measured.total_bytes > 0.5 * 8e6 / 8 * 0.8
    assert port.counters.tx_bytes >= measured.total_bytes
    assert receiver.counters.rx_bytes >= measured.total_bytes


@pytest.mark.switch
def test_a_paced_source_keeps_its_rate_within_5_percent() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as wire:
        _addressed(wire)
        measured = _measured(wire, rate_bps=4_096_000, seconds=1.0)
    assert measured.rate_bps(after=0.1) == pytest.approx(4_096_000, rel=0.05)
    assert all(earlier < later for (earlier, _), (later, _) in pairwise(measured.samples))


@pytest.mark.switch
def test_an_address_may_be_given_again() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as wire:
        for _ in range(2):
            _addressed(wire)
        assert _measured(wire, rate_bps=1e6, seconds=0.1).total_bytes > 0


class LateSink(Sink):
    def run(self, opened: socket.socket) -> None:
        time.sleep(0.4)
        super().run(opened)


@pytest.mark.switch
def test_what_is_read_late_is_measured_as_it_arrived() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as wire:
        _addressed(wire)
        _shape(wire[0], "parent 1: classid 1:1 htb rate 4mbit")
        with LateSink(right, "192.0.2.2", 0.8) as sink, Source(left, "192.0.2.2", 12e6, 1.0):
            sink.wait()
    assert sink.measurement.rate_bps() == pytest.approx(4e6, rel=0.03)


@pytest.mark.switch
def test_what_a_shaper_lets_through_is_measured_at_layer_2() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as wire:
        _addressed(wire)
        _shape(wire[0], "parent 1: classid 1:1 htb rate 4mbit")
        measured = _measured(wire, rate_bps=12e6, seconds=1.5)
    assert measured.rate_bps(after=0.5) == pytest.approx(4e6, rel=0.03)


@pytest.mark.switch
def test_a_source_without_a_rate_floods_a_shaper() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as wire:
        _addressed(wire)
        _shape(wire[0], "parent 1: classid 1:1 htb rate 20mbit")
        with Source(left, "192.0.2.2", seconds=2.0):
            measured = _end(wire[1]).receive("192.0.2.2", seconds=1.0)
    assert measured.rate_bps(after=0.3) == pytest.approx(20e6, rel=0.05)


@pytest.mark.switch
def test_a_flood_of_another_class_leaves_a_guest_its_own_rate() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as wire:
        _addressed(wire)
        wire[0].add_neighbour("192.0.2.2", wire[1].mac)
        _shape(
            wire[0],
            "parent 1: classid 1:fffe htb rate 8mbit",
            "parent 1:fffe classid 1:1 htb rate 2mbit ceil 8mbit",
            "parent 1:fffe classid 1:2 htb rate 6mbit ceil 8mbit",
        )
        alone = _measured(wire, rate_bps=16e6, seconds=1.5)
        with Flood(left, "eth0", 0x10002):
            in_company = _measured(wire, rate_bps=16e6, seconds=1.5)
    assert alone.rate_bps(after=0.5) == pytest.approx(8e6, rel=0.05)
    assert in_company.rate_bps(after=0.5) == pytest.approx(2e6, rel=0.1)


@pytest.mark.switch
def test_a_source_ends_with_its_block_or_with_its_time() -> None:
    with Namespace() as namespace:
        with Source(namespace, "127.0.0.1", rate_bps=1e6, seconds=60.0) as source:
            until(lambda: source.sent_bytes, "something is sent")
        started = time.monotonic()
        with Source(namespace, "127.0.0.1", rate_bps=1e6, seconds=0.1) as source:
            source.wait()
    assert time.monotonic() - started < 5


@pytest.mark.switch
def test_what_goes_wrong_in_a_loop_is_raised() -> None:
    with Namespace() as namespace:
        with pytest.raises(OSError, match="unreachable"), Source(namespace, "192.0.2.1"):
            pass
        with pytest.raises(OSError, match="assign"), Sink(namespace, "192.0.2.1"):
            pass
        with pytest.raises(OSError, match="No such device"), Flood(namespace, "eth0", 0x10001):
            pass
        namespace.run("ip", "link", "add", "off", "type", "veth")
        with pytest.raises(OSError, match="down"), Flood(namespace, "off", 0x10001, seconds=1.0) as flood:
            flood.wait()


@pytest.mark.switch
def test_what_is_sent_to_a_tap_is_read_from_its_descriptor() -> None:
    with (
        Namespace() as namespace,
        tap(namespace, "tap0") as (_, descriptor),
        Flood(namespace, "tap0", 0, rate_bps=1e6),
    ):
        until(lambda: _experimental(descriptor), "a frame of the flood")


def _experimental(descriptor: int) -> bool:
    if not select.select([descriptor], [], [], 0.1)[0]:
        return False
    frame = os.read(descriptor, 2 * FRAME_BYTES)
    return len(frame) == FRAME_BYTES and frame[12:14] == b"\x88\xb5"


def _end(link: Link) -> LinkEndpoint:
    return LinkEndpoint(link.namespace, link.name)


def _measured(wire: tuple[Link, Link], *, rate_bps: float, seconds: float) -> Measurement:
    return measure(_end(wire[0]), _end(wire[1]), "192.0.2.2", rate_bps=rate_bps, seconds=seconds)


def _addressed(wire: tuple[Link, Link]) -> None:
    for number, end in enumerate(wire, start=1):
        end.add_address(f"192.0.2.{number}/24")


def _shape(link: Link, *classes: str) -> None:
    link.namespace.run(*f"tc qdisc add dev {link.name} root handle 1: htb default 1".split())
    for each in classes:
        link.namespace.run(*f"tc class add dev {link.name} {each}".split())
