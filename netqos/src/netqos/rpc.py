"""OVSDB's transactions (RFC 7047) over one socket, on the standard library alone. Knows nothing of QoS.

There is no replica of the database here, as ovsdbapp and ovs.db.idl keep one: to build it costs more than
a command that reads once and ends can spend. Measured at 4,000 ports, the replica took 1.9 s to load, three
times as long as ovs-vswitchd then takes to act. A service that stays has `netqos.monitor`.
"""

import json
import socket
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

from vifkit import BackendError, SwitchUnavailableError

from .patience import Patience

SCHEMA = "Open_vSwitch"
THE_ROOT: dict[str, Any] = {"table": SCHEMA, "where": []}  # the table has one row
SHORTEST_PAUSE, LONGEST_PAUSE = 0.001, 0.02  # seconds between two questions for what ovs-vswitchd has done

Operation = dict[str, Any]
Update = dict[str, dict[str, dict[str, Any] | None]]
"""Rows by table and UUID as they are now; None is a row that was deleted."""


class LostRaceError(BackendError):
    """What a transaction was built on is no longer so: read again, and try again."""


class UnknownColumnError(BackendError):
    """The database has no column of this name: its schema is another."""


class Rpc:
    """A connection, a context manager; `timeout` in seconds bounds each answer. Raises SwitchUnavailableError.

    It is of no use any more once the server has failed to answer. `updates` are what `monitor` asked for,
    the oldest first; whoever has taken them in removes them.
    """

    def __init__(self, db: str, timeout: float) -> None:
        self.db = db
        self.timeout = timeout
        self.updates: list[Update] = []
        self._monitored: Mapping[str, Collection[str]] = {}
        self._bytes = bytearray()
        self._messages: deque[dict[str, Any]] = deque()
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

    def transact(self, *operations: Operation) -> list[Any]:
        """Run operations in one transaction, and give the result of each.

        Raises LostRaceError if a `wait` or an index refused it, UnknownColumnError, BackendError if the server
        refused it for another reason, SwitchUnavailableError if no answer comes.
        """
        with self._telling():
            return _results(self._request("transact", [SCHEMA, *operations], self.timeout), operations)

    def monitor(self, columns: Mapping[str, Collection[str]]) -> None:
        """Have all rows of these tables put into `updates`, and from now on those that change (RFC 7047, 4.1.5).

        After any later request `updates` has all that was committed before it, whoever did: ovsdb-server sends
        what it knows before it answers (ovsdb_jsonrpc_session_send in OVS's ovsdb/jsonrpc-server.c).
        """
        with self._telling():
            wanted = {table: [{"columns": list(names)}] for table, names in columns.items()}
            self.updates.append(_update(self._request("monitor", [SCHEMA, None, wanted], self.timeout), columns))
            self._monitored = columns

    def poll(self) -> None:
        """Take in what has come, and wait for nothing: updates are kept, the server's echo requests answered."""
        with self._telling():
            self._socket.settimeout(0)
            with suppress(BlockingIOError):
                self._receive()
            while self._messages:
                self._heed(self._messages.popleft(), time.monotonic() + self.timeout)

    def fileno(self) -> int:
        """Give the descriptor that is readable when the server has said something, or has gone."""
        return self._socket.fileno()

    def bump(self, operations: list[Operation]) -> int:
        """Run operations in one transaction that asks ovs-vswitchd to act, and give its number (next_cfg)."""
        mutate = {"op": "mutate", "mutations": [["next_cfg", "+=", 1]], **THE_ROOT}
        *_, answer = self.transact(*operations, mutate, {"op": "select", "columns": ["next_cfg"], **THE_ROOT})
        number: int = _only(self.db, answer)["next_cfg"]
        return number

    def settled(self, number: int, seconds: float) -> bool:
        """Ask until ovs-vswitchd has acted on the transaction of this number, and tell whether it did in time.

        An OVSDB `wait` would tell at once, but before 2.16 ovsdb-server does not wake up to say that one has come true:
        it may say so 2.5 s later (ovsdb_jsonrpc_session_wait in OVS's ovsdb/jsonrpc-server.c).
        """
        patience = Patience(self.db, seconds)
        pause = SHORTEST_PAUSE
        while True:
            (answer,) = self.transact({"op": "select", "columns": ["cur_cfg"], **THE_ROOT})
            if _only(self.db, answer)["cur_cfg"] >= number:
                return True
            left = patience.left
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(1.5 * pause, LONGEST_PAUSE)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RecursionError) as error:
            with suppress(OSError):  # what comes next would be taken for something else
                self._socket.shutdown(socket.SHUT_RDWR)
            raise SwitchUnavailableError(f"the Open vSwitch database at {self.db} stopped answering") from error

    def _request(self, method: str, params: list[Any], seconds: float) -> Any:
        """Send a request, and give its result. Raises BackendError for a refusal."""
        self._number += 1
        end = time.monotonic() + seconds
        self._send({"method": method, "params": params, "id": self._number}, end)
        while True:
            while not self._messages:
                self._bound(end)
                self._receive()
            message = self._messages.popleft()
            if message.get("id") != self._number:
                self._heed(message, end)
            elif message.get("error"):
                raise _refusal(f"ovsdb-server refused the request: {_said(message['error'])}")
            else:
                return message.get("result")

    def _heed(self, message: dict[str, Any], end: float) -> None:
        """Do what the server asks without having been asked."""
        params = message.get("params")
        if message.get("method") == "echo":  # it wants to know whether we are still there
            self._send({"id": message.get("id"), "result": params, "error": None}, end)
        elif message.get("method") == "update" and self._monitored:
            if not isinstance(params, list) or len(params) != 2:
                raise ValueError("this is no update")
            self.updates.append(_update(params[1], self._monitored))

    def _send(self, message: dict[str, Any], end: float) -> None:
        self._bound(end)
        self._socket.sendall(json.dumps(message, separators=(",", ":")).encode())

    def _bound(self, end: float) -> None:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self._socket.settimeout(left)

    def _receive(self) -> None:
        """Read once, and set apart the messages that are whole by now."""
        piece = self._socket.recv(1 << 20)
        if not piece:
            raise ConnectionError("closed by the server")
        self._bytes += piece
        if not piece.endswith(b"}"):  # no message ends here, and perhaps not even a character
            return
        text, decode = self._bytes.decode(), json.JSONDecoder().raw_decode
        with suppress(json.JSONDecodeError):  # the rest is still to come
            while text := text.lstrip():
                message, length = decode(text)
                if not isinstance(message, dict):
                    raise ValueError("this is no message of JSON-RPC")
                self._messages.append(message)
                text = text[length:]
        self._bytes = bytearray(text.encode())


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


