"""How long a lab takes, and the suite."""

import statistics
import subprocess
import sys
import time

from vifkit_conformance.lab import Lab
from vifkit_libvirt.testbed import insist_on_root


def lab_figures(quick: bool) -> list[tuple[str, float, str, str]]:
    starts, stops = [], []
    for _ in range(3 if quick else 20):
        begun = time.perf_counter()
        with Lab():
            ready = time.perf_counter()
        starts.append(ready - begun)
        stops.append(time.perf_counter() - ready)
    return [
        (f"lab: median start of {len(starts)}", statistics.median(starts), "s", "<= 0.3"),
        (f"lab: median stop of {len(stops)}", statistics.median(stops), "s", ""),
    ]


def suite_figures(quick: bool) -> list[tuple[str, float, str, str]]:
    insist_on_root()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--require-environment"]
    command += ["--pyargs", "vifkit_conformance.suite", *(["-k", "lifecycle"] if quick else [])]
    figures = []
    totals = []
    for name, more in (("serial", []), ("with -n 2", ["-n", "2"])):
        total = 0.0
        for driver in ("netns", "lxc", "qemu"):
            started = time.perf_counter()
            subprocess.run([*command, "--driver", driver, *more], check=True, stdout=subprocess.DEVNULL)
            taken = time.perf_counter() - started
            figures.append((f"suite: {driver}, {name}", taken, "s", ""))
            total += taken
        totals.append(total)
    serial, parallel = totals
    return [
        *figures,
        ("suite: netns, lxc and qemu, serial over -n 2", serial / parallel, "x", ">= 1.5"),
        ("suite: netns, lxc and qemu, with -n 2", parallel, "s", "<= 360"),
    ]
