"""One connection to an OVSDB server, and one transaction on it, over ovsdbapp. Knows nothing of QoS."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ovs.db import idl as ovs_idl
from ovsdbapp import exceptions
from ovsdbapp.backend.ovs_idl import command, connection, idlutils, transaction

from vifkit import BackendError, SwitchUnavailableError, VifkitError

from . import jsonfeed

jsonfeed.install()

SCHEMA = "Open_vSwitch"

Edit = Callable[[Any], None]
"""Changes rows in a transaction; run again on fresh rows when another client was first."""


class NothingToDo(Exception):
    """Raised by an edit that would change nothing."""


class Idl:
    """A replica of the named columns of an Open_vSwitch database. Raises SwitchUnavailableError."""

    def __init__(self, db: str, columns: Mapping[str, Sequence[str]], timeout: float) -> None:
        self.db = db
        self.timeout = timeout
        try:
            helper = idlutils.get_schema_helper(db, SCHEMA)
            for table, names in columns.items():
                helper.register_columns(table, list(names))
            self.idl = ovs_idl.Idl(db, helper)
            self.ovsdb_connection = connection.Connection(self.idl, timeout)
            self.ovsdb_connection.start()
        except VifkitError:
            raise
        except Exception as error:  # ovsdbapp raises Exception itself for a server that is not there
            raise SwitchUnavailableError(f"no Open vSwitch database answers at {db}") from error

    def close(self) -> None:
        """End the connection and its thread."""
        self.ovsdb_connection.stop(self.timeout)

    def lock(self) -> AbstractContextManager[Any]:
        """Hold the replica still while it is read."""
        lock: AbstractContextManager[Any] = self.ovsdb_connection.lock
        return lock

    def rows(self, table: str) -> list[Any]:
        """List a table's rows; hold the lock meanwhile."""
        return list(self.idl.tables[table].rows.values())

    @property
    def root(self) -> Any:
        """The row of the table Open_vSwitch. Raises SwitchUnavailableError for a database without one."""
        found = self.rows(SCHEMA)
        if not found:
            raise SwitchUnavailableError(f"the database at {self.db} was never initialised (ovs-vsctl init)")
        return found[0]

    def insert(self, txn: Any, table: str, **columns: Any) -> Any:
        """Add a row within a transaction."""
        row = txn.insert(self.idl.tables[table])
        for name, value in columns.items():
            setattr(row, name, value)
        return row

    def commit(self, edit: Edit) -> None:
        """Run `edit` in one transaction, none if it raises NothingToDo, and wait until ovs-vswitchd has acted.

        Raises SwitchUnavailableError (`committed` tells how far it came), BackendError if the server refuses.
        """
        with self.lock():
            deadline = self.timeout + 0.005 * len(self.idl.tables["Port"].rows)
        wait = _Transaction(self, deadline)
        wait.add(_Command(self, edit))
        try:
            wait.commit()
        except NothingToDo:
            self.await_settled()
        except VifkitError:
            raise
        except exceptions.TimeoutException as error:
            raise SwitchUnavailableError(f"the Open vSwitch database at {self.db} stopped answering") from error
        except RuntimeError as error:
            raise BackendError(f"Open vSwitch refused the transaction: {error}") from error
        if not wait.settled:
            raise self.not_in_effect()

    def await_settled(self) -> None:
        """Wait for earlier changes, anybody's, to be in effect. Raises SwitchUnavailableError(committed=True)."""
        with self.lock():
            wanted = self.root.next_cfg
        deadline = time.monotonic() + self.timeout
        while True:
            with self.lock():
                if self.root.cur_cfg >= wanted:
                    return
            if time.monotonic() > deadline:
                raise self.not_in_effect()
            time.sleep(0.01)  # the connection's own thread takes the news in

    def not_in_effect(self) -> SwitchUnavailableError:
        """Say that the rows are there, and that nothing has come of them."""
        return SwitchUnavailableError(
            "the rows are committed, but ovs-vswitchd is not answering: they are not yet in effect",
            committed=True,
        )


class _Command(command.BaseCommand):  # type: ignore[misc]
    def __init__(self, api: Idl, edit: Edit) -> None:
        super().__init__(api)
        self.edit = edit

    def run_idl(self, txn: Any) -> None:
        self.edit(txn)

    def __str__(self) -> str:
        return "edit"

    __repr__ = __str__


class _Transaction(transaction.Transaction):  # type: ignore[misc]
    """Bumps next_cfg and waits for cur_cfg, as ovs-vsctl does without --no-wait."""

    def __init__(self, api: Idl, deadline: float) -> None:
        # The wait for ovs-vswitchd is part of the commit, so the commit may take both times.
        super().__init__(api, api.ovsdb_connection, timeout=2 * deadline, check_error=True, log_errors=False)
        self.deadline = deadline
        self.settled = True

    def pre_commit(self, txn: Any) -> None:
        self.api.root.increment("next_cfg")

    def post_commit(self, txn: Any) -> None:
        super().post_commit(txn)
        wanted = txn.get_increment_new_value()
        end = time.monotonic() + self.deadline
        poller = self.ovsdb_connection.poller
        while True:
            self.api.idl.run()
            self.settled = self.api.root.cur_cfg >= wanted
            left = end - time.monotonic()
            if self.settled or left <= 0:
                return
            poller.timer_wait(left * 1000)
            self.api.idl.wait(poller)
            poller.block()
