"""The suite in a full kernel: both datapaths, what runs on each, and netqos's own tests of policing.

A full kernel has one processor, so as many run side by side as there are here.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DIRECTIONS = "inbound or outbound or behaviour"
GUEST = "outbound_becomes or outbound_reaches or outbound-reference or sends_its_average"  # it boots slowly there
RUNS = [
    *(
        ["--pyargs", "vifkit_conformance", "--driver", driver, "--datapath", datapath, "-k", DIRECTIONS]
        for driver in ("lxc", "netns")
        for datapath in ("system", "netdev")
    ),
    ["--pyargs", "vifkit_conformance", "--driver", "qemu", "-k", GUEST],
    ["netqos/tests/test_policing_kernel.py"],
]


def judge(options: list[str]) -> bool:
    """Run pytest in a kernel of its own, and print what it says when it has ended."""
    command = [sys.executable, "-m", "pytest", "--lab", "uml", "--require-environment", *options]
    began = time.monotonic()
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    head = f"\nfull kernel: pytest {' '.join(options)}: status {ended.returncode} in {time.monotonic() - began:.0f} s\n"
    os.write(1, head.encode() + ended.stdout)
    return ended.returncode == 0


def main() -> int:
    """Return 0 if all held."""
    os.chdir(Path(__file__).resolve().parent.parent)
    print(f"full kernel: {len(RUNS)} runs, each is shown when it has ended", flush=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return 0 if all(list(pool.map(judge, RUNS))) else 1


if __name__ == "__main__":
    sys.exit(main())
