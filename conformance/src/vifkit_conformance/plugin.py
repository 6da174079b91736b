"""The pytest plugin: options, header and markers. It imports nothing heavy until the suite really runs."""

import argparse
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .observe.remote import Remote
    from .shard import Shard

pytest_plugins = ("vifkit_conformance.fixtures",)

HOST: "pytest.StashKey[Remote]" = pytest.StashKey()
"""The host that `--hosts` names, where a driver is judged there."""


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
    group.addoption(
        "--vifkit-shard",
        metavar="K/N",
        type=_shard,
        help="run the K-th of N parts of the suite; a test is always in the same part",
    )
    group.addoption(
        "--keep-lab",
        action="store_true",
        help="open a shell in the lab of the first test that fails, before anything is taken down, and end the run",
    )
    group.addoption(
        "--datapath",
        choices=("netdev", "system"),
        default="netdev",
        help="the datapath of the lab's bridges: Open vSwitch's own in user space, or the kernel's module openvswitch",
    )
    group.addoption(
        "--lab",
        choices=("host", "uml"),
        default="host",
        help="run in this host's kernel, or in a full one (user-mode Linux), which has what the host's may lack",
    )
    if find_spec("testinfra") is None:  # else the option is testinfra's
        group.addoption("--hosts", metavar="SPEC", help="judge on this host; needs vifkit-conformance[hosts]")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Go on in a full kernel, if that is asked for."""
    if config.option.lab != "uml":
        return None
    from .uml import session

    return session.run(config) if session.wanted(config) else None


def pytest_configure(config: pytest.Config) -> None:
    """Look at the options, and register the suite's markers."""
    config.addinivalue_line(
        "markers", "needs(*capabilities, **values): skip, with the reason, what the driver does not declare"
    )
    config.addinivalue_line("markers", "inside: the guest is one that can be reached into, where the testbed does so")
    for kind in ("driver", "testbed"):
        if (name := config.getoption(f"--{kind}")) is not None:
            from .environment import installed

            try:
                installed(kind, name)
            except LookupError as error:
                raise pytest.UsageError(str(error)) from error
    if config.getoption("--hosts", default=None) and (config.getoption("--driver") or config.getoption("--driver-uri")):
        from .hosts import connect

        config.stash[HOST] = connect(config)
        config.add_cleanup(config.stash[HOST].close)
    for plugin in _judges(config):
        config.pluginmanager.register(plugin, getattr(plugin, "NAME", None))


def _judges(config: pytest.Config) -> Iterator[object]:
    """Give the plugins of this run. Raises pytest.UsageError."""
    from .judging.guard import Guard
    from .judging.session import Judge
    from .report.redact import secrets

    yield (judge := Judge(config))
    yield Guard()
    if secret := secrets(config.getoption("--driver-uri"), config.getoption("--uri-query")):
        from .report.hiding import Hiding

        yield Hiding(secret)
    if (folder := config.getoption("--vifkit-report")) is not None and not hasattr(config, "workerinput"):
        from .report.reporter import Reporter

        yield Reporter(judge, folder)
    if (version := config.getoption("--suite-version")) is not None:
        from .judging.versions import Earlier

        yield Earlier(version)
    if (shard := config.getoption("--vifkit-shard")) is not None:
        yield shard
    if config.getoption("--keep-lab"):
        from .kept import KeptLab

        yield KeptLab(config)
    if (path := config.getoption("--expected-failures")) is not None:
        from .judging.expected import ExpectedFailures

        yield ExpectedFailures(path, judge)


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """See that no test of the suite hangs for ever, if any is there."""
    from .judging.ids import test_id

    suite = [item for item in items if test_id(item) is not None]
    if suite and config.pluginmanager.hasplugin("timeout"):
        from .hangs import Hangs

        config.pluginmanager.register(Hangs(config, suite), "vifkit-hangs")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name what is judged, and on what."""
    name = config.getoption("--driver")
    if name is None:
        return []
    from .environment import header

    query, host = config.getoption("--uri-query"), config.stash.get(HOST, None)
    return header(name, config.getoption("--testbed") or name, query, config.getoption("--datapath"), host)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Become root before there are workers."""
    if config.getoption("--driver") is not None:
        _become_root(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Become root before there are tests, each of which has a watch."""
    if session.config.pluginmanager.hasplugin("vifkit-hangs") and not session.config.getoption("collectonly"):
        _become_root(session.config)


def _become_root(config: pytest.Config) -> None:
    """Enter a user namespace, if a lab needs it: workers and watches are threads, and then it is too late."""
    from .lab import enter_user_namespace, privileged, why_not

    if HOST not in config.stash and not hasattr(config, "workerinput") and not privileged() and why_not() is None:
        enter_user_namespace()


def _shard(given: str) -> "Shard":
    from .shard import Shard

    return Shard.parse(given)


def _parameter(given: str) -> tuple[str, str]:
    key, mark, value = given.partition("=")
    if not key or not mark:
        raise argparse.ArgumentTypeError(f"{given!r} is not KEY=VALUE")
    return key, value
