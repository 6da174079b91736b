"""A libvirtd of one's own, beside a lab's Open vSwitch."""

import os
from pathlib import Path
from typing import Self
from urllib.parse import quote

from vifkit_conformance.lab import Daemon, Lab, spawn
from vifkit_conformance.lab.binaries import binary

# The first process of its own process namespace: it ends all the others by ending, and sees to it that each process
# that ends is gone at once, which libvirt waits for. A hybrid hierarchy of cgroups is more than libvirt_lxc 9.0 copes
# with: its second half is taken away.
_INIT = """
set -e
mount --make-rprivate /
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
for place in /run /var/lib/libvirt /etc/libvirt /var/log/libvirt /var/cache/libvirt; do
    mkdir -p "$place"
    case $place in
        /var/cache/libvirt) mount --bind "$2" "$place" ;;
        *) mount -t tmpfs -o mode=0755 tmpfs "$place" ;;
    esac
done
mkdir /run/openvswitch /run/libvirt
ln -s "$1/db.sock" /run/openvswitch/db.sock
printf '%s\\n' "$3" >/etc/libvirt/qemu.conf
printf '%s\\n' "$4" >/etc/libvirt/libvirtd.conf
touch /run/ready
sleep infinity &
while :; do wait; done
"""

_QEMU_CONF = """security_driver = "none"
cgroup_controllers = []
namespaces = []
user = "root"
group = "root"
stdio_handler = "file"
remember_owner = 0"""

_LIBVIRTD_CONF = """listen_tls = 0
auth_unix_rw = "none"
auth_unix_ro = "none"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log\""""


class PrivateLibvirt:
    """A libvirtd with mounts and processes of its own in the network namespace of a lab's switch.

    All that it starts ends with it, however its owner ends. libvirt's knowledge of this host's QEMU, which takes
    seconds to find out, is kept in `vifkit/libvirt` of the user's cache. Raises LabError, LabUnavailableError.
    """

    def __init__(self, lab: Lab, *, qemu_conf: str = "", libvirtd_conf: str = "") -> None:
        self.lab = lab
        cache = cache_directory() / "libvirt"
        cache.mkdir(parents=True, exist_ok=True)
        binary("libvirtd")
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
        # Of two values for one key libvirt takes the first.
        configuration = (f"{qemu_conf}\n{_QEMU_CONF}", f"{libvirtd_conf}\n{_LIBVIRTD_CONF}")
        self._init = spawn(
            [*namespaces, "sh", "-c", _INIT, "init", str(lab.directory), str(cache), *configuration],
            lab.directory / "libvirt-init.log",
            namespace=lab.host,
        )
        try:
            children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children")
            self._init.wait_for(lambda: children.read_text().strip(), "has started")
            self.init_pid = int(children.read_text())
            self.root = Path(f"/proc/{self.init_pid}/root")
            self._init.wait_for((self.root / "run/ready").exists, "is ready")
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def socket(self) -> Path:
        """Where libvirtd answers, as seen from outside."""
        return self.root / "run/libvirt/libvirt-sock"

    @property
    def log(self) -> Path:
        """What libvirtd has to say."""
        return self.root / "var/log/libvirt/libvirtd.log"

    def uri(self, scheme: str) -> str:
        """Give a driver's URI: libvirt's socket, the lab's Open vSwitch, and where its devices are."""
        where = {"socket": str(self.socket), "db": self.lab.ovs.db, "netns": self.lab.host.path}
        return f"{scheme}:///system?" + "&".join(f"{name}={quote(value, safe='/:')}" for name, value in where.items())

    def start(self) -> None:
        """Start libvirtd, and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        self._daemon: Daemon = spawn(
            self.command("setpriv", "--pdeathsig", "KILL", binary("libvirtd"), "--listen"), self.lab.directory / "libvirtd.out"
        )
        self._daemon.wait_for(self.socket.exists, "answers", 30)

    def kill(self) -> None:
        """End libvirtd without its consent; what it has started goes on."""
        # nsenter waits outside for the real one inside, which ends with it (PR_SET_PDEATHSIG).
        self._daemon.kill()

    def command(self, *argv: str) -> list[str]:
        """Give the command that runs `argv` where libvirtd runs."""
        return [binary("nsenter"), f"--target={self.init_pid}", "--mount", "--pid", "--net", "--", *argv]

    def close(self) -> None:
        """End all of it; may be called again."""
        if hasattr(self, "_daemon"):
            self._daemon.kill()
        self._init.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cache_directory() -> Path:
    """Name the directory for what takes long to make, and may be made again (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vifkit"
