"""Accepts --vifkit-report, and writes its JUnit file, where the suite has no reports yet."""

from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("vifkit_conformance.report") is None:

    def pytest_addoption(parser: pytest.Parser) -> None:
        """Add the option."""
        parser.addoption("--vifkit-report", type=Path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(config: pytest.Config) -> None:
        """Let pytest write the file."""
        if directory := config.getoption("--vifkit-report"):
            config.option.xmlpath = str(directory / "junit.xml")
