"""Updates that a server sends, and in which pieces; servers that send something else."""

import json
import select
import socket
from typing import Any

import pytest
from shared.server import Serve, reply, request

from netqos.rpc import Rpc
from vifkit import BackendError, SwitchUnavailableError

COLUMNS = {"QoS": ["type"], "Queue": ["dscp"]}
MUTATE = {"op": "mutate", "table": "QoS", "where": [], "mutations": []}


def update(tables: object) -> bytes:
    return json.dumps({"id": None, "method": "update", "params": [None, tables]}, ensure_ascii=False).encode()


def polled(rpc: Rpc) -> list[Any]:
    """What has come with the answer before, or else the first that comes."""
    rpc.poll()
    if not rpc.updates:
        assert select.select([rpc], [], [], 10)[0]
        rpc.poll()
    taken = rpc.updates[:]
    rpc.updates.clear()
    return taken


def follow(rpc: Rpc) -> None:
    """Monitor, and take in what comes first of all."""
    rpc.monitor(COLUMNS)
    rpc.updates.clear()
    polled(rpc)


def test_all_rows_come_first_and_then_those_that_change(serve: Serve) -> None:
    asked: list[Any] = []

    def handler(client: socket.socket) -> None:
        asked.append(request(client))
        client.sendall(reply(1, {"QoS": {"a": {"new": {"type": "x"}}, "b": {"new": {"type": ""}}}}))
        client.sendall(update({"QoS": {"a": {"old": {"type": "x"}, "new": {"type": "y"}}, "b": {"old": {"type": ""}}}}))
        request(client)

    with Rpc(serve(handler), 10) as rpc:
        rpc.monitor(COLUMNS)
        assert rpc.updates.pop() == {"QoS": {"a": {"type": "x"}, "b": {"type": ""}}}
        assert polled(rpc) == [{"QoS": {"a": {"type": "y"}, "b": None}}]
    requests = {"QoS": [{"columns": ["type"]}], "Queue": [{"columns": ["dscp"]}]}
    assert asked == [{"method": "monitor", "params": ["Open_vSwitch", None, requests], "id": 1}]


def test_updates_that_come_while_an_answer_is_awaited_are_kept_in_their_order(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        request(client)
        client.sendall(reply(1, {}))
        request(client)
        first, second = (update({"QoS": {"a": {"new": {"type": kind}}}}) for kind in ("x", "y"))
        client.sendall(first + second + reply(2, [{"count": 0}]) + update({"QoS": {"a": {"old": {}}}}))
        request(client)

    with Rpc(serve(handler), 10) as rpc:
        rpc.monitor(COLUMNS)
        rpc.transact(MUTATE)
        assert rpc.updates == [{}, {"QoS": {"a": {"type": "x"}}}, {"QoS": {"a": {"type": "y"}}}]
        rpc.poll()  # what came with the answer is not heard of again by the socket
        assert rpc.updates[3:] == [{"QoS": {"a": None}}]


def test_nothing_is_waited_for_and_an_update_may_come_in_pieces(serve: Serve) -> None:
    text = update({"QoS": {"é\N{SNOWMAN}}": {"new": {"type": "}"}}}})

    def handler(client: socket.socket) -> None:
        request(client)
        client.sendall(reply(1, {}))
        for number in range(len(text)):
            request(client)
            client.sendall(text[number : number + 1])
        request(client)

    with Rpc(serve(handler), 10) as rpc:
        rpc.monitor(COLUMNS)
        rpc.updates.clear()
        rpc.poll()
        for _ in text:
            assert rpc.updates == []
            rpc._socket.sendall(b"{}")
            select.select([rpc], [], [], 10)
            rpc.poll()
        assert rpc.updates == [{"QoS": {"é\N{SNOWMAN}}": {"type": "}"}}}]


def test_the_server_is_told_that_we_are_there_while_nothing_is_asked(serve: Serve) -> None:
    answers: list[Any] = []

    def handler(client: socket.socket) -> None:
        for each in (["a"], []):
            client.sendall(json.dumps({"id": "echo", "method": "echo", "params": each}).encode())
            answers.append(request(client))
            client.sendall(b'{"id": null, "method": "update", "params": []}')  # of no monitor of ours

    with Rpc(serve(handler), 10) as rpc:
        while len(answers) < 2:
            assert select.select([rpc], [], [], 10)[0]
            rpc.poll()
        assert rpc.updates == []
    assert [answer["result"] for answer in answers] == [["a"], []]


def test_a_monitor_that_is_refused_says_why(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        client.sendall(reply(request(client)["id"], None, {"error": "syntax error", "details": "no table named QoS"}))

    with Rpc(serve(handler), 10) as rpc, pytest.raises(BackendError) as raised:
        rpc.monitor(COLUMNS)
    assert str(raised.value) == "ovsdb-server refused the request: syntax error: no table named QoS"
    assert type(raised.value) is BackendError


JUNK: list[object] = [
    None,
    5,
    [],
    {"QoS": None},
    {"QoS": []},
    {"Bridge": {}},
    {"QoS": {"a": None}},
    {"QoS": {"a": []}},
    {"QoS": {"a": {"new": 5}}},
    {"QoS": {"a": {"new": []}}},
    {"QoS": {"a": {"new": {}}}},
    {"QoS": {"a": {"new": {"type": ""}}}, "Queue": {"b": {"new": {"type": ""}}}},
]


@pytest.mark.parametrize("tables", JUNK, ids=json.dumps)
def test_junk_instead_of_the_rows_is_no_database(serve: Serve, tables: object) -> None:
    def handler(client: socket.socket) -> None:
        client.sendall(reply(request(client)["id"], tables))
        request(client)

    with Rpc(serve(handler), 10) as rpc, pytest.raises(SwitchUnavailableError, match="stopped answering"):
        rpc.monitor(COLUMNS)


@pytest.mark.parametrize("data", [*map(update, JUNK), b"[]}", b'{"method": "update"}', b"\xff}"], ids=bytes.hex)
def test_junk_instead_of_an_update_is_no_database_and_stays_none(serve: Serve, data: bytes) -> None:
    def handler(client: socket.socket) -> None:
        client.sendall(reply(request(client)["id"], {}))
        client.sendall(data)
        request(client)

    with Rpc(serve(handler), 10) as rpc:
        for use in (lambda: follow(rpc), rpc.poll, lambda: rpc.transact(MUTATE)):
            with pytest.raises(SwitchUnavailableError, match="stopped answering"):
                use()


def test_a_server_that_has_gone_is_seen(serve: Serve) -> None:
    def handler(client: socket.socket) -> None:
        client.sendall(reply(request(client)["id"], {}))

    with Rpc(serve(handler), 10) as rpc, pytest.raises(SwitchUnavailableError, match="stopped answering"):
        follow(rpc)
