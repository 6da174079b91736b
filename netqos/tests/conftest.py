"""What the tests share that look at a real Open vSwitch."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import Lab, Link, privileged, tap, why_not


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
        ports = [row["name"] for row in lab.ovs.rows("Port", "name") if row["name"] != "br0"]
        words = [word for name in ports for word in ("del-port", name, "--")]
        lab.ovs.vsctl(*words, "--all", "destroy", "QoS", "--", "--all", "destroy", "Queue")


@pytest.fixture
def switch(lab: Lab) -> Switch:
    """The switch of `lab`."""
    return Switch(lab.ovs.db)


@pytest.fixture
def kernel(lab: Lab) -> Iterator[Kernel]:
    """The kernel in the namespace of `lab`."""
    with Kernel(lab.host.path) as opened:
        yield opened
