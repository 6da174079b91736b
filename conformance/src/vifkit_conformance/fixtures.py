"""The suite's fixtures.

You may override `driver` and `testbed`: they are what is judged. Leave the others alone: they are what judges.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from .plugin import HOST

if TYPE_CHECKING:
    from vifkit import Capabilities, Connection, Driver

    from .guest import Guests
    from .judging.session import Judge
    from .lab import Lab
    from .observe import Observer
    from .testbed import Testbed

LAST = pytest.StashKey[Any]()
"""What there was on a host when the last test ended, and left nothing."""


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
    if HOST in request.config.stash:
        from .judging.declared import only_seen

        only_seen()
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
    with Lab(datapath=request.config.getoption("--datapath")) as lab:
        try:
            lab.bridge("br0")
        except LabUnavailableError as error:
            lacking(request.config, str(error))
        yield lab


@pytest.fixture(scope="session")
def observer(request: pytest.FixtureRequest) -> "Observer":
    """The host on which the driver is judged, seen from outside: the lab, or the one that `--hosts` names."""
    there = request.config.stash.get(HOST, None)
    seen: Observer = there if there is not None else request.getfixturevalue("lab")
    return seen


@pytest.fixture(scope="session")
def uri(request: pytest.FixtureRequest, testbed: "Testbed") -> Iterator[str]:
    """Where the driver connects."""
    from .environment import with_query
    from .lab import LabUnavailableError

    given, parameters = (request.config.getoption(option) for option in ("--driver-uri", "--uri-query"))
    with ExitStack() as stack:
        try:
            booted = given
            if booted is None:
                booted = stack.enter_context(testbed.boot(request.getfixturevalue("lab")))
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
    request: pytest.FixtureRequest, connection: "Connection", testbed: "Testbed", observer: "Observer"
) -> Iterator["Guests"]:
    """Makes domains: `guest('<bandwidth>…')` is a running one with one vif."""
    from .guest import Guests
    from .judging.declared import only_seen
    from .testbed import Unbooted

    marker = request.node.get_closest_marker("needs")
    traffic = request.node.get_closest_marker("inside") is not None
    traffic = traffic or (marker is not None and "guest_traffic" in marker.args)
    if HOST in request.config.stash:
        if traffic:
            only_seen()
        testbed = Unbooted(testbed)
    made = Guests(connection, testbed, observer, traffic=traffic)
    yield made
    made.close()


@pytest.fixture
def nothing_left(request: pytest.FixtureRequest, observer: "Observer") -> Iterator[None]:
    """Fail a test that ends a daemon of Open vSwitch's, or leaves something behind, and mend it for the next.

    On a host that is far away what there is after a test is what there is before the next: nobody else is at work.
    """
    from .lab import Lab
    from .leftovers import Leftovers

    before = request.config.stash.get(LAST, None) or Leftovers.of(observer)
    yield
    died = observer.ovs.revive() if isinstance(observer, Lab) else []
    after, left = Leftovers.after(observer, before)
    request.config.stash[LAST] = None if left or isinstance(observer, Lab) else after
    if left:
        left.remove(observer)
    faults = [f"{name} was killed during the test, and not by the test" for name in died]
    faults += [f"left behind: {left}"] if left else []
    if faults:
        pytest.fail("; ".join(faults), pytrace=False)


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """Skip, with the reason, a test whose capability the driver, or the testbed, does not declare."""
    marker = request.node.get_closest_marker("needs")
    if marker is None:
        return
    from .judging.declared import inapplicable, undeclared, unjudged

    capabilities: Capabilities = request.getfixturevalue("capabilities")
    testbed: Testbed = request.getfixturevalue("testbed")
    # What the driver is comes before what its testbed can: nobody misses traffic that nothing shapes.
    for name in marker.args:
        if not hasattr(testbed, name) and not getattr(capabilities, name):
            undeclared(name)
    for name, value in marker.kwargs.items():
        if (held := getattr(capabilities, name).value) != value:
            inapplicable(f"the driver's {name} is {held}, not {value}")
    for name in marker.args:
        if name == "on_openvswitch" and not testbed.on_openvswitch:
            inapplicable("the vifs of this hypervisor are no ports of Open vSwitch")
        elif not getattr(testbed, name, True):
            unjudged(f"the testbed does not declare {name}")
    observer: Observer = request.getfixturevalue("observer")
    if marker.kwargs.get("shaping") == "ovs-htb" and not observer.has_htb:
        lacking(request.config, "this kernel has no HTB: as root, modprobe sch_htb, or take a kernel that has it")


def lacking(config: pytest.Config, reason: str) -> NoReturn:
    """Skip for what the environment lacks, or fail where it is required."""
    if config.getoption("--require-environment") or os.environ.get("VIFKIT_REQUIRE_ENVIRONMENT"):
        pytest.fail(f"the environment is required and lacks something: {reason}", pytrace=False)
    from .judging.declared import unjudged

    unjudged(reason)


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
