"""A vCenter and an ESX of vcsim's, one a worker, and a second client that is not the driver."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from vifkit import Connection, Domain, State, VifkitError
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import LabUnavailableError

sys.path.insert(0, str(Path(__file__).parent))

from vspheres.raw import Raw


@pytest.fixture(scope="session")
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Run a simulator to the end of the session: `simulated("esx", "-machines", "3")` is its URI."""
    from vifkit_vsphere.simulator import SimulatorError
    from vifkit_vsphere.testbed import running

    with ExitStack() as stack:

        def run(mode: str, *options: str) -> str:
            directory = tmp_path_factory.mktemp(mode)
            try:
                return stack.enter_context(running(mode, directory, *options))
            except (SimulatorError, LabUnavailableError) as error:
                lacking(request.config, str(error))

        yield run


@pytest.fixture(scope="session")
def uris(simulated: Callable[..., str]) -> dict[str, str]:
    """The URIs of both, by scheme."""
    return {mode: simulated(mode) for mode in ("vcenter", "esx")}


@pytest.fixture(params=["vcenter", "esx"])
def mode(request: pytest.FixtureRequest) -> str:
    """What is spoken to."""
    return str(request.param)


@pytest.fixture
def uri(uris: dict[str, str], mode: str) -> str:
    """Where it is."""
    return uris[mode]


@pytest.fixture
def connection(uri: str) -> Iterator[Connection]:
    """A connection of the driver's; what the test has made is gone after it, its port groups too."""
    from vifkit_vsphere.driver import VsphereDriver

    with Raw(uri) as raw, VsphereDriver().open(uri) as opened:
        before = raw.groups().keys()
        yield opened
        for domain in opened.domains():
            end(domain)
        assert raw.groups().keys() == before


@pytest.fixture
def raw(uri: str) -> Iterator[Raw]:
    """The second client: pyVmomi alone."""
    with Raw(uri) as opened:
        yield opened


def end(domain: Domain) -> None:
    with suppress(VifkitError):
        if domain.state() is not State.SHUTOFF:
            domain.stop()
    with suppress(VifkitError):
        domain.undefine()
