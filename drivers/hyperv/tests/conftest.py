from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from vifkit_hyperv.double.host import Host
from vifkit_hyperv.double.server import Server
from vifkit_hyperv.driver import HypervConnection, HypervDriver

PASSWORD = "pass wörd; Stop-VM *"

Open = Callable[..., HypervConnection]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, "operator", PASSWORD) as serving:
        yield serving


@pytest.fixture
def password() -> str:
    return PASSWORD


@pytest.fixture
def host(server: Server) -> Host:
    return server.management.host


@pytest.fixture
def uri(server: Server) -> str:
    return f"hyperv://operator@127.0.0.1:{server.port}/?cacert={quote(str(server.certificate))}"


@pytest.fixture
def open_it(uri: str) -> Iterator[Open]:
    """Open the double, as often as a test likes, with more parameters."""
    with ExitStack() as opened:

        def open_it(more: str = "", password: str = PASSWORD) -> HypervConnection:
            connection = HypervDriver().open(uri + more, lambda _: password)
            assert isinstance(connection, HypervConnection)
            return opened.enter_context(connection)

        yield open_it


@pytest.fixture
def connection(open_it: Open) -> HypervConnection:
    return open_it()


@pytest.fixture
def xml() -> Callable[..., str]:
    return domain_xml


def domain_xml(name: str = "web", *bandwidths: str, uuid: str = "6a1f0b7e-7c0f-4f0e-9d55-0d8f3b5a9c01") -> str:
    interfaces = "".join(
        f"<interface type='bridge'><mac address='52:54:00:00:00:{number:02x}'/><source bridge='br0'/>"
        f"{each and f'<bandwidth>{each}</bandwidth>'}</interface>"
        for number, each in enumerate(bandwidths or ("",), 1)
    )
    return (
        f"<domain type='hyperv'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>65</memory><vcpu>2</vcpu>"
        f"<devices>{interfaces}</devices></domain>"
    )
