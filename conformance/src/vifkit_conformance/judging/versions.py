"""The suite's versions: CHANGELOG.md says which tests each of them added, and an earlier one can be run again."""

import re
from collections.abc import Generator, Iterable
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import pytest

from .ids import function_of, test_id

_VERSION = re.compile(r"## (?P<version>\d+\.\d+\.\d+)\b")
_TEST = re.compile(r"- `(?P<test>test_\w+\.py::test_\w+(\[.+\])?)`")


@cache
def added() -> dict[str, dict[str, None]]:
    """Give the tests that each version added, the latest version first, as CHANGELOG.md has them."""
    found: dict[str, dict[str, None]] = {}
    for line in (files("vifkit_conformance") / "CHANGELOG.md").read_text(encoding="utf-8").splitlines():
        if heading := _VERSION.match(line):
            found[heading["version"]] = {}
        elif (test := _TEST.match(line)) and found:
            next(reversed(found.values()))[test["test"]] = None
    return found


def since(test: str) -> str:
    """Name the version that added a test; an id that is not named itself came with its function. Raises LookupError."""
    for name in (test, function_of(test)):
        for version, tests in added().items():
            if name in tests:
                return version
    raise LookupError(f"{test} is in no version of CHANGELOG.md")


def of_version(tests: Iterable[str], version: str) -> list[str]:
    """Give those tests that a version has."""
    return [test for test in tests if _number(since(test)) <= _number(version)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


class Earlier:
    """The plugin of a run of an earlier version. Raises pytest.UsageError for one that never was."""

    def __init__(self, version: str) -> None:
        if version not in added():
            near = get_close_matches(version, added(), cutoff=0.5)
            meant = f", did you mean {near[0]}?" if near else ""
            raise pytest.UsageError(f"the suite has no version {version}{meant}; there are: {', '.join(added())}")
        self.version = version

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
        """Leave out what was added later."""
        yield
        kept = set(of_version(filter(None, map(test_id, items)), self.version))
        later = [item for item in items if (test := test_id(item)) is not None and test not in kept]
        if later:
            config.hook.pytest_deselected(items=later)
            items[:] = [item for item in items if item not in set(later)]
