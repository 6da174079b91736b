"""What a namespace needs of its host: made and undone by the ordinary tools."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vifkit import BackendError


def run(*argv: str) -> None:
    """Run a command. Raises BackendError with its last line."""
    # A user's PATH often lacks the administrator's tools.
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"}
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, env=environment)
    except FileNotFoundError as error:
        raise BackendError(f"{argv[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[-1]
        raise BackendError(f"{argv[0]}: {said}") from error


def make_namespace(pin: Path) -> None:
    """Make a network namespace that lasts, pinned to a file, with `lo` up. Raises BackendError."""
    pin.touch(mode=0o600)
    try:
        run("unshare", f"--net={pin}", "ip", "link", "set", "lo", "up")
    except BackendError:
        drop_namespace(pin)
        raise


def is_namespace(pin: Path) -> bool:
    """Tell whether a namespace is pinned here: after a restart of the host the file is an empty one."""
    try:
        return pin.stat().st_dev != pin.parent.stat().st_dev
    except OSError:
        return False


def drop_namespace(pin: Path) -> None:
    """End every process in the namespace, and unpin it. To drop one that is gone is allowed."""
    if is_namespace(pin):
        for process in processes(pin):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        run("umount", str(pin))
    pin.unlink(missing_ok=True)


def processes(pin: Path) -> list[int]:
    """List the processes in a namespace."""
    namespace = pin.stat()
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and os.path.samestat((entry / "ns/net").stat(), namespace):
                found.append(int(entry.name))
    return found


def spawn(pin: Path, argv: Sequence[str]) -> None:
    """Start a process in the namespace that outlives us. Raises BackendError if it is not to be found."""
    run("nsenter", f"--net={pin}", "--", "sh", "-c", 'command -v -- "$1" >/dev/null', "sh", argv[0])
    subprocess.run(
        ["nsenter", f"--net={pin}", "--", "setsid", "--fork", *argv],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def add_veth(host: str, port: str, pin: Path, device: str, mac: str, mtu_bytes: int) -> None:
    """Join the namespace to `port` on the host (the path of its namespace) by a veth. Raises BackendError."""
    inside, outside = ("nsenter", f"--net={pin}", "--"), ("nsenter", f"--net={host}", "--")
    mtu = ("mtu", str(mtu_bytes))
    peer = ("peer", "name", port, *mtu, "netns", host)
    run(*inside, "ip", "link", "add", device, "address", mac, *mtu, "type", "veth", *peer)
    for where, name in ((inside, device), (outside, port)):
        # Open vSwitch's datapath in user space passes on checksums that were left to hardware, unfilled.
        run(*where, "ethtool", "-K", name, "tx", "off")
        run(*where, "ip", "link", "set", name, "up")


def delete_link(host: str, port: str) -> None:
    """Delete a device of the host, if it is there."""
    with suppress(BackendError):
        run("nsenter", f"--net={host}", "--", "ip", "link", "delete", port)
