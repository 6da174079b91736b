"""Hypervisors of this host that are reached by a program of theirs, beside an Open vSwitch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from shutil import which

from netqos.kernel import namespace_path

from .command import Program
from .lockfile import LockFile
from .uri import parse

LIMIT_BYTES = 64 << 20
"""What one call may say: of a machine they tell in 4 to 6 kB, and so of 10,000 in less than this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Local:
    """What a URI of such a hypervisor says: SCHEME:///PATH?program=…&timeout=…&db=…&netns=…."""

    program: Program
    lock: LockFile
    """Keeps others that use this program through us out."""
    db: str | None
    """The database of the Open vSwitch; None for the local one."""
    netns: str
    """The path of the namespace that hypervisor and switch are in."""

    def tool(self, *argv: str) -> Program:
        """A tool of the administrator's that works in the namespace."""
        # A user's PATH often lacks these.
        path = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
        found = which(argv[0], path=path) or argv[0]
        return Program(which("nsenter", path=path) or "nsenter", f"--net={self.netns}", "--", found, *argv[1:])


def local(uri: str, schemes: Sequence[str], path: str, program: str) -> Local:
    """Read a URI; `program` is the default of the program. Raises ValueError, BackendError for a namespace."""
    address = parse(uri, schemes, ("db", "netns", "program", "timeout"))
    name = address.query.get("program", program)
    timeout = address.query.get("timeout", "60")
    if address.host or address.path not in ("", "/", path):
        raise ValueError(f"not understood: {uri!r}; {schemes[0]}://{path} is")
    if not name or ("/" in name and not name.startswith("/")):
        raise ValueError(f"not understood: {uri!r}; program is a name, or a whole path")
    if not (timeout.isascii() and timeout.isdecimal()) or not 1 <= int(timeout) <= 3600:
        raise ValueError(f"not understood: {uri!r}; timeout is from 1 to 3600 seconds")
    return Local(
        program=Program(name, timeout_s=int(timeout), limit_bytes=LIMIT_BYTES),
        lock=LockFile(schemes[0], name),
        db=address.query.get("db"),
        netns=str(namespace_path(address.query.get("netns", os.getpid()))),
    )
