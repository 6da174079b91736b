"""What the tests of the lab share."""

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
