"""Runs commands on the host by PowerShell remoting ([MS-PSRP]): objects go there, and objects come back.

No text is ever put together: a command has a name and arguments, so that no value can become a name or code.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from pypsrp.complex_objects import Command as PipelineCommand
from pypsrp.complex_objects import GenericComplexObject, PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue
from pypsrp.wsman import WSMan

from vifkit import AccessDeniedError, BackendError, ConnectError, DomainNotFoundError, VifkitError

from .wire import BoundedAdapter, ShellGoneError, one_line, session, translated

IDLE_S = 900
"""After which the host forgets a shell: one of ours that nobody could close is not there for two hours."""
_STOPPED = "common parameter is set to Stop: "
_PROTOCOL = "2.1"  # of which a command has no merging of streams that nobody asks for: a third of what is sent
Row = Mapping[str, object]


@dataclass(frozen=True)
class Command:
    """A cmdlet with its arguments; True switches a switch on."""

    name: str
    arguments: Mapping[str, object]


def command(name: str, **arguments: object) -> Command:
    """Make a command whose first error ends all."""
    return Command(name, {**arguments, "ErrorAction": "Stop"})


def select(*names: str) -> Command:
    """Make a Select-Object of these properties."""
    return Command("Select-Object", {"Property": list(names)})


class Remote:
    """One host, over one shell, which is opened when it is needed and again when it has gone."""

    def __init__(
        self, host: str, port: int, user: str, password: str, *, basic: bool, verify: str | bool, timeout_s: int
    ) -> None:
        self.where = f"{host}:{port}"
        self._lock = threading.RLock()
        self._adapter = BoundedAdapter(timeout_s)
        self._pool: RunspacePool | None = None
        self._wsman = WSMan(
            host, port=port, username=user, password=password, auth="basic" if basic else "negotiate", no_proxy=True,
            operation_timeout=max(1, min(20, timeout_s)), reconnection_backoff=0,
        )  # fmt: skip
        self._wsman.transport.session = session(self._adapter, user, password, basic=basic, verify=verify)

    def run(self, *statements: Sequence[Command], name: str = "") -> list[Row]:
        """Run pipelines one after the other, in one call, and give the properties of all that comes out.

        Raises DomainNotFoundError with `name` for a virtual machine that has gone, AccessDeniedError, BackendError
        for what PowerShell says, ConnectError for all that lies between.
        """
        with self._lock:
            try:
                return self._run(statements, name)
            except ShellGoneError:
                self._drop()
                return self._run(statements, name)

    def close(self) -> None:
        """Close the shell."""
        with self._lock:
            if self._pool is not None:
                self._adapter.begin()
                with suppress(VifkitError), translated(self.where):
                    self._pool.close()
            self._drop()

    def _run(self, statements: Sequence[Sequence[Command]], name: str) -> list[Row]:
        try:
            errors, rows = self._answer(statements)
        except BaseException:
            self._drop()  # who knows what is still on its way
            raise
        if errors:
            raise _error(errors[0], name, self.where)
        return rows

    def _answer(self, statements: Sequence[Sequence[Command]]) -> tuple[Sequence[object], list[Row]]:
        self._adapter.begin()
        with translated(self.where):
            if self._pool is None:
                opened = RunspacePool(self._wsman, no_profile=True, idle_timeout=IDLE_S)
                opened.open()
                self._pool = opened
            shell = PowerShell(self._pool)
            for statement in statements:
                for each in statement:
                    shell.add_command(PipelineCommand(each.name, protocol_version=_PROTOCOL, is_script=False))
                    for parameter, value in each.arguments.items():
                        shell.add_parameter(parameter, _sent(value))
                shell.add_statement()
            shell.begin_invoke()
            while shell.state == PSInvocationState.RUNNING:
                shell.poll_invoke(timeout=max(1, min(20, int(self._adapter.left_s()))))
            shell.close()
            return shell.streams.error, [_members(each) for each in shell.output]

    def _drop(self) -> None:
        self._pool = None
        self._wsman.close()


def _sent(value: object) -> object:
    return TaggedValue("I64", value) if isinstance(value, int) and not isinstance(value, bool) else value


def _members(value: object) -> Row:
    if not isinstance(value, GenericComplexObject):
        raise ConnectError("an object without properties came back")
    return {**value.adapted_properties, **value.extended_properties}


def _error(record: object, name: str, where: str) -> VifkitError:
    """Translate an ErrorRecord by its identifier; its text is in the language of the host."""
    identifier = str(getattr(record, "fq_error", "") or "")
    kind, _, source = identifier.partition(",")
    said = one_line(str(record).rpartition(_STOPPED)[2])
    if name and (kind == "ObjectNotFound" or (kind == "InvalidParameter" and source.endswith(".GetVM"))):
        return DomainNotFoundError(name)
    if kind == "AccessDenied":
        return AccessDeniedError(f"{where}: {said}")
    return BackendError(f"{where}: {said}")


def text(row: Row, name: str) -> str:
    """Read a string, or the name of an enumeration's value; null is ''. Raises ConnectError for anything else."""
    value = row.get(name)
    if isinstance(value, GenericComplexObject):
        value = value.to_string
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConnectError(f"{name} is no text")
    return value


def number(row: Row, name: str) -> int:
    """Read a whole number; null is 0. Raises ConnectError for anything else."""
    value = row.get(name)
    if value is None:
        return 0
    if not isinstance(value, int):
        raise ConnectError(f"{name} is no number")
    return value


def identifier(row: Row, name: str) -> UUID | None:
    """Read a GUID, None for null. Raises ConnectError for anything else."""
    value = row.get(name)
    if value is not None and not isinstance(value, UUID):
        raise ConnectError(f"{name} is no GUID")
    return value
