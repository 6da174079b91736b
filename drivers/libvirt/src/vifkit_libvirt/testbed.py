"""A libvirtd of one's own, beside a lab's Open vSwitch."""

import os
import re
from pathlib import Path
from typing import Self
from urllib.parse import quote
from uuid import uuid4

import libvirt

from vifkit import Domain
from vifkit_conformance.lab import Daemon, Lab, LabUnavailableError, spawn, until
from vifkit_conformance.lab.binaries import binary
from vifkit_conformance.lab.command import run
from vifkit_conformance.testbed import Testbed

from . import eventloop
from .lab.groups import containers_groups, remove_groups

# The first process of its own process namespace: it ends all the others by ending, and sees to it that each process
# that ends is gone at once, which libvirt waits for. Debian's libvirtd wants its user, which only the package that
# starts the host's own libvirtd makes. A hybrid hierarchy of cgroups is more than libvirt_lxc 9.0 copes with: its
# second half is taken away.
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
hostname "$5"
mkdir /run/openvswitch /run/libvirt /var/lib/libvirt/dnsmasq
for file in passwd group; do
    cp "/etc/$file" "/run/$file"
    grep -q ^libvirt-qemu: "/run/$file" || echo libvirt-qemu:x:64055:64055::/:/bin/false >>"/run/$file"
    mount --bind "/run/$file" "/etc/$file"
done
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
log_outputs = "3:stderr\""""


class PrivateLibvirt:
    """A libvirtd with mounts and processes of its own in the network namespace of a lab's switch.

    All that it starts ends with it, however its owner ends; of containers, a killed owner leaves empty control groups,
    which belong to the whole host. libvirt's knowledge of this host's QEMU, which takes seconds to find out, is kept
    in `vifkit/libvirt` of the user's cache. Raises LabError, LabUnavailableError.
    """

    def __init__(self, lab: Lab, *, qemu_conf: str = "", libvirtd_conf: str = "") -> None:
        self.lab = lab
        cache = cache_directory() / "libvirt"
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabUnavailableError(f"no place to keep what libvirt knows of QEMU: {error}") from error
        binary("libvirtd")
        insist_on_root()
        namespaces = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
        # Two of them are two hosts to each other, by UUID and by name, or no domain would migrate between them.
        identity = f'host_uuid = "{uuid4()}"'
        # Of two values for one key libvirt takes the first.
        configuration = (f"{qemu_conf}\n{_QEMU_CONF}", f"{libvirtd_conf}\n{identity}\n{_LIBVIRTD_CONF}")
        given = (str(lab.directory), str(cache), *configuration, lab.directory.name)
        self._init = spawn(
            [*namespaces, "sh", "-c", _INIT, "init", *given],
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
        return self.lab.directory / "libvirtd.log"

    def uri(self, scheme: str) -> str:
        """Give a driver's URI: libvirt's socket, the lab's Open vSwitch, and where its devices are."""
        where = {"socket": str(self.socket), "db": self.lab.ovs.db, "netns": self.lab.host.path}
        return f"{scheme}:///system?" + "&".join(f"{name}={quote(value, safe='/:')}" for name, value in where.items())

    def start(self) -> None:
        """Start libvirtd, and wait until it answers."""
        self._forget_unborn()
        eventloop.ensure_running()  # before the first connection, and ours is one
        self.socket.unlink(missing_ok=True)
        libvirtd = self.command("setpriv", "--pdeathsig", "KILL", binary("libvirtd"), "--listen")
        self._daemon: Daemon = spawn(libvirtd, self.log)
        self._daemon.wait_for(lambda: self.socket.exists() and _answers(self.socket), "answers", 30)

    def kill(self) -> None:
        """End libvirtd without its consent; what it has started goes on."""
        # nsenter waits outside for the real one inside, which ends with it (PR_SET_PDEATHSIG), and a little later.
        children = Path(f"/proc/{self._daemon.pid}/task/{self._daemon.pid}/children").read_text().split()
        self._daemon.kill()
        until(lambda: all(map(_has_ended, children)), "libvirtd has ended")

    def _forget_unborn(self) -> None:
        """Take away records of QEMU domains that have no process yet, as a host's operator has to.

        A libvirtd that dies within the few milliseconds between the two (qemuProcessLaunch) finds such a domain again,
        takes it for one that runs (qemuProcessReconnectHelper passes it over), and never lets go of its start.
        """
        for record in (self.root / "run/libvirt/qemu").glob("*.xml"):
            if re.search("<domstatus [^>]*pid='0'", record.read_text(encoding="utf-8")):
                record.unlink()

    def command(self, *argv: str) -> list[str]:
        """Give the command that runs `argv` where libvirtd runs."""
        return [binary("nsenter"), f"--target={self.init_pid}", "--mount", "--uts", "--pid", "--net", "--", *argv]

    def close(self) -> None:
        """End all of it; may be called again."""
        if hasattr(self, "_daemon"):
            self._daemon.kill()
        groups = containers_groups(self.root / "proc") if hasattr(self, "root") else []
        self._init.kill()
        remove_groups(groups)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _has_ended(process: str) -> bool:
    """Tell whether a process and all its threads have; who is to reap it may take a second for it (proc(5), status)."""
    try:
        status = Path("/proc", process, "status").read_text()
    except OSError:
        return True
    return "State:\tZ" in status and "Threads:\t1\n" in status


class LibvirtTestbed(Testbed):
    """What the testbeds of libvirt's drivers have in common."""

    scheme: str
    libvirt: PrivateLibvirt
    """Is there while it is booted."""

    def kill_daemon(self) -> None:
        """End libvirtd."""
        self.libvirt.kill()

    def start_daemon(self) -> None:
        """Start libvirtd."""
        self.libvirt.start()

    def kill_guest(self, domain: Domain) -> None:
        """End the process that libvirt has noted: QEMU, or a container's libvirt_lxc."""
        noted = self.libvirt.root / f"run/libvirt/{self.scheme}/{domain.name}.pid"
        run(self.libvirt.command("sh", "-c", f"kill -KILL {int(noted.read_text())}"))


def _answers(address: Path) -> bool:
    """Tell whether libvirtd serves, as it does when its drivers are ready; the socket is there earlier."""
    try:
        libvirt.open(f"nodedev:///system?socket={quote(str(address))}").close()
    except libvirt.libvirtError as error:
        return bool(error.get_error_code() == libvirt.VIR_ERR_AUTH_FAILED)  # it wants to know who asks
    return True


def insist_on_root() -> None:
    """Refuse a user namespace, which may set no groups (user_namespaces(7)). Raises LabUnavailableError."""
    if Path("/proc/self/setgroups").read_text().strip() == "deny":
        raise LabUnavailableError("libvirtd starts nothing in a user namespace that may set no groups: be root")


def cache_directory() -> Path:
    """Name the directory for what takes long to make, and may be made again (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vifkit"
