"""Finds the programs that a lab runs, and names the package to install where one is missing."""

import os
import shutil

from .errors import LabUnavailableError

# Debian's and Ubuntu's names; other distributions' are close enough to guess.
_PACKAGES = {
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-switch",
    "ovsdb-tool": "openvswitch-common",
    "ovs-vsctl": "openvswitch-switch",
    "ovs-appctl": "openvswitch-common",
    "ovsdb-client": "openvswitch-common",
    "ip": "iproute2",
    "tc": "iproute2",
    "ethtool": "ethtool",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "linux.uml": "user-mode-linux",
    "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "nc": "netcat-openbsd",
    "openssl": "openssl",
    "saslpasswd2": "sasl2-bin",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
}
# Many distributions keep these out of the PATH of a user who is not root.
_ADMINISTRATORS_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def binary(name: str) -> str:
    """Return the path of a program, searched for in PATH and in the administrator's directories.

    Raises `LabUnavailableError`, which names the package to install.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_ADMINISTRATORS_PATH}")
    if found is None:
        hint = f": install the package {_PACKAGES[name]}" if name in _PACKAGES else ""
        raise LabUnavailableError(f"{name} is not installed{hint}")
    return found
