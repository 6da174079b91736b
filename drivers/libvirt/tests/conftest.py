"""A host with libvirt and Open vSwitch for the tests of the service; all else that is shared is one directory up."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import LabUnavailableError, privileged, why_not

sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from watching.host import Host


@pytest.fixture(scope="session")
def booted_host(request: pytest.FixtureRequest) -> Iterator["Host"]:
    """One a worker, for `host`."""
    from watching.host import new_host

    if reason := why_not() or (None if privileged() else "this process is not root"):
        lacking(request.config, reason)
    try:
        with new_host() as made:
            yield made
    except LabUnavailableError as error:
        lacking(request.config, str(error))


@pytest.fixture
def host(booted_host: "Host") -> Iterator["Host"]:
    """A host whose domains, ports and rows are gone afterwards; who stops a daemon starts it again."""
    yield booted_host
    booted_host.clear()