def _results(results: Any, operations: tuple[Operation, ...]) -> list[Any]:
    """Check the result of each operation. Raises what `Rpc.transact` does, ValueError for what is no answer to it."""
    if not isinstance(results, list):
        raise ValueError("there are no results")
    for result in results:
        if isinstance(result, dict) and "error" in result:
            # The last: a rival has come to use a row that was to be deleted.
            lost = result["error"] in ("timed out", "constraint violation", "referential integrity violation")
            message = f"ovsdb-server refused: {_said(result)}"
            raise LostRaceError(message) if lost else _refusal(message)
    if len(results) != len(operations) or not all(isinstance(result, dict) for result in results):
        raise ValueError("there is not one result for each operation")
    for operation, result in zip(operations, results, strict=True):
        if operation["op"] == "select" and not _are_rows(result.get("rows"), operation["columns"]):
            raise ValueError("there are no rows")
    return results


def _are_rows(rows: Any, columns: Collection[str]) -> bool:
    asked = set(columns)
    return isinstance(rows, list) and all(isinstance(row, dict) and asked <= row.keys() for row in rows)


def _update(tables: Any, columns: Mapping[str, Collection[str]]) -> Update:
    """Read a <table-updates> (RFC 7047, section 4.1.6). Raises ValueError for what is none of these columns."""
    if not isinstance(tables, dict):
        raise ValueError("there are no tables")
    update: Update = {}
    for table, rows in tables.items():
        if table not in columns or not isinstance(rows, dict) or not _are_rows(list(rows.values()), ()):
            raise ValueError("there are no changes of rows")
        update[table] = {uuid: row.get("new") for uuid, row in rows.items()}
        if not _are_rows([row for row in update[table].values() if row is not None], columns[table]):
            raise ValueError("there are no rows")
    return update


def _only(db: str, answer: dict[str, Any]) -> dict[str, Any]:
    if not answer["rows"]:
        raise SwitchUnavailableError(f"the database at {db} was never initialised (ovs-vsctl init)")
    row: dict[str, Any] = answer["rows"][0]
    return row


def _refusal(message: str) -> BackendError:
    # ovsdb_column_set_from_json in OVS's ovsdb/column.c, which gives no code of its own
    return (UnknownColumnError if "is not a valid column name" in message else BackendError)(message)


def _said(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return ": ".join(str(error[key]) for key in ("error", "details") if error.get(key))
