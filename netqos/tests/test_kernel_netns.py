"""The namespaces that a kernel is asked in."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netqos.kernel import Kernel
from vifkit import BackendError
from vifkit_conformance.lab import Namespace, until

pytestmark = pytest.mark.switch


def inode(path: str) -> int:
    return Path(path).stat().st_ino


@contextmanager
def sleeper(namespace: Namespace) -> Iterator[int]:
    """A process that does nothing, in a namespace."""
    with subprocess.Popen(namespace.command(["sleep", "1000"])) as process:
        try:
            inside = inode(namespace.path)
            until(lambda: inode(f"/proc/{process.pid}/ns/net") == inside, "the process is inside")
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)


def test_a_namespace_is_found_by_the_id_of_a_process_in_it(host: Namespace, device: str) -> None:
    with sleeper(host) as pid:
        for netns in (pid, str(pid), f"/proc/{pid}/ns/net"):
            with Kernel(netns) as kernel:
                assert set(kernel.links()) == {"lo", "tap0"}


@pytest.fixture
def names(host: Namespace) -> Iterator[None]:
    """A place for names of namespaces that everybody may write to: the mounts of a test run are its own."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    yield
    subprocess.run(["umount", "--lazy", "/run"], check=True)


def test_a_namespace_is_found_by_its_name(host: Namespace, device: str, names: None) -> None:
    name = f"netqos-{os.getpid()}"
    with sleeper(host) as pid:
        subprocess.run(["ip", "netns", "attach", name, str(pid)], check=True)
        try:
            with Kernel(name) as kernel:
                assert set(kernel.links()) == {"lo", "tap0"}
        finally:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def test_this_process_stays_in_its_own_namespace(host: Namespace, device: str) -> None:
    before = inode("/proc/self/ns/net")
    with Kernel() as ours, Kernel(host.path) as other:
        assert inode("/proc/thread-self/ns/net") == before
        assert set(other.links()) == {"lo", "tap0"}
        assert "tap0" not in ours.links() or ours.links()["tap0"] != other.links()["tap0"]


@pytest.mark.parametrize(
    ("netns", "reason"),
    [
        ("nowhere-at-all", "No such file or directory"),
        ("/nowhere/at/all", "No such file or directory"),
        (2**31 - 1, "No such file or directory"),
        ("4194305", "No such file or directory"),
        ("/", "Is a directory"),
        ("/etc/passwd", "Invalid argument"),
        ("/proc/self/ns/uts", "Invalid argument"),
        ("/proc/self/\0", "embedded null byte"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_a_namespace_that_is_none_is_one_line(netns: str | int, reason: str) -> None:
    with pytest.raises(BackendError, match=rf"^network namespace [^\n]*: {reason}$") as raised:
        Kernel(netns)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None
