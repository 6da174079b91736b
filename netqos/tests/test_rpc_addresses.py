"""Where a database is looked for."""

import os
import socket
from contextlib import ExitStack, suppress

import pytest
from shared.server import stays_away

from netqos.ovsdb import Switch
from netqos.rpc import Rpc
from vifkit import BackendError, SwitchUnavailableError
from vifkit_conformance.lab import Lab, until


@pytest.mark.parametrize(
    "db",
    [
        "",
        "nonsense",
        "/run/openvswitch/db.sock",
        "unix:",
        "UNIX:/run/db.sock",
        "tcp:",
        "tcp:6640",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:",
        "tcp::6640",
        "tcp:127.0.0.1:port",
        "tcp:127.0.0.1:-1",
        "tcp:127.0.0.1:65536",
        "tcp:127.0.0.1:99999999999",
        "ptcp:6640:127.0.0.1",
        "ssl:127.0.0.1:6640",
    ],
)
def test_an_address_that_is_none_is_refused_with_those_that_are(db: str) -> None:
    with pytest.raises(ValueError, match=r"is no address of a database: unix:PATH and tcp:HOST:PORT are") as raised:
        Rpc(db, 1)
    assert not isinstance(raised.value, BackendError)


@pytest.mark.parametrize(
    ("db", "reason"),
    [
        ("unix:/nowhere/db.sock", "No such file or directory"),
        pytest.param(
            "unix:/etc/passwd",
            "Connection refused",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root may open it"),
        ),
        ("unix:/" + "x" * 200, "AF_UNIX path too long"),
        ("tcp:127.0.0.1:1", ""),  # refused, or unreachable where there is no network
        ("tcp:[::1]:1", ""),
    ],
)
def test_where_nobody_listens_the_reason_is_told(db: str, reason: str) -> None:
    message = str(stays_away(db))
    assert message.startswith(f"no Open vSwitch database answers at {db}: ")
    assert message.endswith(reason) and not message.endswith("None")


@pytest.mark.switch
def test_a_host_that_does_not_answer_is_given_up(lab: Lab) -> None:
    def check() -> None:
        with ExitStack() as stack:
            listening = stack.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            port = listening.getsockname()[1]
            for _ in range(4):  # more than the queue holds
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
            assert str(stays_away(f"tcp:127.0.0.1:{port}")).endswith(": timed out")

    lab.host.call(check)  # where there is a network for certain


def listen(lab: Lab, remote: str, db: str) -> Switch:
    """Have the server listen at one more address, and open it: ovs-appctl returns before the server does listen."""

    def opened() -> Switch | None:
        with suppress(SwitchUnavailableError):
            return Switch(db)
        return None

    lab.ovs.appctl("ovsdb-server/add-remote", remote, target="ovsdb-server")
    switch = until(lambda: lab.host.call(opened), "the server listens")
    assert switch is not None
    return switch


@pytest.mark.switch
@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_a_server_is_reached_by_tcp(own_lab: Lab, address: str) -> None:
    switch = listen(own_lab, f"ptcp:6640:{address}", f"tcp:{address}:6640")
    assert switch.version == own_lab.ovs.version
    assert set(own_lab.host.call(switch.ports)) == {"br0"}


@pytest.mark.switch
def test_a_server_is_reached_by_a_second_socket(own_lab: Lab) -> None:
    second = own_lab.directory / "second.sock"
    assert set(listen(own_lab, f"punix:{second}", f"unix:{second}").ports()) == {"br0"}
