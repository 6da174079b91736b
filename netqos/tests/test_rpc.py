import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from netqos.ovsdb import Switch
from netqos.rpc import THE_ROOT, LostRaceError, Rpc
from vifkit import BackendError, SwitchUnavailableError
from vifkit_conformance.lab import Lab

Handler = Callable[[socket.socket], None]
Serve = Callable[[Handler], str]

SELECT = {"op": "select", "columns": ["ovs_version"], **THE_ROOT}
ANSWER = [{"rows": [{"ovs_version": "3.1.0"}]}]
IN_TIME = 20.0
"""Seconds: far more than any of the time limits set here, and far less than for ever."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves one client at a time as it is told to, at the address returned."""
    with ExitStack() as stack:

        def start(handler: Handler) -> str:
            path = tmp_path / "s"
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(path))
            listening.listen()

            def work() -> None:
                with suppress(OSError):  # the listening socket is shut down, or the client has gone
                    while True:
                        client, _ = listening.accept()
                        with client, suppress(OSError):
                            handler(client)

            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return f"unix:{path}"

        yield start


def request(client: socket.socket) -> Any:
    """Read one request."""
    text = b""
    while True:
        text += (piece := client.recv(1 << 16))
        if not piece:
            raise ConnectionError
        with suppress(ValueError):
            return json.loads(text)


def answering(data: bytes) -> Handler:
    """Answer each request with the same bytes, where ID stands for the id of the request, until the client goes."""

    def handler(client: socket.socket) -> None:
        while True:
            number = request(client)["id"]
            client.sendall(data.replace(b"ID", str(number).encode()))

    return handler


def reply(number: int, results: object, error: object = None) -> bytes:
    return json.dumps({"id": number, "result": results, "error": error}).encode()


def stays_away(db: str, timeout: float = 0.2) -> SwitchUnavailableError:
    """Check that every way in ends in time and with the right error, and give it."""
    start = time.monotonic()
    with pytest.raises(SwitchUnavailableError) as raised:
        Switch(db, timeout=timeout)
    assert time.monotonic() - start < IN_TIME
    assert "\n" not in str(raised.value)
    assert not raised.value.committed
    return raised.value


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"}",
        b"{}}",
        b"[]}",
        b'"a"}',
        b"1}",
        b"null}",
        b"{}",
        b'{"id": ID}',
        b"\xff\xfe{}",
        b"[" * 200_000 + b"}",
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
        b'{"id": ID, "result": null, "error": null}',
        b'{"id": ID, "result": "rows", "error": null}',
        b'{"id": ID, "result": {"rows": []}, "error": null}',
        b'{"id": ID, "result": [], "error": null}',
        b'{"id": ID, "result": [null], "error": null}',
        b'{"id": ID, "result": [5], "error": null}',
        b'{"id": ID, "result": [{}], "error": null}',
        b'{"id": ID, "result": [{"rows": null}], "error": null}',
        b'{"id": ID, "result": [{"rows": [5]}], "error": null}',
        b'{"id": ID, "result": [{"rows": [{}]}], "error": null}',
        b'{"id": ID, "result": [{"rows": []}, {"rows": []}], "error": null}',
        b'{"method": "echo"}',
        b'{"id": "echo", "method": "echo", "params": []}',
    ],
    ids=lambda data: data[:40].decode(errors="replace"),
)
def test_junk_is_no_database(serve: Serve, data: bytes) -> None:
    assert str(stays_away(serve(answering(data)))).endswith("stopped answering")


