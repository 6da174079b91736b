"""What a server may answer, and in which pieces."""

import json
import socket
from typing import Any

import pytest
from shared.server import ANSWER, SELECT, Serve, reply, request

from netqos.rpc import THE_ROOT, LostRaceError, Rpc
from vifkit import BackendError


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
            client.sendall(reply(request(client)["id"], [{"rows": [{"cur_cfg": 6}]}]))

    with Rpc(serve(handler), 10) as rpc:
        assert rpc.settled(6, 0)
        assert rpc.settled(5, 10)
        assert not rpc.settled(7, 0)
        assert not rpc.settled(7, 0.1)
