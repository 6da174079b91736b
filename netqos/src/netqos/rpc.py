"""OVSDB's transactions (RFC 7047) over one socket, on the standard library alone. Knows nothing of QoS.

There is no replica of the database here, as ovsdbapp and ovs.db.idl keep one: to build it costs more than
a command that reads once and ends can spend. Measured at 4,000 ports, the replica took 1.9 s to load, three
times as long as ovs-vswitchd then takes to act.
"""

import json
import socket
import time
from typing import Any, Self

from vifkit import BackendError, SwitchUnavailableError

SCHEMA = "Open_vSwitch"
THE_ROOT: dict[str, Any] = {"table": SCHEMA, "where": []}  # the table has one row

Operation = dict[str, Any]


class LostRaceError(BackendError):
    """What a transaction was built on is no longer so: read again, and try again."""


class Rpc:
    """A connection, a context manager; `timeout` in seconds bounds each answer. Raises SwitchUnavailableError."""

    def __init__(self, db: str, timeout: float) -> None:
        self.db = db
        self.timeout = timeout
        self._text = ""
        self._number = 0
        try:
            self._socket = _connect(db, timeout)
        except OSError as error:
            reason = error.strerror or error
            raise SwitchUnavailableError(f"no Open vSwitch database answers at {db}: {reason}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def transact(self, *operations: Operation, timeout: float | None = None) -> list[Any]:
        """Run operations in one transaction, and give the result of each.

        Raises LostRaceError if a `wait` or an index refused it, BackendError if the server did for another
        reason, SwitchUnavailableError if no answer comes.
        """
        self._number += 1
        request = {"method": "transact", "params": [SCHEMA, *operations], "id": self._number}
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            self._send(request, end)
            return _results(self._answer(end), operations)
        except (OSError, ValueError, RecursionError) as error:
            raise SwitchUnavailableError(f"the Open vSwitch database at {self.db} stopped answering") from error

    def bump(self, operations: list[Operation]) -> int:
        """Run operations in one transaction that asks ovs-vswitchd to act, and give its number (next_cfg)."""
        mutate = {"op": "mutate", "mutations": [["next_cfg", "+=", 1]], **THE_ROOT}
        *_, answer = self.transact(*operations, mutate, {"op": "select", "columns": ["next_cfg"], **THE_ROOT})
        number: int = _only(self.db, answer)["next_cfg"]
        return number

    def settled(self, number: int, seconds: float) -> bool:
        """Wait until ovs-vswitchd has acted on the transaction of this number, and tell whether it did in time."""
        end = time.monotonic() + seconds
        while True:
            (answer,) = self.transact({"op": "select", "columns": ["cur_cfg"], **THE_ROOT})
            row = _only(self.db, answer)
            left = end - time.monotonic()
            if row["cur_cfg"] >= number:
                return True
            if left <= 0:
                return False
            # It may pass over our number when others are at work too, so any change is news.
            news = {"op": "wait", "columns": ["cur_cfg"], "until": "!=", "rows": [row], "timeout": int(left * 1000) + 1}
            try:
                self.transact({**news, **THE_ROOT}, timeout=left + self.timeout)
            except LostRaceError:
                return False

    def _send(self, message: dict[str, Any], end: float) -> None:
        self._bound(end)
        self._socket.sendall(json.dumps(message, separators=(",", ":")).encode())

    def _bound(self, end: float) -> None:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self._socket.settimeout(left)

    def _answer(self, end: float) -> dict[str, Any]:
        decode = json.JSONDecoder().raw_decode
        while True:
            self._text = self._text.lstrip()
            try:
                message, length = decode(self._text) if self._text.endswith("}") else (None, 0)
            except ValueError:
                message, length = None, 0
            if length == 0:
                self._text += self._receive(end)
                continue
            if not isinstance(message, dict):
                raise ValueError("this is no message of JSON-RPC")
            self._text = self._text[length:]
            if message.get("method") == "echo":  # the server asks whether we are still there
                self._send({"id": message.get("id"), "result": message.get("params"), "error": None}, end)
            elif message.get("id") == self._number:
                return message

    def _receive(self, end: float) -> str:
        """Give all that has come so far, at least one piece of it, and whole characters."""
        pieces: list[bytes] = []
        while not pieces or (pieces[-1] and not pieces[-1].endswith(b"}")):
            self._bound(end)
            pieces.append(self._socket.recv(1 << 20))
        if not pieces[-1]:
            raise ConnectionError("closed by the server")
        return b"".join(pieces).decode()


def _connect(db: str, timeout: float) -> socket.socket:
    kind, _, where = db.partition(":")
    if kind == "unix" and where:
        opened = socket.socket(socket.AF_UNIX)
        opened.settimeout(timeout)
        try:
            opened.connect(where)
        except OSError:
            opened.close()
            raise
        return opened
    host, _, port = where.rpartition(":")
    if kind == "tcp" and host and port.isdecimal() and int(port) < 65536:
        return socket.create_connection((host.strip("[]"), int(port)), timeout)
    raise ValueError(f"{db!r} is no address of a database: unix:PATH and tcp:HOST:PORT are")


def _results(answer: dict[str, Any], operations: tuple[Operation, ...]) -> list[Any]:
    """Give the result of each operation. Raises what `Rpc.transact` does, ValueError for what is no answer to it."""
    if answer.get("error"):
        raise BackendError(f"ovsdb-server refused the request: {_said(answer['error'])}")
    results = answer.get("result")
    if not isinstance(results, list):
        raise ValueError("there are no results")
    for result in results:
        if isinstance(result, dict) and "error" in result:
            # The last: a rival has come to use a row that was to be deleted.
            lost = result["error"] in ("timed out", "constraint violation", "referential integrity violation")
            raise (LostRaceError if lost else BackendError)(f"ovsdb-server refused: {_said(result)}")
    if len(results) != len(operations) or not all(isinstance(result, dict) for result in results):
        raise ValueError("there is not one result for each operation")
    for operation, result in zip(operations, results, strict=True):
        if operation["op"] == "select" and not _are_rows(result.get("rows"), operation["columns"]):
            raise ValueError("there are no rows")
    return results


def _are_rows(rows: Any, columns: list[str]) -> bool:
    asked = set(columns)
    return isinstance(rows, list) and all(isinstance(row, dict) and asked <= row.keys() for row in rows)


def _only(db: str, answer: dict[str, Any]) -> dict[str, Any]:
    if not answer["rows"]:
        raise SwitchUnavailableError(f"the database at {db} was never initialised (ovs-vsctl init)")
    row: dict[str, Any] = answer["rows"][0]
    return row


def _said(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return ": ".join(str(error[key]) for key in ("error", "details") if error.get(key))
