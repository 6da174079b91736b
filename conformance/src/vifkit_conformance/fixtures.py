"""The suite's fixtures.

You may override `driver` and `testbed`: they are what is judged. Leave the others alone: they are what judges.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from vifkit import Capabilities, Connection, Driver

    from .guest import Guests
    from .judging.session import Judge
    from .lab import Lab
    from .testbed import Testbed


@pytest.fixture(scope="session")
def driver(request: pytest.FixtureRequest) -> "Driver":
    """The driver that is judged; may be overridden."""
    name = request.config.getoption("--driver")
    if name is None:
        pytest.fail("name the driver to judge: --driver NAME, or override the fixture `driver`", pytrace=False)
    made: Driver = load("driver", name)
    return made


@pytest.fixture(scope="session")
def testbed(request: pytest.FixtureRequest, driver: "Driver") -> "Testbed":
    """What boots the hypervisor in the lab; may be overridden."""
    made: Testbed = load("testbed", request.config.getoption("--testbed") or driver.name)
    return made


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator["Lab"]:
    """A private Open vSwitch with the bridge br0, one a worker."""
    from .lab import Lab, LabUnavailableError, enter_user_namespace, private_mounts, privileged, why_not

    reason = why_not()
    if reason is None:
        try:
            if privileged():
                private_mounts()
            else:
                enter_user_namespace()
        except LabUnavailableError as error:
            reason = str(error)
    if reason is not None:
        lacking(request.config, reason)
    with Lab() as lab:
        lab.bridge("br0")
        yield lab


@pytest.fixture(scope="session")
def uri(request: pytest.FixtureRequest, testbed: "Testbed", lab: "Lab") -> Iterator[str]:
    """Where the driver connects."""
    from .environment import with_query
    from .lab import LabUnavailableError

    given, parameters = (request.config.getoption(option) for option in ("--driver-uri", "--uri-query"))
    with ExitStack() as stack:
        try:
            booted = given if given is not None else stack.enter_context(testbed.boot(lab))
        except LabUnavailableError as error:
            lacking(request.config, str(error))
        yield with_query(booted, parameters)


@pytest.fixture
def connection(
    request: pytest.FixtureRequest, driver: "Driver", testbed: "Testbed", uri: str, nothing_left: None
) -> Iterator["Connection"]:
    """A connection of the driver's, of this test's own."""
    from vifkit import Connection

    judge: Judge | None = request.config.pluginmanager.get_plugin("vifkit-judge")
    opened = driver.open(uri)
    if not isinstance(opened, Connection):
        pytest.fail(f"`open` gave {opened!r}, which is no vifkit.Connection", pytrace=False)
    with opened:
        if judge is not None:
            judge.learn(driver, testbed, opened)
        yield opened


@pytest.fixture
def capabilities(connection: "Connection") -> "Capabilities":
    """What the driver declares."""
    return connection.capabilities


@pytest.fixture
def guest(
    request: pytest.FixtureRequest, connection: "Connection", testbed: "Testbed", lab: "Lab"
) -> Iterator["Guests"]:
    """Makes domains: `guest('<bandwidth>…')` is a running one with one vif."""
    from .guest import Guests

    marker = request.node.get_closest_marker("needs")
    made = Guests(connection, testbed, lab, traffic=marker is not None and "guest_traffic" in marker.args)
    yield made
    made.close()


@pytest.fixture
def nothing_left(lab: "Lab") -> Iterator[None]:
    """Fail a test that leaves rows, ports, devices or namespaces behind, and take them away for the next."""
    from .leftovers import Leftovers

    before = Leftovers.of(lab)
    yield
    if not lab.ovs.ovsdb_server.alive:
        lab.ovs.start_ovsdb_server()
    if not lab.ovs.vswitchd.alive:
        lab.ovs.start_vswitchd()
    left = Leftovers.of(lab) - before
    if left:
        left.remove(lab)
        pytest.fail(f"left behind: {left}", pytrace=False)


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """Skip, with the reason, a test whose capability the driver, or the testbed, does not declare."""
    marker = request.node.get_closest_marker("needs")
    if marker is None:
        return
    from .judging.declared import inapplicable, undeclared, unjudged

    capabilities: Capabilities = request.getfixturevalue("capabilities")
    testbed: Testbed = request.getfixturevalue("testbed")
    for name in marker.args:
        if not hasattr(testbed, name):
            if not getattr(capabilities, name):
                undeclared(name)
        elif not getattr(testbed, name):
            unjudged(f"the testbed does not declare {name}")
    for name, value in marker.kwargs.items():
        if (held := getattr(capabilities, name).value) != value:
            inapplicable(f"the driver's {name} is {held}, not {value}")


def lacking(config: pytest.Config, reason: str) -> NoReturn:
    """Skip for what the environment lacks, or fail where it is required."""
    if config.getoption("--require-environment") or os.environ.get("VIFKIT_REQUIRE_ENVIRONMENT"):
        pytest.fail(f"the environment is required and lacks something: {reason}", pytrace=False)
    pytest.skip(reason)


def load(kind: str, name: str) -> Any:
    """Make the installed `driver` or `testbed` of a name, or fail with what is missing."""
    from .environment import installed

    try:
        found = installed(kind, name)
    except LookupError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        return found.load()()
    except (Exception, SystemExit) as error:  # noqa: BLE001  an author's module may raise anything
        said = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        pytest.fail(f"the {kind} {name!r} does not load: {said}", pytrace=False)
