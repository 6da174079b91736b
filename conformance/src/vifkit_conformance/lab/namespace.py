"""A network namespace that has no name and lasts as long as one descriptor."""

import fcntl
import os
import socket
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, ParamSpec, Self, TypeVar

from .binaries import binary
from .command import run
from .errors import LabError, LabUnavailableError
from .syscalls import CLONE_NEWNET, setns, unshare

P = ParamSpec("P")
T = TypeVar("T")

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


class Namespace:
    """A new network namespace with `lo` up; the kernel frees it when this object is closed.

    It is held by an open descriptor alone: no name under /run, no mount, no process. Whoever still
    runs in it, or has a socket in it, keeps it until they end. Raises `LabUnavailableError` if the kernel
    says no.
    """

    def __init__(self) -> None:
        try:
            self._file = _in_thread(_create)
        except OSError as error:
            raise LabUnavailableError(f"cannot make a network namespace: {error}") from error

    @classmethod
    def at(cls, path: str | Path) -> Self:
        """Open a namespace that is there already, and that lives on when this object is closed.

        Raises `LabError` if there is none at the path, as /run/netns/NAME or /proc/PID/ns/net.
        """
        opened = cls.__new__(cls)
        try:
            opened._file = _open(path)
        except OSError as error:
            raise LabError(f"no network namespace: {error}") from error
        return opened

    @property
    def path(self) -> str:
        """Where any process that may look into this one finds the namespace, until it is closed."""
        return f"/proc/{os.getpid()}/fd/{self._file.fileno()}"

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns in a thread inside the namespace, or raise what it raises.

        A socket made there stays in the namespace. A process started there by `spawn` would die with
        the thread: give the namespace to `spawn` instead.
        """

        def inside() -> T:
            setns(self._file.fileno(), CLONE_NEWNET)
            return function(*args, **kwargs)

        return _in_thread(inside)

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` inside the namespace; it keeps one process id all along."""
        return [binary("nsenter"), f"--net={self.path}", binary(argv[0]), *argv[1:]]

    def run(self, *argv: str) -> str:
        """Return what a command inside the namespace wrote; raises as `command.run` does."""
        return run(self.command(argv))

    def close(self) -> None:
        """Let the kernel free the namespace and what is in it; may be called again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _create() -> BinaryIO:
    """Make a namespace in this thread, which ends at once: only the descriptor returned keeps it."""
    unshare(CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    return _open("/proc/thread-self/ns/net")


def _open(path: str | Path) -> BinaryIO:
    return Path(path).open("rb", buffering=0)


def _in_thread(function: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()
