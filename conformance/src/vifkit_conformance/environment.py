"""What a run runs on: what is installed for it, where it connects, and the versions that its reader needs to know."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from .report import redact
from .uml import INSIDE

if TYPE_CHECKING:
    from .observe.remote import Remote


def installed(kind: str, name: str) -> EntryPoint:
    """Find a `driver` or a `testbed` by name, unloaded. Raises LookupError, with the names that there are."""
    found = {entry.name: entry for entry in entry_points(group=f"vifkit.{kind}s")}
    if name not in found:
        near = get_close_matches(name, found)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise LookupError(
            f"no {kind} named {name!r} is installed{meant}; there are: {', '.join(sorted(found)) or 'none'}"
        )
    return found[name]


def with_query(uri: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Add parameters to a URI that may have a query already; the rest of it stays as it is written."""
    if not parameters:
        return uri
    # urlunsplit would make qemu:/system of qemu:///system. A space is %20: only forms read a plus as one.
    given, mark, fragment = uri.partition("#")
    return given + ("&" if "?" in given else "?") + urlencode(parameters, safe="/", quote_via=quote) + mark + fragment


def versions(tools: Mapping[str, Sequence[str]], datapath: str, host: "Remote | None" = None) -> dict[str, str]:
    """Tell the versions of everything that a run is judged on; `tools` are the testbed's, `datapath` is the lab's.

    On another `host` there is no lab.
    """
    asked = {"Open vSwitch": ("ovs-vsctl", "--version"), "iproute2": ("tc", "-V"), **tools}
    run = host.output if host is not None else _output
    kind = " (user-mode)" if host is None and INSIDE in os.environ else ""
    found = {name: _version(run(*argv)) for name, argv in asked.items()}
    found |= {"Linux": run("uname", "-r").strip() + kind}
    return found if host is not None else found | {"datapath": datapath}


def header(
    driver: str, testbed: str, parameters: Sequence[tuple[str, str]], datapath: str, host: "Remote | None" = None
) -> list[str]:
    """Name the driver, the testbed, the URI's parameters and the versions of everything that it is judged on."""
    said = ", ".join(f"{name} {number}" for name, number in versions(_tools(testbed), datapath, host).items())
    suite = f"suite {version('vifkit-conformance')}"
    on = f" on {testbed}" if testbed != driver else ""
    query = f" with {' '.join(redact.parameter(key, value) for key, value in parameters)}" if parameters else ""
    at = f" at {host.spec}" if host is not None else ""
    return [f"vifkit: driver {driver}{on}{query}{at} ({package(driver)}), {suite}, {said}"]


def _tools(testbed: str) -> Mapping[str, Sequence[str]]:
    """Ask a testbed what it boots; one that is not there, or does not load, is told of where it is needed."""
    try:
        found: Mapping[str, Sequence[str]] = installed("testbed", testbed).load().tools
    except (Exception, SystemExit):  # noqa: BLE001  an author's module may raise anything
        return {}
    return found


def package(driver: str) -> str:
    """Name the distribution of a driver of vifkit's, with its version."""
    try:
        return f"vifkit-{driver} {version(f'vifkit-{driver}')}"
    except PackageNotFoundError:
        return "not a package of vifkit's"


def distribution(of: type) -> str | None:
    """Name the distribution that a driver's class comes from, with its version; None where none has its package."""
    package = of.__module__.partition(".")[0]
    drivers = (each for each in entry_points(group="vifkit.drivers") if each.module.partition(".")[0] == package)
    found = next(drivers, None)
    return f"{found.dist.name} {found.dist.version}" if found and found.dist else None


def _output(*argv: str) -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": path}).stdout
    except OSError:
        return ""


def _version(said: str) -> str:
    found = re.search(r"\d+(\.\d+)+", said)
    if found is None:
        return "of an unknown version" if said else "is not installed"
    return found[0]
