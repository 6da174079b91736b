"""A double of an HMC, one a worker, in no mood and without LPARs before each test."""

import asyncio
import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import asyncssh
import pytest

from vifkit import Connection
from vifkit_powervm.double.running import RunningHmc
from vifkit_powervm.driver import PowervmDriver

Typed = Callable[..., str]
Written = Callable[..., str]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHmc]:
    with RunningHmc(tmp_path_factory.mktemp("hmc")) as hmc:
        yield hmc


@pytest.fixture
def types(running: RunningHmc) -> Typed:
    """What the HMC says to somebody else, who logs in by a client of their own: `types("lssyscfg -r lpar -F name")`."""
    key, known_hosts = (str(running.directory / name) for name in ("user", "known_hosts"))

    async def ask(*lines: str) -> str:
        async with asyncssh.connect(
            "127.0.0.1", running.port, username="hscroot", client_keys=[key], known_hosts=known_hosts, config=None
        ) as connection:
            runs = [await connection.run(re.sub(r"^(\w+)", rf"\1 -m {running.system}", line)) for line in lines]
        assert not any(run.exit_status for run in runs), runs
        return "".join(str(run.stdout) for run in runs)

    return lambda *lines: asyncio.run(ask(*lines))


@pytest.fixture
def hmc(running: RunningHmc, types: Typed) -> Iterator[RunningHmc]:
    """The double; what a test leaves in it is taken away."""
    running.mood()
    yield running
    running.mood(lag=0, holds=1023)
    left = [row.split(",") for row in types("lssyscfg -r lpar -F lpar_id,state,lpar_env").splitlines()]
    there = [(number, state) for number, state, *_ in (row for row in left if len(row) == 3)]
    types(*(f"chsysstate -r lpar -o shutdown --immed --id {number}" for number, state in there if state == "Running"))
    types(*(f"rmsyscfg -r lpar --id {number}" for number, _ in there))


@pytest.fixture
def connection(hmc: RunningHmc) -> Iterator[Connection]:
    with PowervmDriver().open(hmc.uri()) as connection:
        yield connection


@pytest.fixture
def vif() -> Written:
    """Write an interface: `vif("52:54:00:00:00:01", "<vlan>…", bridge="br0")`."""

    def write(mac: str = "52:54:00:00:00:01", more: str = "", bridge: str = "br0") -> str:
        return f"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/>{more}</interface>"

    return write


@pytest.fixture
def xml(vif: Written) -> Written:
    """Write a domain: `xml("web", vif(), uuid="…", more="<vcpu>2</vcpu>")`."""

    def write(name: str = "web", *interfaces: str, uuid: str = "", more: str = "<memory unit='MiB'>64</memory>") -> str:
        devices = f"{more}<devices>{''.join(interfaces) or vif()}</devices>"
        return f"<domain type='phyp'><name>{name}</name><uuid>{uuid or uuid4()}</uuid>{devices}</domain>"

    return write