def test_a_server_that_never_answers_is_given_up(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        while client.recv(1 << 16):
            pass

    stays_away(serve(handler))


def test_a_server_that_never_reads_is_given_up(serve: Serve) -> None:
    done = threading.Event()

    def handler(_: socket.socket) -> None:
        done.wait(IN_TIME)

    start = time.monotonic()
    with pytest.raises(SwitchUnavailableError), Rpc(serve(handler), 0.2) as rpc:
        rpc.transact({"op": "comment", "comment": "x" * 2**24})
    assert time.monotonic() - start < IN_TIME
    done.set()


@pytest.mark.parametrize("data", [b"", b"{", b'{"id": 1, "resu', b'{"id": 1, "result": [{"rows": []}'])
def test_a_server_that_closes_half_way_is_gone(serve: Serve, data: bytes) -> None:
    def handler(client: socket.socket) -> None:
        request(client)
        client.sendall(data)

    stays_away(serve(handler), timeout=60)


def test_a_server_that_closes_at_once_is_gone(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        client.shutdown(socket.SHUT_RDWR)

    stays_away(serve(handler), timeout=60)


@pytest.mark.parametrize("data", [b" ", b"x", b"{}", b'{"id": "echo", "method": "echo", "params": []}'])
def test_a_server_that_always_says_something_does_not_hold_its_client_for_ever(serve: Serve, data: bytes) -> None:
    def handler(client: socket.socket) -> None:
        client.settimeout(0.01)
        while True:
            client.sendall(data)
            with suppress(TimeoutError):
                client.recv(1 << 16)

    stays_away(serve(handler))


def test_echo_requests_in_between_are_answered(serve: Serve) -> None:
    echoes: list[Any] = []

    def handler(client: socket.socket) -> None:
        number = request(client)["id"]
        for each in (["a"], []):
            client.sendall(json.dumps({"id": "echo", "method": "echo", "params": each}).encode())
            echoes.append(request(client))
        client.sendall(b'{"id": null, "method": "update", "params": []}\n' + reply(number, ANSWER))

    with Rpc(serve(handler), 10) as rpc:
        assert rpc.transact(SELECT) == ANSWER
    assert echoes == [
        {"id": "echo", "result": ["a"], "error": None},
        {"id": "echo", "result": [], "error": None},
    ]


def test_an_answer_may_come_in_pieces(serve: Serve) -> None:
    results = [{"rows": [{"ovs_version": "3.1.0 {é} \N{SNOWMAN} }"}]}]
    text = json.dumps({"id": 1, "result": results, "error": None}, ensure_ascii=False).encode()

    def handler(client: socket.socket) -> None:
        request(client)
        for number in range(len(text)):
            client.sendall(text[number : number + 1])

    with Rpc(serve(handler), 10) as rpc:
        assert rpc.transact(SELECT) == results


def test_answers_to_others_are_passed_over_and_several_may_come_at_once(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        request(client)
        client.sendall(reply(7, [{}]) + b" \n" + reply(1, ANSWER) + reply(2, [{"count": 1}]))
        request(client)

    with Rpc(serve(handler), 10) as rpc:
        assert rpc.transact(SELECT) == ANSWER
        assert rpc.transact({"op": "mutate", "mutations": [], **THE_ROOT}) == [{"count": 1}]


@pytest.mark.parametrize(
    ("results", "error", "kind", "message"),
    [
        (None, "unknown database", BackendError, "ovsdb-server refused the request: unknown database"),
        (
            None,
            {"error": "syntax error", "details": "bad request"},
            BackendError,
            "ovsdb-server refused the request: syntax error: bad request",
        ),
        ([{"error": "timed out"}, None], None, LostRaceError, "ovsdb-server refused: timed out"),
        (
            [{"count": 1}, {"error": "constraint violation", "details": "index"}],
            None,
            LostRaceError,
            "ovsdb-server refused: constraint violation: index",
        ),
        (
            [{"count": 1}, {"count": 1}, {"error": "referential integrity violation", "details": "x"}],
            None,
            LostRaceError,
            "ovsdb-server refused: referential integrity violation: x",
        ),
        ([{"error": "no space"}, None], None, BackendError, "ovsdb-server refused: no space"),
    ],
)
def test_a_refusal_says_why(serve: Serve, results: object, error: object, kind: type, message: str) -> None:
    def handler(client: socket.socket) -> None:
        client.sendall(reply(request(client)["id"], results, error))

    with Rpc(serve(handler), 10) as rpc, pytest.raises(BackendError) as raised:
        rpc.transact(SELECT, SELECT)
    assert (type(raised.value), str(raised.value)) == (kind, message)


def test_a_switch_that_acts_on_nothing_is_waited_for_no_longer_than_was_said(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        while True:
            asked = request(client)
            waits = asked["params"][1]["op"] == "wait"
            client.sendall(reply(asked["id"], [{"error": "timed out"} if waits else {"rows": [{"cur_cfg": 6}]}]))

    with Rpc(serve(handler), 10) as rpc:
        assert rpc.settled(6, 0)
        assert rpc.settled(5, 10)
        assert not rpc.settled(7, 0)
        assert not rpc.settled(7, 0.1)


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
        ("unix:/etc/passwd", "Connection refused"),
        ("unix:/" + "x" * 200, "AF_UNIX path too long"),
        ("tcp:127.0.0.1:1", "Connection refused"),
        ("tcp:[::1]:1", ""),
    ],
)
def test_where_nobody_listens_the_reason_is_told(db: str, reason: str) -> None:
    message = str(stays_away(db))
    assert message.startswith(f"no Open vSwitch database answers at {db}: ")
    assert message.endswith(reason) and not message.endswith("None")


def test_a_host_that_does_not_answer_is_given_up() -> None:
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


@pytest.mark.switch
def test_a_real_server_says_what_it_refuses(lab: Lab) -> None:
    nowhere = {"op": "select", "table": "nowhere", "where": [], "columns": []}
    with Rpc(lab.ovs.db, 10) as rpc:
        with pytest.raises(BackendError, match=r"^ovsdb-server refused: .*nowhere") as raised:
            rpc.transact(nowhere)
        assert not isinstance(raised.value, LostRaceError | SwitchUnavailableError)
        (answer,) = rpc.transact(SELECT)  # and the connection goes on
    assert answer == {"rows": [{"ovs_version": lab.ovs.version}]}


@pytest.mark.switch
def test_what_was_waited_for_in_vain_is_a_lost_race_and_changes_nothing(lab: Lab) -> None:
    wait = {"op": "wait", "columns": ["name"], "until": "==", "rows": [{"name": "br0"}], "timeout": 0}
    delete = {"op": "delete", "table": "Bridge", "where": [["name", "==", "br0"]]}
    with Rpc(lab.ovs.db, 10) as rpc, pytest.raises(LostRaceError):
        rpc.transact(delete, {**wait, "table": "Bridge", "where": [["name", "==", "br0"]]})
    assert [row["name"] for row in lab.ovs.rows("Bridge")] == ["br0"]


@pytest.mark.switch
def test_a_name_that_is_taken_and_a_row_that_is_in_use_are_lost_races(lab: Lab) -> None:
    (bridge,) = lab.ovs.rows("Bridge")
    interface = {"op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": "br0"}}
    port = {"op": "insert", "table": "Port", "uuid-name": "p", "row": {"name": "p", "interfaces": ["named-uuid", "i"]}}
    ports = [["ports", "insert", ["named-uuid", "p"]]]
    mutate = {"op": "mutate", "table": "Bridge", "where": [], "mutations": ports}
    with Rpc(lab.ovs.db, 10) as rpc:
        with pytest.raises(LostRaceError, match="constraint violation"):
            rpc.transact(interface, port, mutate)
        with pytest.raises(LostRaceError, match="referential integrity violation"):
            rpc.transact({"op": "delete", "table": "Port", "where": [["_uuid", "==", ["uuid", bridge["ports"][0]]]]})


@pytest.mark.switch
def test_a_change_has_settled_when_the_switch_says_so(lab: Lab) -> None:
    with Rpc(lab.ovs.db, 10) as rpc:
        number = rpc.bump([])
        assert rpc.settled(number, 10)
        (row,) = lab.ovs.rows("Open_vSwitch", "cur_cfg", "next_cfg")
        assert row["cur_cfg"] >= number
        assert rpc.bump([]) == number + 1 or row["next_cfg"] > number


@pytest.mark.switch
def test_a_stopped_switch_does_not_settle(own_lab: Lab) -> None:
    with Rpc(own_lab.ovs.db, 10) as rpc:
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGSTOP)
        number = rpc.bump([])
        assert not rpc.settled(number, 0.2)
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGCONT)
        assert rpc.settled(number, 10)


