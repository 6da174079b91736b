"""How a host's root opens to others what a lab needs: one line for each thing that is found closed."""

import errno
from pathlib import Path

_SYSCTLS = Path("/proc/sys")

# By name: the value that closes, and the one that opens. Debian's kernels have had the second, Ubuntu's have the
# third (apparmor.d(5), "userns"); the others are every kernel's (namespaces(7)).
_USER_NAMESPACES = {
    "user.max_user_namespaces": ("0", "15000"),
    "kernel.unprivileged_userns_clone": ("0", "1"),
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),
}
_NETWORK_NAMESPACES = {"user.max_net_namespaces": ("0", "15000")}


def how_to_open_tun(error: OSError) -> str:
    """Say what to do about a tun device that did not open."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            "open it to users: as root, chmod 0666 /dev/net/tun; for good, the line "
            'KERNEL=="tun", MODE="0666" in /etc/udev/rules.d/60-tun.rules'
        )
    return "load the module tun: as root, modprobe tun; a container is given it by --device /dev/net/tun"


def how_to_open_namespaces(*, by_users: bool) -> str:
    """Say what to do where no namespaces are made: by users, who need one of their own before, or by root."""
    sysctls = (_USER_NAMESPACES if by_users else {}) | _NETWORK_NAMESPACES
    found = [f"{name}={opens}" for name, (closes, opens) in sysctls.items() if _value(name) == closes]
    if found:
        return f"as root, sysctl -w {' '.join(found)}; for good, the same in /etc/sysctl.d/60-vifkit.conf"
    if by_users:
        return "run this as root, or let the container's runtime allow unshare (--security-opt seccomp=unconfined)"
    return "let the container's runtime allow it (--privileged)"


def _value(name: str) -> str | None:
    try:
        return (_SYSCTLS / name.replace(".", "/")).read_text(encoding="ascii").strip()
    except OSError:
        return None
