"""The suite judged: an ordinary user runs it, where the host lets him have namespaces and a tun device."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vifkit_conformance.lab import privileged

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import TESTS, Author, author

NOBODY = 65534

# In a mount namespace of the run's own. /dev/net/tun is made as a distribution's udev does, and what Python needs
# stays where it is, without the rest of the directories that are closed to others.
PREPARE = """
set -e
mount -t tmpfs -o mode=755 lab /dev/net
mknod -m 666 /dev/net/tun c 10 200
number=0
while [ "$1" != run ]; do
    closed=$1 needed=$2; shift 2
    number=$((number + 1))
    mkdir /dev/net/$number
    mount --bind "$needed" /dev/net/$number
    [ "$closed" = "$last" ] || mount -t tmpfs -o mode=755 lab "$closed"
    last=$closed
    mkdir -p "$needed"
    mount --bind /dev/net/$number "$needed"
done
shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""

HANDFUL = [
    "test_the_tree_is_that_of_the_golden_case[reference]",
    "test_start_plugs_each_vif",
    "test_a_start_waits_for_vswitchd",
    "test_a_running_domain_outlives_the_process_that_made_it",
    "test_stop_leaves_no_rows_and_no_devices",
    "test_below_its_limit_a_guest_receives_all",
]


@pytest.fixture
def as_nobody(_environment: None) -> list[str]:
    mapping = Path("/proc/self/uid_map").read_text().split()
    if not privileged() or mapping != ["0", "0", "4294967295"]:
        pytest.skip("only the machine's root can become somebody else")
    needed = [Path(each).resolve() for each in (sys.base_prefix, sys.prefix, str(TESTS), *sys.path)]
    pairs = sorted({(str(around), str(path)) for path in needed if path.is_dir() for around in closed(path)[:1]})
    return ["unshare", "--mount", "sh", "-c", PREPARE, "sh", *(word for pair in pairs for word in pair), "run"]


@pytest.fixture
def home(as_nobody: list[str]) -> Iterator[Author]:
    with author() as made:
        for path in (made.home, made.temporary):
            os.chown(path, NOBODY, NOBODY)
        yield made


def closed(path: Path) -> list[Path]:
    """The directories on the way to a path that others may not pass, the outermost first."""
    return [each for each in [*reversed(path.parents), path] if not each.stat().st_mode & 0o001]


@pytest.mark.switch
@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_an_ordinary_user_judges_a_driver(home: Author, as_nobody: list[str], options: list[str]) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver")
    tests = [f"test_driver.py::{test}" for test in HANDFUL]
    judged = home.judge("--require-environment", "--driver=netns", *options, *tests, prefix=as_nobody)
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == dict.fromkeys(HANDFUL, "passed")
    assert (home.home / "result.xml").stat().st_uid == NOBODY
    assert home.left() == []
