"""Servers that are no database, or a broken one."""

import socket
import threading
import time
from contextlib import suppress

import pytest
from shared.server import IN_TIME, Serve, answering, request, stays_away

from netqos.rpc import Rpc
from vifkit import SwitchUnavailableError


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
