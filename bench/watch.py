"""What `vifkit-libvirt watch` costs, and how soon it acts, beside 200 running domains."""

import json
import os
import select
import socket
import statistics
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import libvirt

from netqos.kernel import Kernel
from vifkit_conformance.guest import interface
from vifkit_conformance.lab import Lab, private_mounts, until
from vifkit_conformance.lab.command import mortal
from vifkit_libvirt.metadata import NAMESPACE
from vifkit_lxc.testbed import LxcTestbed

Figures = list[tuple[str, float, str, str]]
COMMAND = str(Path(sysconfig.get_path("scripts"), "vifkit-libvirt"))
THREADS = 8
AUDIT_SECONDS = 60


class Counter:
    """Stands between a client and the database, and counts the bytes that the client receives."""

    def __init__(self, lab: Lab) -> None:
        self.bytes = 0
        self._database = str(lab.directory / "db.sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(lab.directory / "counted.sock"))
        self._listener.listen()
        self.db = f"unix:{lab.directory}/counted.sock"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._database)
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    piece = ready.recv(1 << 20)
                    if not piece:
                        return
                    self.bytes += len(piece) if ready is server else 0
                    (client if ready is server else server).sendall(piece)


class Service:
    """The running service, and what it says."""

    def __init__(self, lab: Lab, uris: list[str], *options: str) -> None:
        self._output = lab.directory / "watch.json"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(mortal([COMMAND, "watch", "--json", *options, *uris]), stdout=output)
        until(lambda: '"watching"' in self._output.read_text(), "the service is ready", 60)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def passes(self) -> list[dict[str, Any]]:
        return [each for each in map(json.loads, self._output.read_text().splitlines()) if "read" in each]

    def transactions(self) -> int:
        return sum(bool(each["changed"]) + bool(each["collected"]) for each in self.passes())

    def cpu_seconds(self) -> float:
        figures = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


