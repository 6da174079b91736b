"""The pytest plugin: options, header and markers. It imports nothing heavy until the suite really runs."""

import argparse
from pathlib import Path

import pytest

pytest_plugins = ("vifkit_conformance.fixtures",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's options."""
    group = parser.getgroup("vifkit", "conformance of a hypervisor driver for Open vSwitch")
    group.addoption("--driver", metavar="NAME", help="judge this driver (an entry point of the group vifkit.drivers)")
    group.addoption(
        "--testbed",
        metavar="NAME",
        help="boot this testbed (an entry point of the group vifkit.testbeds), and not the one of the driver's name",
    )
    group.addoption("--driver-uri", metavar="URI", help="connect here instead of booting a testbed")
    group.addoption(
        "--uri-query",
        metavar="KEY=VALUE",
        action="append",
        type=_parameter,
        default=[],
        help="add this parameter to the URI, booted or given; may be repeated",
    )
    group.addoption(
        "--expected-failures",
        metavar="FILE",
        type=Path,
        help="a TOML file of the tests that fail for a known defect, and must fail",
    )
    group.addoption(
        "--vifkit-report",
        metavar="DIR",
        type=Path,
        help="write report.html, report.json, junit.xml, badge.svg and badge.json there at the end",
    )
    group.addoption(
        "--suite-version",
        metavar="X.Y.Z",
        help="run the tests that this version of the suite had (CHANGELOG.md), and none that was added later",
    )
    group.addoption(
        "--require-environment",
        action="store_true",
        help="fail, and do not skip, where Open vSwitch or the right to make namespaces is missing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Look at the options, and register the suite's markers."""
    config.addinivalue_line(
        "markers", "needs(*capabilities, **values): skip, with the reason, what the driver does not declare"
    )
    for kind in ("driver", "testbed"):
        if (name := config.getoption(f"--{kind}")) is not None:
            from .environment import installed

            try:
                installed(kind, name)
            except LookupError as error:
                raise pytest.UsageError(str(error)) from error
    from .judging.guard import Guard
    from .judging.session import NAME, Judge

    judge = Judge(config)
    config.pluginmanager.register(judge, NAME)
    if (folder := config.getoption("--vifkit-report")) is not None and not hasattr(config, "workerinput"):
        from .report.reporter import Reporter

        config.pluginmanager.register(Reporter(judge, folder))
    config.pluginmanager.register(Guard())
    if (version := config.getoption("--suite-version")) is not None:
        from .judging.versions import Earlier, chosen

        try:
            config.pluginmanager.register(Earlier(chosen(version)))
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error
    if (path := config.getoption("--expected-failures")) is not None:
        from .judging.expected import ExpectedFailures

        config.pluginmanager.register(ExpectedFailures(path))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the suite's bandwidths warn where warnings are errors."""
    if "connection" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.filterwarnings("ignore::vifkit.errors.BandwidthWarning"))


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Show a person at a terminal that a testbed boots."""
    driver = session.config.getoption("--driver")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if driver is not None and reporter is not None and reporter.isatty:
        from .report.patience import Patience

        session.config.pluginmanager.register(Patience(session.config, session.config.getoption("--testbed") or driver))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name what is judged, and on what."""
    name = config.getoption("--driver")
    if name is None:
        return []
    from .environment import header

    return header(name, config.getoption("--testbed") or name, config.getoption("--uri-query"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Become root of a user namespace before there are workers: they have threads, and then it is too late."""
    if config.getoption("--driver") is None:
        return
    from .lab import enter_user_namespace, privileged, why_not

    if not privileged() and why_not() is None:
        enter_user_namespace()


def _parameter(given: str) -> tuple[str, str]:
    key, mark, value = given.partition("=")
    if not key or not mark:
        raise argparse.ArgumentTypeError(f"{given!r} is not KEY=VALUE")
    return key, value
