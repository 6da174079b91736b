"""Nothing but a file of expected failures switches a test of the suite off: whatever else does is a failure itself."""

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .complaint import complain
from .ids import SUITE, functions, test_id

FIXTURES = "vifkit_conformance.fixtures"
YOURS = frozenset({"driver", "testbed"})
"""The fixtures that an author may override."""
OFF = ("skip", "skipif", "xfail")
SELECTING = ("keyword", "markexpr", "deselect", "lf", "stepwise", "suite_version", "vifkit_shard")
"""The options that select tests: what they leave out is missed by the profiles, and is no failure."""


class Guard:
    """Looks at what was collected before and after everybody else could lay hands on it."""

    def __init__(self) -> None:
        self._modules: dict[Path, ModuleType] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note the modules that hold tests of the suite."""
        report = yield
        if SUITE in sys.modules and isinstance(collector, pytest.Module) and report.passed:
            module = collector.obj
            if any(_is_suites(each) for each in vars(module).values()):
                self._modules[collector.path] = module
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None]:
        """Complain of tests that were overridden, deleted, marked or taken out."""
        before = {item: getattr(item, "function", None) for item in items if test_id(item)}
        yield
        if not self._modules:
            return
        for path, module in self._modules.items():
            items += complain(session, path, _of_module(module))
        kept = set(items)
        gone = [] if any(config.getoption(name, None) for name in SELECTING) else [i for i in before if i not in kept]
        for item in gone:
            items += complain(session, item.path, [(item.name, "taken out after it was collected: leave it in")])
        fixtures = dict.fromkeys((item.path, name) for item in before if item in kept for name in _overridden(item))
        for path, name in fixtures:
            items += complain(session, path, [(name, "a fixture that judges, and is overridden: leave it as it is")])
        for item, function in before.items():
            if item in kept and getattr(item, "function", None) is not function:
                items += complain(
                    session, item.path, [(item.name, "replaced after it was collected: leave it as it is")]
                )
            marks = [mark.name for mark in item.iter_markers() if mark.name in OFF]
            said = f"marked {', '.join(marks)}: name it in a file of expected failures instead"
            if marks and item in kept:
                items += complain(session, item.path, [(item.name, said)])


def _of_module(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Complain of what an author's module lacks, or has in place of a test.

    A module that has the suite's modules has imported all of the suite; else it has those whose tests it names.
    """
    if module.__name__.startswith(SUITE):
        return
    held = vars(module)
    whole = any(isinstance(each, ModuleType) and each.__name__.startswith(f"{SUITE}.") for each in held.values())
    named = {each.__module__ for each in held.values() if _is_suites(each)}
    for test, function in functions().items():
        name = test.partition("::")[2]
        if not whole and getattr(function, "__module__", "") not in named:
            continue
        if name not in held:
            yield test, "deleted from the module: name it in a file of expected failures instead"
        elif held[name] is not function:
            yield test, "overridden in the module: give your own test another name"
        elif getattr(function, "__test__", True) is False:
            yield test, "switched off by __test__: name it in a file of expected failures instead"


def _overridden(item: pytest.Item) -> Iterator[str]:
    """Name the fixtures of a test that judge, and are not the suite's."""
    info = getattr(item, "_fixtureinfo", None)
    known = vars(sys.modules[FIXTURES]) if FIXTURES in sys.modules else {}
    for name, definitions in (info.name2fixturedefs if info else {}).items():
        if name in known and name not in YOURS and definitions[-1].func.__module__ != FIXTURES:
            yield name


def _is_suites(held: object) -> bool:
    return (
        callable(held) and getattr(held, "__name__", "").startswith("test_") and held.__module__.startswith(f"{SUITE}.")
    )
