"""Reads and writes the rows that make a bandwidth: any number of ports in one transaction."""

import os
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self, TypeVar

from vifkit import BackendError, Bandwidth, ForeignQosError, PortExistsError, PortNotFoundError, SwitchUnavailableError

from . import edits
from .edits import Plug
from .rows import Enforce, Policing, PortRows, translate
from .rpc import THE_ROOT, LostRaceError, Operation, Rpc, UnknownColumnError
from .snapshot import COLUMNS, OLDER, Columns, Leak, Snapshot, selects, version

__all__ = ["Leak", "Plug", "Switch", "default_db"]

Answer = TypeVar("Answer")
ATTEMPTS = 10
PAUSE_SECONDS = 0.02  # up to this and at random, so that those who met once do not meet again
SECONDS_PER_PORT = 0.005  # what ovs-vswitchd may take longer for each port that it walks


def default_db() -> str:
    """The local server, where Open vSwitch's own tools look for it (OVS_RUNDIR, else /var/run/openvswitch)."""
    return f"unix:{os.environ.get('OVS_RUNDIR', '/var/run/openvswitch')}/db.sock"


class Switch:
    """One Open vSwitch, by its database; a context manager.

    Each operation opens a connection of its own, so a restart of ovsdb-server in between does not matter.
    `timeout` in seconds bounds each wait. Raises SwitchUnavailableError, ValueError for an address that
    is neither unix:PATH nor tcp:HOST:PORT.
    """

    def __init__(self, db: str | None = None, *, timeout: float = 10) -> None:
        self.db = db or default_db()
        self.timeout = timeout
        self._columns: Columns = COLUMNS
        with Rpc(self.db, timeout) as rpc:
            (answer,) = rpc.transact({"op": "select", "columns": ["ovs_version"], **THE_ROOT})
        self._version = version(next(iter(answer["rows"]), {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held between two operations; this is here for those who close what they open."""

    @property
    def version(self) -> str:
        """The version of ovs-vswitchd as it says itself, such as `3.1.0`; empty before it first ran."""
        return self._version

    def ports(self, names: Collection[str] | None = None) -> dict[str, PortRows]:
        """Read ports by name, all by default. Raises PortNotFoundError for a name that no bridge has."""
        snapshot = self._read()
        return {name: _port(snapshot, name) for name in (snapshot.ports if names is None else names)}

    def apply(
        self, wanted: Mapping[str, Bandwidth | None], *, adopt: Collection[str] = (), enforce: Enforce = "htb"
    ) -> list[str]:
        """Put bandwidths (None clears) into effect in one transaction, and list the ports that it changed.

        Where nothing differs there is no transaction. A foreign QoS on a port named in `adopt` is taken
        off the port, its row left alone. On return ovs-vswitchd has acted; what netqos is to enforce it leaves to
        `netqos.enforce`. Raises PortNotFoundError, ForeignQosError, SwitchUnavailableError; then no row was
        changed, unless it says `committed`.
        """
        changed: list[str] = []

        def edit(snapshot: Snapshot) -> Iterable[Operation]:
            differing = _differing(snapshot, wanted, adopt, enforce)
            changed[:] = differing
            uses = snapshot.uses()
            for name, port in differing.items():
                rows = translate(wanted[name], name, port.vm_id, enforce=enforce)
                yield from edits.change(snapshot, port, rows, uses)

        self._commit(edit)
        return changed

    def plug(self, *plugs: Plug) -> None:
        """Add devices to bridges with their bandwidths in one transaction.

        Raises PortNotFoundError for an unknown bridge, PortExistsError if a bridge has such a port already,
        SwitchUnavailableError.
        """

        def edit(snapshot: Snapshot) -> Iterable[Operation]:
            for number, plug in enumerate(plugs):
                if plug.bridge not in snapshot.bridges:
                    raise PortNotFoundError(plug.bridge, f"no bridge is named {plug.bridge!r}")
                if plug.port in snapshot.ports:
                    raise PortExistsError(plug.port)
                yield from edits.plug(number, plug)

        self._commit(edit)

    def label(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        """Write external_ids to the interfaces of ports, beside those that they have; one transaction.

        It is for ports that others have made: `plug` writes them at once. Where nothing differs there is no
        transaction. Raises PortNotFoundError, SwitchUnavailableError.
        """

        def edit(snapshot: Snapshot) -> Iterable[Operation]:
            for name, external_ids in labels.items():
                yield from edits.label(snapshot, _port(snapshot, name), external_ids)

        self._commit(edit)

    def unplug(self, ports: Iterable[str]) -> None:
        """Take ports off their bridges with every row of theirs that is ours or their domain's; one transaction.

        A port that is not there is none to remove. A device that lives on keeps its classes and its filter, as
        ovs-vswitchd no longer looks at it: clear its bandwidth first. Raises SwitchUnavailableError.
        """
        names = dict.fromkeys(ports)  # each once

        def edit(snapshot: Snapshot) -> Iterable[Operation]:
            found = [name for name in names if name in snapshot.ports]
            return edits.unplug(snapshot, found, snapshot.uses()) if found else ()

        self._commit(edit)

    def refresh(self) -> None:
        """Have ovs-vswitchd go over all ports again, which mends classes that somebody changed behind it."""
        with self._connected() as rpc:
            ports = len(self._snapshot(rpc).ports)
            self._await(rpc, rpc.bump([]), ports=ports)

    def leaks(self) -> list[Leak]:
        """List QoS and Queue rows, ours or libvirt's, that no port leads to."""
        return self._read().leaks()

    def collect(self, vm_ids: Collection[str] | None = None) -> list[Leak]:
        """Delete leaked rows, of these domains or by default all, in one transaction, and list them.

        Domains are known by the `vm-id` in a row's external_ids. Raises SwitchUnavailableError.
        """
        found: list[Leak] = []

        def edit(snapshot: Snapshot) -> Iterable[Operation]:
            found[:] = snapshot.leaks(vm_ids)
            return [edits.delete(leak.table, leak.uuid) for leak in found]

        self._commit(edit)
        return found

    @contextmanager
    def _connected(self) -> Iterator[Rpc]:
        with Rpc(self.db, self.timeout) as rpc:
            yield rpc

    def _snapshot(self, rpc: Rpc) -> Snapshot:
        results = self._asking(lambda columns: rpc.transact(*selects(columns)))
        return Snapshot.of(result["rows"] for result in results)

    def _asking(self, ask: Callable[[Columns], Answer]) -> Answer:
        """Ask for the columns that this database has."""
        try:
            return ask(self._columns)
        except UnknownColumnError:
            self._columns = OLDER
            return ask(OLDER)

    def _read(self) -> Snapshot:
        with self._connected() as rpc:
            return self._snapshot(rpc)

    def _commit(self, edit: Callable[[Snapshot], Iterable[Operation]]) -> None:
        """Run an edit on what the database holds, again where a rival was first, and wait for ovs-vswitchd."""
        with self._connected() as rpc:
            for attempt in range(ATTEMPTS):
                snapshot = self._snapshot(rpc)
                operations = list(edit(snapshot))
                try:
                    number = rpc.bump(operations) if operations else snapshot.root.get("next_cfg", 0)
                except LostRaceError:
                    if attempt + 1 == ATTEMPTS:
                        raise
                    time.sleep(random.uniform(0, PAUSE_SECONDS * attempt))  # noqa: S311  no secret
                    continue
                except SwitchUnavailableError as error:
                    raise SwitchUnavailableError(f"{error}: whether the rows are committed is not known") from error
                self._await(rpc, number, ports=len(snapshot.ports))
                return

    def _await(self, rpc: Rpc, number: int, *, ports: int) -> None:
        try:
            settled = rpc.settled(number, self.timeout + SECONDS_PER_PORT * ports)
        except BackendError as error:
            raise SwitchUnavailableError(
                "the rows are committed, but the database stopped answering: whether they are in effect is not known",
                committed=True,
            ) from error
        if not settled:
            raise SwitchUnavailableError(
                "the rows are committed, but ovs-vswitchd is not answering: they are not yet in effect", committed=True
            )


def _port(snapshot: Snapshot, name: str) -> PortRows:
    try:
        return snapshot.port(name)
    except KeyError:
        raise PortNotFoundError(name) from None


def _differing(
    snapshot: Snapshot, wanted: Mapping[str, Bandwidth | None], adopt: Collection[str], enforce: Enforce
) -> dict[str, PortRows]:
    """Read the ports that are not as wanted. Raises PortNotFoundError, ForeignQosError."""
    differing = {}
    for name, bandwidth in wanted.items():
        port = _port(snapshot, name)
        if port.qos is not None and port.foreign and name not in adopt:
            # A port that is to have no limit is as wanted, whoever shapes it.
            if bandwidth is None and all(each.policing == Policing() for each in port.interfaces):
                continue
            raise ForeignQosError(name, f"the QoS row {port.qos.uuid} of port {name!r} is not ours; it is left alone")
        if not edits.holds(port, translate(bandwidth, name, port.vm_id, enforce=enforce)):
            differing[name] = port
    return differing