@pytest.mark.switch
def test_a_database_that_nobody_initialised_says_so(own_lab: Lab) -> None:
    own_lab.ovs.vswitchd.kill()
    own_lab.ovs.transact({"op": "delete", "table": "Open_vSwitch", "where": []})
    assert Switch(own_lab.ovs.db).version == ""
    assert Switch(own_lab.ovs.db).ports() == {}
    with Rpc(own_lab.ovs.db, 10) as rpc, pytest.raises(SwitchUnavailableError, match="was never initialised"):
        rpc.bump([])


@pytest.mark.switch
@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_a_server_is_reached_by_tcp(own_lab: Lab, address: str) -> None:
    own_lab.ovs.appctl("ovsdb-server/add-remote", f"ptcp:6640:{address}", target="ovsdb-server")
    switch = own_lab.host.call(Switch, f"tcp:{address}:6640")
    assert switch.version == own_lab.ovs.version
    assert set(own_lab.host.call(switch.ports)) == {"br0"}


@pytest.mark.switch
def test_a_server_is_reached_by_a_second_socket(own_lab: Lab) -> None:
    second = own_lab.directory / "second.sock"
    own_lab.ovs.appctl("ovsdb-server/add-remote", f"punix:{second}", target="ovsdb-server")
    assert set(Switch(f"unix:{second}").ports()) == {"br0"}
