"""A double of an HMC, one a worker, in no mood and without LPARs before each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from vifkit import Connection, State
from vifkit_powervm.double.running import RunningHmc
from vifkit_powervm.driver import PowervmDriver


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHmc]:
    with RunningHmc(tmp_path_factory.mktemp("hmc")) as hmc:
        yield hmc


@pytest.fixture
def hmc(running: RunningHmc) -> Iterator[RunningHmc]:
    """The double; what a test leaves in it is taken away."""
    yield running
    running.mood(lag=0, holds=1023)
    with PowervmDriver().open(running.uri()) as connection:
        for domain in connection.domains():
            if domain.state() is not State.SHUTOFF:
                domain.stop()
            domain.undefine()


@pytest.fixture
def connection(hmc: RunningHmc) -> Iterator[Connection]:
    with PowervmDriver().open(hmc.uri()) as connection:
        yield connection


@pytest.fixture
def said(hmc: RunningHmc) -> Callable[..., str]:
    """What the HMC says to a command that somebody else gives: `said("rmsyscfg", ("-n", "web"))`."""
    from vifkit_base.uri import parse
    from vifkit_powervm.console import Console
    from vifkit_powervm.driver import _options
    from vifkit_powervm.words import Argument

    options = _options(parse(hmc.uri(), ("hmc",), ("keyfile", "known_hosts")), None)

    def say(program: str, *arguments: Argument) -> str:
        console = Console("127.0.0.1", hmc.port, options, timeout_s=10)
        try:
            return console.run(program, ("-m", hmc.system), *arguments)
        finally:
            console.close()

    return say


@pytest.fixture
def xml() -> Callable[..., str]:
    """Write a domain: `xml("web", "<interface …")`."""

    def write(name: str = "web", *interfaces: str, uuid: str = "", more: str = "") -> str:
        vifs = "".join(interfaces) or interface()
        body = f"<memory unit='MiB'>64</memory>{more}<devices>{vifs}</devices>"
        return f"<domain type='phyp'><name>{name}</name><uuid>{uuid or uuid4()}</uuid>{body}</domain>"

    return write


def interface(mac: str = "52:54:00:00:00:01", more: str = "", bridge: str = "br0") -> str:
    return f"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/>{more}</interface>"


@pytest.fixture
def vif() -> Callable[..., str]:
    """Write an interface."""
    return interface


@pytest.fixture
def hosts(tmp_path: Path, hmc: RunningHmc) -> Callable[..., str]:
    """Write a file of known hosts that knows a port by one of the double's keys."""

    def write(key: str, port: int) -> str:
        path = tmp_path / f"known_hosts-{key}-{port}"
        path.write_text(f"[127.0.0.1]:{port} {(hmc.directory / f'{key}.pub').read_text()}")
        return str(path)

    return write
