"""What the tests of the lab share."""

from collections.abc import Iterator
from functools import cache

import pytest

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import Lab, privileged, why_not

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