class Domain:
    """A container, or a QEMU that is paused: it has a port as any other, and takes no processor."""

    def __init__(self, opened: Any, testbed: LxcTestbed, kind: str) -> None:
        self.uuid = str(uuid4())
        self.mac = f"52:54:00:{self.uuid[:2]}:{self.uuid[2:4]}:{self.uuid[4:6]}"
        self._opened, self._testbed, self._kind = opened, testbed, kind

    def start(self) -> None:
        vif = interface(self.mac)
        if self._kind == "lxc":
            xml = self._testbed.domain_xml(self.uuid, self.uuid, [vif])
            kept = f"<metadata><bandwidths xmlns='{NAMESPACE}'>{self._kept(100)}</bandwidths></metadata>"
            self.handle = self._opened.createXML(xml.replace("<memory", f"{kept}<memory", 1), 0)
        else:
            xml = (
                f"<domain type='qemu'><name>{self.uuid}</name><uuid>{self.uuid}</uuid><memory unit='MiB'>16</memory>"
                f"<os><type>hvm</type></os><devices>{vif}</devices></domain>"
            )
            self.handle = self._opened.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)

    def change(self, average: int) -> None:
        if self._kind == "lxc":
            text = f"<bandwidths>{self._kept(average)}</bandwidths>"
            self.handle.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, "vifkit", NAMESPACE)
        else:
            self.handle.setInterfaceParameters(self.mac, {"inbound.average": average}, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def _kept(self, average: int) -> str:
        return f"<vif mac='{self.mac}'><bandwidth><inbound average='{average}'/></bandwidth></vif>"


def figures(quick: bool) -> Figures:
    count = 20 if quick else 200
    private_mounts()
    with ExitStack() as stack:
        lab = stack.enter_context(Lab())
        lab.bridge()
        testbed = LxcTestbed()
        stack.enter_context(testbed.boot(lab))
        kernel = stack.enter_context(Kernel(lab.host.path))
        counter = Counter(lab)
        uris = [testbed.libvirt.uri(kind).replace(lab.ovs.db, counter.db) for kind in ("lxc", "qemu")]
        containers, qemus = (
            libvirt.open(f"{kind}:///system?socket={testbed.libvirt.socket}") for kind in ("lxc", "qemu")
        )
        domains = [Domain(containers, testbed, "lxc") for _ in range(count)]
        with Service(lab, uris) as service:
            found = _storm(lab, kernel, service, domains)
            qemu = Domain(qemus, testbed, "qemu")
            qemu.start()
            for kind, changed in (("a container's metadata", domains), ("virsh domiftune on QEMU", [qemu])):
                time.sleep(10)  # the storm is over
                found += _changes(lab, kernel, service, counter, kind, changed, 5 if quick else 20)
            found += [("watch: memory of the service", service.memory() / 1e6, "MB", "")]
        with Service(lab, uris, "--audit", "1") as service:
            found += _idle(service, counter, count + 1)
            qemu.handle.destroy()
            found += _end(lab, service, domains)
    return found


def _storm(lab: Lab, kernel: Kernel, service: Service, domains: list[Domain]) -> Figures:
    """Start all at once, and wait until all are right."""
    began = time.monotonic()
    _all_at_once(domains, Domain.start)
    started = time.monotonic()
    names = _ports(lab)
    ports = [names[domain.mac] for domain in domains]
    until(lambda: set(_ceils(kernel, ports).values()) == {100_000}, "all are limited", 30)
    count = len(domains)
    return [
        (f"watch: {count} domains start at once, in", started - began, "s", ""),
        (f"watch: {count} domains start at once: transactions", service.transactions(), "", "<= 20"),
        (f"watch: {count} domains start at once: all right after the last", time.monotonic() - started, "s", "<= 4"),
    ]


def _changes(
    lab: Lab, kernel: Kernel, service: Service, counter: Counter, kind: str, domains: list[Domain], rounds: int
) -> Figures:
    """Change one bandwidth at a time, now and then, and wait until it is in effect."""
    names, before = _ports(lab), len(service.passes())
    took, called, received = [], [], []
    for number in range(rounds):
        domain = domains[number % len(domains)]
        port, average = names[domain.mac], 200 + number
        bytes_before, began = counter.bytes, time.monotonic()
        domain.change(average)
        called.append(time.monotonic() - began)
        until(lambda: _ceils(kernel, [port]) == {port: average * 1000}, f"{average} kB/s is in effect")  # noqa: B023
        took.append(time.monotonic() - began)
        time.sleep(1.1)
        received.append(counter.bytes - bytes_before)
    read = statistics.median(each["read"] for each in service.passes()[before:] if each["changed"])
    return [
        (f"watch: {kind}, until it is in effect, median of {rounds}", statistics.median(took), "s", "<= 0.5"),
        (f"watch: {kind}, until it is in effect, worst of {rounds}", max(took), "s", "<= 0.5"),
        (f"watch: {kind}, of which is libvirt's own call, median", statistics.median(called), "s", ""),
        (f"watch: {kind}: domains read, median", read, "", "<= 1"),
        (f"watch: {kind}: received from OVSDB", statistics.median(received) / 1000, "kB", "<= 20"),
    ]


def _idle(service: Service, counter: Counter, count: int) -> Figures:
    """Audit all of them each second, and nothing else."""
    passes, cpu, received = len(service.passes()), service.cpu_seconds(), counter.bytes
    time.sleep(10)
    audits = sum(each["read"] for each in service.passes()[passes:]) / count
    audit = (service.cpu_seconds() - cpu) / audits
    return [
        (f"watch: processor time of an audit of {count} domains", audit, "s", ""),
        (f"watch: processor, idle, an audit each {AUDIT_SECONDS} s", 100 * audit / AUDIT_SECONDS, "%", "<= 1"),
        ("watch: received from OVSDB for an audit", (counter.bytes - received) / audits / 1000, "kB", ""),
    ]


def _end(lab: Lab, service: Service, domains: list[Domain]) -> Figures:
    """Destroy all at once, and wait until no row is left."""
    before = service.transactions()
    _all_at_once(domains, lambda domain: domain.handle.destroy())
    ended = time.monotonic()
    until(lambda: lab.ovs.rows("QoS", "_uuid") == [], "all rows are deleted", 30)
    took, count = time.monotonic() - ended, len(domains)
    time.sleep(0.5)  # it is told when it is done
    return [
        (f"watch: {count} domains end at once: transactions", service.transactions() - before, "", "<= 20"),
        (f"watch: {count} domains end at once: no row left after the last", took, "s", "<= 4"),
    ]


def _all_at_once(domains: list[Domain], work: Callable[[Domain], object]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, domains))


def _ports(lab: Lab) -> dict[str, str]:
    rows = lab.ovs.rows("Interface", "name", "external_ids")
    return {row["external_ids"]["attached-mac"]: row["name"] for row in rows if "attached-mac" in row["external_ids"]}


def _ceils(kernel: Kernel, ports: list[str]) -> dict[str, int | None]:
    links = kernel.read(ports)
    leaves = {name: link.tree.classes.get("1:1") for name, link in links.items()}
    return {name: None if leaf is None else leaf.ceil for name, leaf in leaves.items()}
