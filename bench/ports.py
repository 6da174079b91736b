"""A lab with many ports."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from vifkit_conformance.lab import Lab


@contextmanager
def ports(count: int) -> Iterator[tuple[Lab, list[str]]]:
    """A lab whose bridge has `count` taps that nobody holds open."""
    with Lab() as lab:
        lab.bridge("br0")
        names = [f"tap{number}" for number in range(1, count + 1)]
        ip_batch(lab, [f"tuntap add dev {name} mode tap" for name in names])
        for start in range(0, count, 500):
            words = [word for name in names[start : start + 500] for word in ("--", "add-port", "br0", name)]
            lab.ovs.vsctl(*words)
        yield lab, names


def ip_batch(lab: Lab, lines: list[str]) -> None:
    """Run many commands of ip in one process."""
    text = "".join(f"{line}\n" for line in lines)
    subprocess.run(lab.host.command(["ip", "-batch", "-"]), input=text, text=True, check=True, capture_output=True)
