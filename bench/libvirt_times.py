"""What the libvirt drivers cost beside virsh, which does less: it looks at no row and no class."""

import os
import subprocess
import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median

from vifkit import Bandwidth, Connection, Rate
from vifkit_conformance.guest import interface
from vifkit_conformance.lab import Lab, private_mounts
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_lxc.driver import LxcDriver
from vifkit_lxc.testbed import LxcTestbed
from vifkit_qemu.driver import QemuDriver
from vifkit_qemu.testbed import QemuTestbed

MAC = "52:54:00:00:00:01"
UUID = "7714e6b5-4885-4140-bc59-2f77cc99b3b5"
BANDWIDTH = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"


def figures(quick: bool) -> list[tuple[str, float, str, str]]:
    """Start of a QEMU domain and a change of its bandwidth, by driver and by virsh in turns; the same change in LXC."""
    rounds = 3 if quick else 15
    warnings.simplefilter("ignore")
    private_mounts()
    with Lab() as lab:
        lab.bridge("br0")
        qemu, lxc = QemuTestbed(), LxcTestbed()
        with qemu.boot(lab) as uri, QemuDriver().open(uri) as connection:
            xml = qemu.domain_xml("bench", UUID, [interface(MAC, BANDWIDTH)])
            xml = xml.replace("<memory unit='MiB'>16<", "<memory unit='MiB'>64<")
            start = _starts(connection, qemu.libvirt, lab, xml, rounds)
            domain = connection.create(xml)
            tune, change = _changes(connection, qemu.libvirt, rounds)
            domain.stop()
        with lxc.boot(lab) as uri, LxcDriver().open(uri) as connection:
            connection.create(lxc.domain_xml("bench", UUID, [interface(MAC, BANDWIDTH)]))
            change_lxc = median(_timed(_change(connection, number)) for number in range(2 * rounds))
            connection.domain("bench").stop()
    return [
        ("libvirt: start of a 64 MB QEMU domain, driver over virsh create", start[0] / start[1], "x", "<= 1.1"),
        ("libvirt: the same, by the driver", start[0], "s", ""),
        ("libvirt: set_bandwidth of a running QEMU domain over virsh domiftune", change / tune, "x", "<= 1.1"),
        ("libvirt: set_bandwidth of a running container over QEMU's domiftune", change_lxc / tune, "x", "<= 0.3"),
        ("libvirt: virsh domiftune", tune, "s", ""),
    ]


def _starts(connection: Connection, libvirt: PrivateLibvirt, lab: Lab, xml: str, rounds: int) -> tuple[float, float]:
    file = lab.directory / "bench.xml"
    file.write_text(xml, encoding="utf-8")
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_timed(lambda: connection.create(xml)))
        connection.domain("bench").stop()
        theirs.append(_timed(lambda: _virsh(libvirt, "create", str(file))))
        connection.domain("bench").stop()
    return median(ours), median(theirs)


def _changes(connection: Connection, libvirt: PrivateLibvirt, rounds: int) -> tuple[float, float]:
    theirs, ours = [], []
    for number in range(2 * rounds):
        figures = f"{300 + number},{600 + number},32"
        theirs.append(_timed(partial(_virsh, libvirt, "domiftune", "bench", MAC, "--inbound", figures)))
        ours.append(_timed(_change(connection, number)))
    return median(theirs), median(ours)


def _change(connection: Connection, number: int) -> Callable[[], None]:
    domain = connection.domain("bench")
    return lambda: domain.set_bandwidth(MAC, Bandwidth(inbound=Rate(average=400 + number, peak=900, burst=32)))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _virsh(libvirt: PrivateLibvirt, *arguments: str) -> None:
    uri = f"qemu:///system?socket={libvirt.socket}"
    subprocess.run(["virsh", "-q", "-c", uri, *arguments], check=True, capture_output=True, env=dict(os.environ))
