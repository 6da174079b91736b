import json
import subprocess
import sys
from pathlib import Path

import pytest

from vifkit_conformance.lab import privileged

# What a distribution's udev does: a tun device open to all, or not. Here in a mount namespace of the test's own.
WITH_TUN = 'mount -t tmpfs -o mode=755 lab /dev/net && mknod -m "$0" /dev/net/tun c 10 200 && exec "$@"'

USE = """
import json, os
from pathlib import Path
from vifkit_conformance.lab import Lab, LinkEndpoint, measure, privileged
assert privileged()
with Lab() as lab:
    lab.bridge()
    links = [lab.guest(f"192.0.2.{number}/24")[1] for number in (1, 2)]
    one, two = (LinkEndpoint(link.namespace, link.name) for link in links)
    arrived = measure(one, two, "192.0.2.2", rate_bps=8e6, seconds=0.3).total_bytes
    owner = Path(lab.directory).stat().st_uid
print(json.dumps({"arrived": arrived, "directory": str(lab.directory), "owner": owner, "uid": os.geteuid()}))
"""

# The modules are imported first, since nobody may not be able to read where they are. A process that has changed
# its user does not own its files in /proc until it says that it may be looked into (PR_SET_DUMPABLE, prctl(2)).
AS_NOBODY = """
import ctypes, os, threading
from vifkit_conformance.lab import (
    LabUnavailableError, Namespace, enter_user_namespace, privileged, reexec_in_user_namespace, why_not
)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
os.environ["PATH"] = "/usr/bin:/bin"
assert not privileged()
"""
MAY = "assert why_not() is None, why_not()\n"

REFUSED = """
try:
    Namespace()
except LabUnavailableError as error:
    print(error)
"""

WITH_TWO_THREADS = """
asleep = threading.Event()
threading.Thread(target=asleep.wait, daemon=True).start()
try:
    enter_user_namespace()
except LabUnavailableError as error:
    assert "several threads" in str(error), error
else:
    raise AssertionError("entered with two threads")
reexec_in_user_namespace(["sh", "-c", "id -u; mount -t tmpfs lab /mnt && stat -f -c %T /mnt"])
"""


@pytest.fixture
def real_root(_environment: None) -> None:
    mapping = Path("/proc/self/uid_map").read_text().split()
    if not privileged() or mapping != ["0", "0", "4294967295"]:
        pytest.skip("only the machine's root can become somebody else")


@pytest.mark.switch
@pytest.mark.usefixtures("real_root")
def test_nobody_has_a_lab_that_carries_traffic() -> None:
    told = json.loads(_run(AS_NOBODY + MAY + "enter_user_namespace()" + USE))
    assert told["uid"] == told["owner"] == 0
    assert told["arrived"] > 0.3 * 8e6 / 8 * 0.8
    assert not Path(told["directory"]).exists()


@pytest.mark.switch
@pytest.mark.usefixtures("real_root")
def test_a_process_with_threads_is_replaced_by_one_that_is_root() -> None:
    assert _run(AS_NOBODY + MAY + WITH_TWO_THREADS).split() == ["0", "tmpfs"]


@pytest.mark.switch
@pytest.mark.usefixtures("real_root")
def test_nobody_outside_a_user_namespace_is_told_so() -> None:
    assert "Operation not permitted" in _run(AS_NOBODY + MAY + REFUSED)


@pytest.mark.switch
@pytest.mark.usefixtures("real_root")
def test_mounts_of_a_process_that_asked_for_its_own_vanish_with_it(tmp_path: Path) -> None:
    script = f"""
import subprocess
from pathlib import Path
from vifkit_conformance.lab import private_mounts
private_mounts()
subprocess.run(["mount", "-t", "tmpfs", "lab", {str(tmp_path)!r}], check=True)
assert "tmpfs" in subprocess.check_output(["stat", "-f", "-c", "%T", {str(tmp_path)!r}], text=True)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.switch
@pytest.mark.usefixtures("real_root")
def test_a_user_who_may_not_open_tun_is_told_how_it_is_opened() -> None:
    assert _run(AS_NOBODY + "print(why_not())", tun="600").strip() == (
        "/dev/net/tun: Permission denied: open it to users: as root, chmod 0666 /dev/net/tun; for good, the line "
        'KERNEL=="tun", MODE="0666" in /etc/udev/rules.d/60-tun.rules'
    )


@pytest.mark.switch
@pytest.mark.usefixtures("real_root")
def test_a_user_who_may_have_no_user_namespace_is_told_how_they_are_allowed() -> None:
    # The sysctl is each user namespace's own: this one's is of no effect outside.
    none_more = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
    script = "from vifkit_conformance.lab import privileged, why_not; print(privileged(), why_not())"
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", none_more, "sh", sys.executable, "-c", script]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip() == (
        "False a user namespace cannot make a network namespace with a tap device here: unshare: unshare failed: "
        "No space left on device: as root, sysctl -w user.max_user_namespaces=15000; for good, the same in "
        "/etc/sysctl.d/60-vifkit.conf"
    )


def _run(script: str, *, tun: str = "666") -> str:
    argv = ["unshare", "--mount", "sh", "-c", WITH_TUN, tun, sys.executable, "-c", script]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
