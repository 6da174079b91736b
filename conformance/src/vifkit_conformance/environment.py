"""What a run ran on: the versions that a reader of its result needs to know."""

import os
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version


def header(driver: str) -> list[str]:
    """Name the driver and the versions of everything that it is judged on."""
    tools = {"Open vSwitch": ("ovs-vswitchd", "--version"), "iproute2": ("tc", "-V")}
    said = [f"{name} {_version(argv)}" for name, argv in tools.items()]
    kernel = f"Linux {os.uname().release}"
    suite = f"suite {version('vifkit-conformance')}"
    return [f"vifkit: driver {driver} ({_package(driver)}), {suite}, {', '.join(said)}, {kernel}"]


def _package(driver: str) -> str:
    try:
        return f"vifkit-{driver} {version(f'vifkit-{driver}')}"
    except PackageNotFoundError:
        return "not a package of vifkit's"


def _version(argv: tuple[str, ...]) -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": path}).stdout
    except OSError:
        return "is not installed"
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else "of an unknown version"
