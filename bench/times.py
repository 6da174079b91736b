"""How long a lab takes, and the suite."""

import statistics
import subprocess
import sys
import time

from vifkit_conformance.lab import Lab


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
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--require-environment"]
    command += ["--pyargs", "vifkit_conformance.suite", "--driver", "netns"]
    figures = []
    for name, more in (("serial", []), ("with -n 2", ["-n", "2"])):
        started = time.perf_counter()
        subprocess.run(
            [*command, *more, *(["-k", "lifecycle"] if quick else [])], check=True, stdout=subprocess.DEVNULL
        )
        figures.append((f"suite: netns, {name}", time.perf_counter() - started, "s", ""))
    return figures
