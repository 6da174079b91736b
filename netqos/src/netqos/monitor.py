"""A switch that is watched: its rows are read once, and followed from then on (RFC 7047, sections 4.1.5 and 4.1.6)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from .ovsdb import Switch
from .rpc import SCHEMA, Rpc
from .snapshot import COLUMNS, Columns, Leak, Raw, Snapshot, selects, version

# The root is asked for when it is needed: whatever anybody commits changes its next_cfg, and that is no news.
SELECT_ROOT, *_ = selects(COLUMNS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Ports, by name, that came or differ in any row that they lead to; ports that went; rows that came to be leaks."""

    ports: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    leaks: tuple[Leak, ...] = ()


class LiveSwitch(Switch):
    """A `Switch` for a service that stays: it holds one connection, and reads the tables once.

    Each operation acts on all that others have committed before it, as with `Switch`, yet asks for one row only.
    Not for several threads. Once it raises SwitchUnavailableError because the database is not answering, make a
    new one; where only ovs-vswitchd is not answering (`committed`), it goes on.
    """

    def __init__(self, db: str | None = None, *, timeout: float = 10) -> None:
        super().__init__(db, timeout=timeout)
        self._rows: dict[str, dict[str, Raw]] = {table: {} for table in _watched(COLUMNS)}
        self._now = self._seen = self._replica()
        with ExitStack() as stack:
            self._rpc = stack.enter_context(Rpc(self.db, timeout))
            self._asking(lambda columns: self._rpc.monitor(_watched(columns)))
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Let go of the connection; may be called again."""
        self._stack.close()

    def fileno(self) -> int:
        """Give the descriptor that is readable when there may be changes, or the server wants to be answered.

        An operation takes in what comes meanwhile: before you wait for this, call `changes`.
        """
        return self._rpc.fileno()

    def changes(self) -> Changes:
        """Take in what has come, without waiting, and tell what differs since the last call, whoever did it.

        The first call names all ports, and all leaks; what this object did itself is told too. The server is
        answered as well, which may take a client that never does for dead. Raises SwitchUnavailableError.
        """
        self._rpc.poll()
        self._follow()
        before, now = self._seen, self._now
        if now is before:
            return Changes()
        self._seen = now
        known = {leak.uuid for leak in before.leaks()}
        return Changes(
            ports=frozenset(now.changed(before)),
            gone=frozenset(before.ports.keys() - now.ports.keys()),
            leaks=tuple(leak for leak in now.leaks() if leak.uuid not in known),
        )

    @contextmanager
    def _connected(self) -> Iterator[Rpc]:
        yield self._rpc

    def _snapshot(self, rpc: Rpc) -> Snapshot:
        (answer,) = rpc.transact(SELECT_ROOT)
        self._follow()  # with this answer all that was committed before it has come, too
        root: Raw = next(iter(answer["rows"]), {})
        self._version = version(root)
        return replace(self._now, root=root)

    def _follow(self) -> None:
        """Bring the replica up to what the server has said."""
        if not self._rpc.updates:
            return
        for update in self._rpc.updates:
            for table, rows in update.items():
                for uuid, row in rows.items():
                    if row is None:
                        self._rows[table].pop(uuid, None)
                    else:
                        self._rows[table][uuid] = {"_uuid": ["uuid", uuid], **row}
        self._rpc.updates.clear()
        self._now = self._replica()

    def _replica(self) -> Snapshot:
        return Snapshot.of([[], *(rows.values() for rows in self._rows.values())])


def _watched(columns: Columns) -> Columns:
    return {table: [name for name in names if name != "_uuid"] for table, names in columns.items() if table != SCHEMA}
