"""One of several parts of the suite, the same tests each time: for pipelines that run them side by side."""

import argparse
import re
from dataclasses import dataclass
from zlib import crc32

import pytest

from .judging.ids import test_id


@dataclass(frozen=True)
class Shard:
    """The `number`th of `total` parts; a test's is found by its id alone, whatever the order and the selection."""

    number: int
    total: int

    @classmethod
    def parse(cls, given: str) -> "Shard":
        """Read K/N. Raises argparse.ArgumentTypeError."""
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", given)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise argparse.ArgumentTypeError(f"{given!r} is not K/N with K from 1 to N")
        return cls(int(found[1]), int(found[2]))

    def has(self, test: str) -> bool:
        """Tell whether a test is in it."""
        return crc32(test.encode()) % self.total == self.number - 1

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out the suite's tests of the other parts."""
        others = [item for item in items if (test := test_id(item)) is not None and not self.has(test)]
        if others:
            config.hook.pytest_deselected(items=others)
            left_out = set(others)
            items[:] = [item for item in items if item not in left_out]
