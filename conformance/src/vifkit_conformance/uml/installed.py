"""What user-mode Linux needs of the host: its kernel with its modules, and a place for its memory."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..lab.binaries import binary
from ..lab.errors import LabUnavailableError

MODULES = Path("/usr/lib/uml/modules")
MEMORY = Path("/dev/shm")  # noqa: S108  UML makes a file of its own there, which has no name from then on
_LINUX = "linux.uml"


@dataclass(frozen=True, slots=True)
class Installed:
    """The kernel: its program, its version as `uname -r` tells it, and the folder of its modules."""

    program: str
    version: str
    modules: Path


def find() -> Installed:
    """Find the kernel. Raises LabUnavailableError, which says what to install."""
    program = binary(_LINUX)
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabUnavailableError(f"{program} does not run here: {error}") from error
    version = said.strip()
    if not re.fullmatch(r"\d+\.\S+", version):
        raise LabUnavailableError(f"{program} does not run here: it does not tell its version")
    modules = MODULES / version
    if not modules.is_dir():
        raise LabUnavailableError(f"{modules} is missing: reinstall the package user-mode-linux")
    return Installed(program, version, modules)


def memory_place(mebibytes: int) -> Path:
    """Find where a file of this size can be the kernel's memory: in /dev/shm, or else where temporary files are.

    UML fills it as it is used, and dies where there is no more: so it is looked at before. Raises
    LabUnavailableError, which says of each place why not.
    """
    reasons = []
    for place in dict.fromkeys((MEMORY, Path(tempfile.gettempdir()))):
        if reason := next(_objections(place, mebibytes), None):
            reasons.append(f"{place} {reason}")
        else:
            return place
    raise LabUnavailableError(f"no place for {mebibytes} MiB of memory: {', '.join(reasons)} (TMPDIR names another)")


def _objections(place: Path, mebibytes: int) -> Iterator[str]:
    if not place.is_dir():
        yield "is missing"
        return
    found = os.statvfs(place)
    if found.f_flag & os.ST_RDONLY or not os.access(place, os.W_OK | os.X_OK):
        yield "cannot be written to"
    if found.f_flag & os.ST_NOEXEC:
        yield "is mounted noexec"
    free = found.f_bavail * found.f_frsize >> 20
    if free < mebibytes:
        yield f"has {free} MiB left"
