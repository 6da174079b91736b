"""Being root where one is not: user namespaces, and what a lab needs of the machine."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .binaries import binary
from .command import run
from .errors import CommandError, LabUnavailableError
from .opening import how_to_open_namespaces, how_to_open_tun
from .syscalls import CLONE_NEWNS, CLONE_NEWUSER, make_mounts_private, unshare

_TUN = Path("/dev/net/tun")
_CAP_NET_ADMIN = 12  # linux/capability.h
_CAP_SYS_ADMIN = 21
_AS_ROOT = ("--user", "--map-root-user", "--mount")
_PROGRAMS = (
    "ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovsdb-client", "ovs-vsctl", "ovs-appctl",
    "ip", "ethtool", "nsenter", "setpriv", "unshare",
)  # fmt: skip


def privileged() -> bool:
    """Return whether this process may make network namespaces and devices as it is."""
    wanted = 1 << _CAP_NET_ADMIN | 1 << _CAP_SYS_ADMIN
    lines = Path("/proc/self/status").read_text().splitlines()
    (effective,) = (int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return effective & wanted == wanted


def why_not() -> str | None:
    """Return one line on what keeps this process from having a lab, and how to mend it, or None if nothing does.

    None for a process that is not `privileged` means that `enter_user_namespace` will make it so. A child
    makes a namespace and a tap device to see.
    """
    try:
        for program in _PROGRAMS:
            binary(program)
        os.close(os.open(_TUN, os.O_RDWR | os.O_CLOEXEC))
    except LabUnavailableError as error:
        return str(error)
    except OSError as error:
        return f"{_TUN}: {error.strerror}: {how_to_open_tun(error)}"
    as_root = () if privileged() else _AS_ROOT
    try:
        run(["unshare", *as_root, "--net", binary("ip"), "tuntap", "add", "probe", "mode", "tap"])
    except CommandError as error:
        message = " ".join(error.stderr.split())
        whose = "a user namespace" if as_root else "root"
        how = how_to_open_namespaces(by_users=bool(as_root))
        return f"{whose} cannot make a network namespace with a tap device here: {message}: {how}"
    return None


def enter_user_namespace() -> None:
    """Make this process root of a new user and mount namespace, in place.

    Its files stay its user's, and it keeps the network that it had, where it may change nothing. Only a
    process of one thread can do it (user_namespaces(7)): call it before anything starts a second, or
    call `reexec_in_user_namespace`. Raises `LabUnavailableError` if the kernel says no; ask `why_not` before,
    as a no half way leaves a process that is nobody.
    """
    user, group = os.geteuid(), os.getegid()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise LabUnavailableError(
            "a process with several threads cannot enter a user namespace: run it by unshare --user --map-root-user "
            "--mount; pytest -n enters one in time where --driver names a driver that is installed"
        )
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        make_mounts_private()
    except OSError as error:
        raise LabUnavailableError(f"cannot enter a user namespace: {error}") from error


def reexec_in_user_namespace(argv: Sequence[str]) -> NoReturn:
    """Replace this process, however many threads it has, by `argv` as root of new namespaces.

    For Python, `argv` is ``[sys.executable, *sys.orig_argv[1:]]``. Raises `LabUnavailableError` if
    util-linux's unshare is missing.
    """
    program = binary("unshare")
    os.execv(program, [program, *_AS_ROOT, "--", *argv])  # noqa: S606  no shell is the point


def private_mounts() -> None:
    """Give the calling thread mounts of its own, which vanish with it and with what it has started.

    Raises `LabUnavailableError` if the kernel says no.
    """
    try:
        unshare(CLONE_NEWNS)
        make_mounts_private()
    except OSError as error:
        raise LabUnavailableError(f"cannot have private mounts: {error}") from error
