"""What the tests of the lab share, and of what is done in it without root."""

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import Lab, LabUnavailableError, privileged, why_not
from vifkit_conformance.lab.binaries import binary

sys.path.insert(0, str(Path(__file__).parent))

from broken.hypervisor import Hypervisor, hypervisor

_why_not = cache(why_not)

# In a mount namespace of the run's own. /dev/net/tun is made as a distribution's udev does, and what Python needs
# stays where it is, without the rest of the directories that are closed to others.
_AS_NOBODY = """
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


@pytest.fixture(autouse=True)
def _environment(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("switch"):
        if reason := _why_not():
            lacking(request.config, reason)
        if not privileged():
            lacking(request.config, "this process is neither root nor in a user namespace of its own")


@pytest.fixture
def own_lab(_environment: None) -> Iterator[Lab]:
    """A lab that is the test's alone, as it stops daemons and counts bridges."""
    with Lab() as lab:
        yield lab


@pytest.fixture
def as_nobody(_environment: None) -> list[str]:
    """The command that runs another as an ordinary user, who may open /dev/net/tun."""
    mapping = Path("/proc/self/uid_map").read_text().split()
    if not privileged() or mapping != ["0", "0", "4294967295"]:
        pytest.skip("only the machine's root can become somebody else")
    needed = [Path(each).resolve() for each in (sys.base_prefix, sys.prefix, str(Path(__file__).parent), *sys.path)]
    pairs = sorted({(str(around), str(path)) for path in needed if path.is_dir() for around in _closed(path)[:1]})
    return ["unshare", "--mount", "sh", "-c", _AS_NOBODY, "sh", *(word for pair in pairs for word in pair), "run"]


def _closed(path: Path) -> list[Path]:
    """The directories on the way to a path that others may not pass, the outermost first."""
    return [each for each in [*reversed(path.parents), path] if not each.stat().st_mode & 0o001]


@pytest.fixture(scope="session")
def sshd_lets_in(request: pytest.FixtureRequest) -> None:
    """Skip where nobody can log in, whatever the environment is asked to have."""
    if os.geteuid() or Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        pytest.skip("sshd lets nobody in unless it is root, and not of a user namespace")
    for program in ("sshd", "ssh"):
        try:
            binary(program)
        except LabUnavailableError as error:
            lacking(request.config, str(error))


@pytest.fixture(scope="module")
def there(sshd_lets_in: None) -> Iterator[Hypervisor]:
    """A host that is reached by ssh alone."""
    with hypervisor() as made:
        yield made
