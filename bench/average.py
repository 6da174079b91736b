"""The average that netqos holds: what arrives in a minute, what came before at peak, and what it costs to set up."""

import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context

from ports import ports
from scale import BANDWIDTH, Figures, seconds

from netqos import shape
from netqos.enforce import enforce
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.units import Psched
from vifkit import Bandwidth, Rate
from vifkit_conformance.lab import Lab
from vifkit_conformance.lab.loop import Loop
from vifkit_conformance.lab.namespace import Namespace
from vifkit_conformance.lab.traffic import Sink, Source

MSS_BYTES, FRAME_BYTES = 1448, 1514  # what TCP carries in a frame of an MTU of 1500, with timestamps
Samples = Sequence[tuple[float, int]]


@dataclass(frozen=True)
class Case:
    """What one guest is sent, and for how many seconds."""

    protocol: str
    rate: Rate
    seconds: float = 72

    def __str__(self) -> str:
        figures = (f"{name} {value}" for name in ("average", "peak", "burst") if (value := getattr(self.rate, name)))
        return f"average: {self.protocol}, {' '.join(figures)}"


TOGETHER = [
    Case("UDP", Rate(average=1, peak=2, burst=4)),
    Case("UDP", Rate(average=512)),
    Case("UDP", Rate(average=512, peak=1024, burst=32)),
    Case("UDP", Rate(average=512, peak=1024, burst=1024)),
    Case("TCP", Rate(average=512, peak=1024, burst=32)),
    Case("TCP", Rate(average=12_500, peak=25_000, burst=1024)),
]
ALONE = [  # 1 and 2.5 Gbit/s
    Case("TCP", Rate(average=125_000), 12),
    Case("TCP", Rate(average=312_500, peak=625_000), 12),
]
TRIES = 3  # of those alone: a sender that has no processor for a moment sends less than it may


