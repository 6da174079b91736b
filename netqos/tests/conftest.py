"""The fixtures that the tests share: a real Open vSwitch, a namespace, and a server of a test's own."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.probe import policing_available
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import Lab, Link, Namespace, privileged, tap, why_not

sys.path.insert(0, str(Path(__file__).parent))

from shared.rows import clear
from shared.server import Serve, serving


@cache
def _reason() -> str | None:
    return why_not() or (None if privileged() else "this process is neither root nor in a user namespace of its own")


@pytest.fixture(scope="session")
def _environment(request: pytest.FixtureRequest) -> None:
    if reason := _reason():
        lacking(request.config, reason)


@pytest.fixture(scope="session")
def lab(_environment: None) -> Iterator[Lab]:
    """A switch with the bridge br0, one a worker: for tests that stop no daemon."""
    with Lab() as made:
        made.bridge()
        yield made


@pytest.fixture
def own_lab(_environment: None) -> Iterator[Lab]:
    """A switch with the bridge br0 that is the test's alone."""
    with Lab() as made:
        made.bridge()
        yield made


@pytest.fixture
def port(lab: Lab) -> Iterator[Callable[..., Link]]:
    """Makes a tap that is a port of br0; afterwards every port and every row is gone."""
    with ExitStack() as stack:

        def make(name: str, vm_id: str | None = None) -> Link:
            link, _ = stack.enter_context(tap(lab.host, name))
            lab.ovs.add_port("br0", name)
            if vm_id is not None:
                lab.ovs.vsctl("set", "Interface", name, f"external_ids:vm-id={vm_id}")
            return link

        yield make
        clear(lab)


@pytest.fixture
def switch(lab: Lab) -> Switch:
    """The switch of `lab`."""
    return Switch(lab.ovs.db)


@pytest.fixture
def kernel(lab: Lab) -> Iterator[Kernel]:
    """The kernel in the namespace of `lab`."""
    with Kernel(lab.host.path) as opened:
        yield opened


@pytest.fixture(scope="session")
def policing(_environment: None) -> None:
    """Skip where the kernel does not police."""
    if not policing_available():
        pytest.skip("this kernel does not police: it needs act_police and cls_matchall")


@pytest.fixture
def host(_environment: None) -> Iterator[Namespace]:
    """A namespace of the test's own."""
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def device(host: Namespace) -> Iterator[str]:
    """The tap tap0 in `host`."""
    with tap(host, "tap0") as (link, _):
        yield link.name


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves one client at a time as it is told to, at the address returned."""
    with serving(tmp_path / "s") as start:
        yield start
