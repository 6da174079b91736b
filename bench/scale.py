"""Many ports: how fast they are shaped, read and verified, how that grows, and what memory it takes."""

import gc
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import floor
from ports import ports

from netqos import Psched
from netqos.enforce import version_tuple
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.probe import policing_available
from netqos.verify import verify
from vifkit import Bandwidth, Rate
from vifkit_conformance.lab import Lab

Figures = list[tuple[str, float, str, str]]
BANDWIDTH = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
SAMPLE = 8  # ports that the slow ways are tried on


def seconds(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


COMMAND = """
import re, sys
from netqos.cli import main
try:
    main()
finally:
    # Its own peak: what wait4 tells includes the memory of the process that it was forked from.
    with open("/proc/self/status") as status:
        sys.stderr.write(re.search("VmHWM: *\\t* *([0-9]+) kB", status.read())[1])
"""


def netqos(lab: Lab, *words: str) -> tuple[float, int]:
    """Run the command: wall seconds, and the highest resident memory in bytes."""
    started = time.perf_counter()
    where = ("--db", lab.ovs.db, "--netns", lab.host.path)
    done = subprocess.run([sys.executable, "-c", COMMAND, *words, *where], capture_output=True, text=True, check=True)
    return time.perf_counter() - started, int(done.stderr.split()[-1]) * 1024


def applied(lab: Lab, names: list[str], rounds: int) -> tuple[float, float, float]:
    """Seconds to shape all ports that had nothing: ours with connecting, ours connected, and the floor."""
    fresh, connected, least = [], [], []
    wanted: dict[str, Bandwidth | None] = dict.fromkeys(names, BANDWIDTH)
    with floor.Rpc(lab.ovs.db) as rpc:

        def whole() -> None:
            with Switch(lab.ovs.db, timeout=60) as switch:
                switch.apply(wanted)

        for _ in range(rounds):
            floor.clear(rpc)
            least.append(seconds(lambda: floor.apply(rpc, names)))
            floor.clear(rpc)
            fresh.append(seconds(whole))
            floor.clear(rpc)
            with Switch(lab.ovs.db, timeout=60) as switch:
                connected.append(seconds(lambda: switch.apply(wanted)))
    return statistics.median(fresh), statistics.median(connected), statistics.median(least)


def apply_figures(quick: bool) -> Figures:
    count, rounds = (100, 1) if quick else (1000, 3)
    with ports(count) as (lab, names):
        fresh, connected, least = applied(lab, names, rounds)
        wanted: dict[str, Bandwidth | None] = dict.fromkeys(names, BANDWIDTH)
        with Switch(lab.ovs.db, timeout=60) as switch:
            before = lab.ovs.rows("Open_vSwitch", "next_cfg")
            idle = statistics.median(seconds(lambda: switch.apply(wanted)) for _ in range(5))
            assert lab.ovs.rows("Open_vSwitch", "next_cfg") == before, (
                "an apply that changes nothing made a transaction"
            )

        def again() -> None:
            with Switch(lab.ovs.db, timeout=60) as switch:
                switch.apply(wanted)

        idle_fresh = statistics.median(seconds(again) for _ in range(5))
        # Its runs take longer the more ports are shaped already: half of them with none, half with all others.
        with floor.Rpc(lab.ovs.db) as rpc:
            floor.clear(rpc)
            theirs = seconds(lambda: floor.libvirt_apply(lab, names[:SAMPLE]))
            floor.clear(rpc)
            floor.apply(rpc, names[SAMPLE:])
            theirs += seconds(lambda: floor.libvirt_apply(lab, names[:SAMPLE]))
        theirs /= 2 * SAMPLE
    each = "apply"
    return [
        (f"{each}: {count} ports, connecting included", 1000 * fresh / count, "ms/port", ""),
        (f"{each}: hand-written JSON-RPC", 1000 * least / count, "ms/port", ""),
        (f"{each}: libvirt's three runs of ovs-vsctl", 1000 * theirs, "ms/port", ""),
        (f"{each}: times faster than libvirt's runs, connecting included", theirs * count / fresh, "x", ">= 100"),
        (f"{each}: times the hand-written floor, connecting included", fresh / least, "x", "<= 3"),
        (f"{each}: times the hand-written floor, connected", connected / least, "x", "<= 3"),
        (f"{each}: that changes nothing, connected", idle, "s", "<= 0.3"),
        (f"{each}: that changes nothing, connecting included", idle_fresh, "s", "<= 0.3"),
    ]


def read_all(kernel: Kernel, names: list[str]) -> None:
    assert len(kernel.read(names)) == len(names)


def raw_read(lab: Lab, kernel: Kernel, names: list[str]) -> float:
    links = kernel.links()
    indexes = [links[name].index for name in names]
    opened = lab.host.call(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    with opened:
        return statistics.median(seconds(lambda: floor.raw_dumps(opened, indexes)) for _ in range(5))


def policed_read(lab: Lab, kernel: Kernel, names: list[str]) -> float:
    """How much longer it takes to read a filter of each port as well."""
    columns = ("ingress_policing_rate=4096", "ingress_policing_burst=256")
    for start in range(0, len(names), 500):
        lab.ovs.vsctl(
            *(word for name in names[start : start + 500] for word in ("--", "set", "Interface", name, *columns))
        )
    pairs = [
        (seconds(lambda: kernel.read(names, policers=True)), seconds(lambda: read_all(kernel, names))) for _ in range(5)
    ]
    assert all(link.policers for link in kernel.read(names, policers=True).values())
    return statistics.median(one / other for one, other in pairs)


def read_figures(quick: bool) -> Figures:
    count = 100 if quick else 1000
    with ports(count) as (lab, names), Kernel(lab.host.path) as kernel:
        with Switch(lab.ovs.db, timeout=60) as switch:
            switch.apply(dict.fromkeys(names, BANDWIDTH))

        def whole() -> None:
            with Switch(lab.ovs.db, timeout=60) as switch, Kernel(lab.host.path) as other:
                found = verify(
                    switch.ports(), other.read(policers=True),
                    ovs_version=version_tuple(switch.version), psched=Psched.here(),
                )  # fmt: skip
                assert found == []

        filters = policed_read(lab, kernel, names) if policing_available() else None
        pairs = [
            (seconds(lambda: read_all(kernel, names)), seconds(lambda: floor.tc_batch(lab, names))) for _ in range(5)
        ]
        raw = raw_read(lab, kernel, names)
        verified = statistics.median(seconds(whole) for _ in range(3))
        command = statistics.median(netqos(lab, "verify")[0] for _ in range(3))

        def slowly() -> None:
            for name in names[:SAMPLE]:
                lab.host.run("tc", "-d", "class", "show", "dev", name)
                lab.ovs.vsctl("--columns=qos", "list", "port", name)

        slow = seconds(slowly) / SAMPLE
    mine, batch = statistics.median(one for one, _ in pairs), statistics.median(other for _, other in pairs)
    policed = [("read: with a filter on each port, times without", filters, "x", "<= 2.5")] if filters else []
    return [
        *policed,
        (f"read: classes of {count} ports", 1000 * mine / count, "ms/port", ""),
        ("read: times tc -batch", statistics.median(one / other for one, other in pairs), "x", "<= 4"),
        ("read: tc -batch", 1000 * batch / count, "ms/port", ""),
        ("read: times raw dumps that nobody reads", mine / raw, "x", ""),
        ("read: and verify, connecting included", 1000 * verified / count, "ms/port", ""),
        ("read: tc and ovs-vsctl once a port", 1000 * slow, "ms/port", ""),
        ("read: and verify, times faster than tc and ovs-vsctl once a port", slow * count / verified, "x", ">= 100"),
        ("read: netqos verify as a command, times faster than that", slow * count / command, "x", ""),
    ]


def growth_figures(quick: bool) -> Figures:
    applies, reads = {}, {}
    sizes = (50, 200) if quick else (500, 4000)
    for count in sizes:
        with ports(count) as (lab, names), Kernel(lab.host.path) as kernel:
            _, connected, least = applied(lab, names, 1 if quick else 3)
            applies[count] = connected / least
            mine = statistics.median(seconds(lambda: read_all(kernel, names)) for _ in range(5))
            reads[count] = mine / raw_read(lab, kernel, names)
    small, large = sizes
    return [
        (f"growth: apply, times the floor at {small} ports", applies[small], "x", ""),
        (f"growth: apply, times the floor at {large} ports", applies[large], "x", ""),
        (f"growth: apply, of that ratio from {small} to {large} ports", applies[large] / applies[small], "x", "<= 1.3"),
        (f"growth: read, times the floor at {small} ports", reads[small], "x", ""),
        (f"growth: read, times the floor at {large} ports", reads[large], "x", ""),
        (f"growth: read, of that ratio from {small} to {large} ports", reads[large] / reads[small], "x", "<= 1.3"),
    ]


def memory_figures(quick: bool) -> Figures:
    count = 100 if quick else 4000
    with ports(count) as (lab, names):
        with Switch(lab.ovs.db, timeout=60) as switch:
            switch.apply(dict.fromkeys(names, BANDWIDTH))
        wall, memory = netqos(lab, "verify")
    return [
        (f"memory: netqos verify of {count} ports", memory / 1e6, "MB", "<= 150"),
        (f"memory: netqos verify of {count} ports, wall time", wall, "s", ""),
    ]