class TcpSink(Loop):
    """Takes one connection, and counts what arrives as frames."""

    def __init__(self, namespace: Namespace, address: str, seconds: float) -> None:
        super().__init__(namespace, seconds)
        self.address = (address, 5001)
        self.samples: list[tuple[float, int]] = []

    def open(self) -> socket.socket:
        opened = socket.socket()
        opened.settimeout(5)
        opened.bind(self.address)
        opened.listen()
        return opened

    def run(self, opened: socket.socket) -> None:
        buffer, total, due = bytearray(1 << 20), 0, 0.0
        connection, _ = opened.accept()
        connection.settimeout(1)
        with connection:
            started = time.monotonic()
            while self.running:
                with suppress(TimeoutError):
                    total += connection.recv_into(buffer)
                now = time.monotonic() - started
                if now >= due:
                    self.samples.append((now, total * FRAME_BYTES // MSS_BYTES))
                    due = now + 0.01


class TcpSource(Loop):
    """Sends as fast as TCP takes it."""

    def __init__(self, namespace: Namespace, address: str, seconds: float) -> None:
        super().__init__(namespace, seconds)
        self.address = (address, 5001)

    def open(self) -> socket.socket:
        opened = socket.socket()
        opened.settimeout(5)
        opened.connect(self.address)
        return opened

    def run(self, opened: socket.socket) -> None:
        data = bytes(1 << 18)
        while self.running:
            with suppress(TimeoutError, ConnectionError):
                opened.send(data)


def figures(quick: bool) -> Figures:
    longest = 12.0 if quick else 72.0
    found: Figures = []
    for case, samples in zip(TOGETHER, measured(TOGETHER, longest), strict=True):
        found += judged(case, samples)
    for case in ALONE:
        tries = [figure for _ in range(1 if quick else TRIES) for figure in judged(case, *measured([case], longest))]
        found.append(min(tries, key=lambda figure: figure[1]))
    return [*found, *costs(100 if quick else 1000, 1 if quick else 5)]


def measured(cases: Sequence[Case], longest: float) -> list[Samples]:
    """Send to a guest for each case, all at once, from the host through the guest's port."""
    with Lab() as lab, Switch(lab.ovs.db) as switch, Kernel(lab.host.path) as kernel:
        jobs = []
        for number, case in enumerate(cases):
            address = f"192.0.{number}.2"
            # A bridge each: what one answers the host would be flooded to the others.
            port, guest = lab.guest(f"{address}/24", lab.bridge(f"br{number}"))
            for end in (port, guest):  # as a host has it: large packets go through the class whole
                end.namespace.run("ethtool", "-K", end.name, "tx", "on", "tso", "on")
            port.add_address(f"192.0.{number}.1/24")
            port.add_neighbour(address, guest.mac)
            guest.add_neighbour(f"192.0.{number}.1", port.mac)
            enforced = enforce(switch, kernel, {port.name: Bandwidth(inbound=case.rate)}, enforce="average")
            assert enforced.drifts == []
            jobs.append((case, lab.host.path, guest.namespace.path, address, min(case.seconds, longest)))
        # A process each: threads of one would wait for each other.
        with ProcessPoolExecutor(len(jobs), get_context("fork")) as processes:
            return list(processes.map(arrived, *zip(*jobs, strict=True)))


def arrived(case: Case, host: str, guest: str, address: str, limit: float) -> Samples:
    ends = Namespace.at(host), Namespace.at(guest)
    if case.protocol == "TCP":
        with TcpSink(ends[1], address, limit) as taken, TcpSource(ends[0], address, limit + 1):
            taken.wait()
        return taken.samples
    offered = max(3 * (case.rate.peak or case.rate.average or 0) * 8000, 100_000)
    with Sink(ends[1], address, limit) as sink, Source(ends[0], address, offered, limit + 1):
        sink.wait()
    return sink.measurement.samples


def judged(case: Case, samples: Samples) -> Iterator[tuple[str, float, str, str]]:
    average = (case.rate.average or 0) * 1000
    arrivals = [samples[0], *(now for before, now in pairwise(samples) if now[1] > before[1])]
    over = arrivals[-1][0] / 6  # so is the burst by now
    (start, first), *_, (end, last) = (sample for sample in arrivals if sample[0] >= over)
    off = abs((last - first) / (end - start) / average - 1) * 100
    yield f"{case}: in the last {end - start:.0f} s off by", off, "%", "<= 2"
    if case.protocol == "UDP" and case.rate.burst:
        beyond = max(total - average * when for when, total in arrivals if when <= over)
        yield f"{case}: beyond the average came", beyond / 1024, "KiB", ""


def costs(count: int, rounds: int) -> Figures:
    """The time of our part, and of the whole against linux-htb, where Open vSwitch writes two classes a port."""
    ours, rows, htb = [], [], []
    with ports(count) as (lab, names), Switch(lab.ovs.db, timeout=60) as switch, Kernel(lab.host.path) as kernel:
        wanted: dict[str, Bandwidth | None] = dict.fromkeys(names, BANDWIDTH)
        nothing: dict[str, Bandwidth | None] = dict.fromkeys(names)
        for _ in range(rounds):
            htb.append(seconds(lambda: switch.apply(wanted)))
            switch.apply(nothing)
            rows.append(seconds(lambda: switch.apply(wanted, enforce="average")))
            found, links = switch.ports(names), kernel.read(names)
            ours.append(seconds(lambda: shape.hold(kernel, found, links, Psched.here())))  # noqa: B023  called at once
            assert enforce(switch, kernel, nothing).drifts == []
    shape_s, rows_s, htb_s = map(statistics.median, (ours, rows, htb))
    return [
        (f"average: {count} classes made in", shape_s * 1000, "ms", ""),
        (f"average: {count} ports, rows and classes, against linux-htb", (shape_s + rows_s) / htb_s, "times", "<= 1"),
    ]
