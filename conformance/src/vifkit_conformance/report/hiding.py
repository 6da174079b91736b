"""Keeps what is secret in the driver's URI off the terminal, and out of all else that pytest writes.

Where a test fails pytest shows the arguments of functions, the URI among them, and an error's message may quote it.
"""

from collections.abc import Generator
from typing import Any

import pytest

from .redact import hidden


class Hiding:
    """The plugin of a run whose URI has a secret in it."""

    def __init__(self, secret: set[str]) -> None:
        self._secret = secret

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hide it in a report before anybody else sees that."""
        report = yield
        report.longrepr = self._hide(report.longrepr)
        report.sections = self._hide(report.sections)
        return report

    def _hide(self, value: Any) -> Any:
        """Hide it in whatever holds texts: pytest's traceback is a tree of objects of many kinds."""
        if isinstance(value, str):
            return hidden(value, self._secret)
        if isinstance(value, list | tuple):
            found = [self._hide(each) for each in value]
            return tuple(found) if isinstance(value, tuple) else found
        for name, held in getattr(value, "__dict__", {}).items():
            setattr(value, name, self._hide(held))
        return value
