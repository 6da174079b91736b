"""Stable names of tests: `module.py::function[id]`, whichever module of an author's they were imported to."""

from importlib import import_module

import pytest

SUITE = "vifkit_conformance.suite"


def test_id(item: object) -> str | None:
    """Name a test of the suite's; None for any other."""
    if not isinstance(item, pytest.Function):
        return None
    package, _, module = item.function.__module__.rpartition(".")
    return f"{module}.py::{item.name}" if package == SUITE else None


test_id.__test__ = False  # type: ignore[attr-defined]  # no test, whatever pytest thinks of its name


def function_of(test: str) -> str:
    """Leave the parameters' id away."""
    return test.partition("[")[0]


def module_of(test: str) -> str:
    """Give the name of the module, such as `test_inbound`."""
    return test.partition(".py::")[0]


def functions() -> dict[str, object]:
    """Give every test function of the suite by its id without parameters."""
    suite = import_module(SUITE)
    found = {name: each for name, each in vars(suite).items() if name.startswith("test_") and callable(each)}
    return {f"{each.__module__.rpartition('.')[2]}.py::{name}": each for name, each in found.items()}
