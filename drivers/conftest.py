"""What the tests of libvirt's drivers share.

Where its binding is missing, they are skipped for all to see, or fail if it is required.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vifkit import AccessDeniedError, Connection, SupportsHotplug, VifkitError
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.guest import Guests, interface
from vifkit_conformance.lab import Lab, LabUnavailableError
from vifkit_conformance.leftovers import Leftovers

if TYPE_CHECKING:
    from vifkit_libvirt.connection import LibvirtConnection
    from vifkit_libvirt.testbed import PrivateLibvirt

WITHOUT = ("netns", "base", "vsphere", "hyperv", "virtualbox", "virtuozzo", "workstation", "powervm")

# What a change of anything would change.
COLUMNS = {
    "Open_vSwitch": ("next_cfg",),
    "Bridge": ("_uuid", "ports"),
    "Port": ("_uuid", "_version"),
    "Interface": ("_uuid", "name", "external_ids", "ingress_policing_rate"),  # it counts, and so its version changes
    "QoS": ("_uuid", "_version"),
    "Queue": ("_uuid", "_version"),
}


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Put one test in the place of a module that cannot be imported."""
    if find_spec("libvirt") is not None or module_path.parent.parent.name in WITHOUT:
        return None
    return Unavailable.from_parent(parent, path=module_path)


@pytest.fixture(scope="session")
def libvirt(request: pytest.FixtureRequest, lab: Lab) -> Iterator["PrivateLibvirt"]:
    """A libvirtd beside the lab's Open vSwitch, one a worker; who stops it starts it again."""
    from vifkit_libvirt.testbed import PrivateLibvirt

    try:
        booted = PrivateLibvirt(lab)
    except LabUnavailableError as error:
        lacking(request.config, str(error))
    with booted:
        yield booted


@pytest.fixture
def refused(lab: Lab) -> Callable[..., AbstractContextManager[None]]:
    """Expect a refusal of one line, after which all is as it was: `with refused(connection, error, said): …`."""

    @contextmanager
    def expect(connection: Connection, error: type[Exception], said: str) -> Iterator[None]:
        before = Leftovers.of(lab), [each.name for each in connection.domains()]
        with pytest.raises(error, match=said) as caught:
            yield
        assert isinstance(caught.value, VifkitError)
        assert "\n" not in str(caught.value)
        assert str(Leftovers.of(lab) - before[0]) == ""
        assert [each.name for each in connection.domains()] == before[1]

    return expect


@pytest.fixture
def a_start(guest: Guests, connection: Connection) -> Callable[..., Callable[[], object]]:
    """Give what plugs a vif by a verb: `a_start("create", bridge="nowhere0", target="taken0")()`."""

    def prepare(verb: str, *, bridge: str = "br0", target: str | None = None) -> Callable[[], object]:
        if verb == "attach_vif":
            domain = guest("").domain
            assert isinstance(domain, SupportsHotplug)
            return lambda: domain.attach_vif(interface("52:54:00:00:00:aa", REFERENCE, bridge=bridge, target=target))
        xml, _ = guest.write(REFERENCE, bridge=bridge, target=target)
        return guest.define(xml).start if verb == "start" else lambda: getattr(connection, verb)(xml)

    return prepare


@pytest.fixture
def denied(lab: Lab, connection: "LibvirtConnection") -> Callable[[Callable[[], object]], None]:
    """Expect that a connection for reading only is not let do something, and that nothing has changed."""

    def everything() -> dict[str, Any]:
        rows = {table: sorted(map(str, lab.ovs.rows(table, *columns))) for table, columns in COLUMNS.items()}
        found = connection.session.connection().listAllDomains(0)
        return rows | {each.name(): (each.isActive(), each.XMLDesc(0), each.XMLDesc(2)) for each in found}

    def expect(attempt: Callable[[], object]) -> None:
        before = everything()
        with pytest.raises(AccessDeniedError, match="read only access prevents") as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert everything() == before

    return expect


class Unavailable(pytest.File):
    """A module of which nothing can be collected."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give the test that says why."""
        item: pytest.Item = Missing.from_parent(self, name="libvirt-python")
        if "mark.switch" in self.path.read_text(encoding="utf-8"):
            item.add_marker("switch")  # chosen as the module's tests would be
        yield item


class Missing(pytest.Item):
    """Skips, or fails where it is required."""

    def runtest(self) -> None:
        """Say what is missing."""
        lacking(self.config, "libvirt-python is not installed: install the group libvirt")
