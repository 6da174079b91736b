"""Runs commands on the host by PowerShell remoting ([MS-PSRP]): objects go there, and objects come back.

No text is ever put together: a command has a name and arguments, so that no value can become a name or code.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from pypsrp import complex_objects
from pypsrp.complex_objects import GenericComplexObject
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue
from pypsrp.wsman import WSMan

from vifkit import AccessDeniedError, BackendError, ConnectError, DomainNotFoundError, VifkitError

from .wire import BoundedAdapter, one_line, session, translated

IDLE_S = 900
"""After which the host forgets a shell: one of ours that nobody could close is not there for two hours."""
_STOPPED = "common parameter is set to Stop: "
_PROTOCOL = "2.1"  # of which a command has no merging of streams that nobody asks for: a third of what is sent

Command = tuple[str, Mapping[str, object]]
"""A cmdlet with its arguments; True switches a switch on."""
Row = Mapping[str, object]
_Value = TypeVar("_Value")


def command(name: str, **arguments: object) -> Command:
    """Make a command whose first error ends all."""
    return name, {**arguments, "ErrorAction": "Stop"}


def select(*names: str) -> Command:
    """Make a Select-Object of these properties."""
    return "Select-Object", {"Property": list(names)}


class _Cmdlet(complex_objects.Command):
    # pypsrp copies each command twice, and all that is in it, which takes longer than to make another.
    def __deepcopy__(self, _memo: object) -> "_Cmdlet":
        copied = [complex_objects.CommandParameter(name=each.name, value=each.value) for each in self.args]
        return _Cmdlet(self.cmd, _PROTOCOL, is_script=False, args=copied, end_of_statement=self.end_of_statement)


class Remote:
    """One host, over one shell: opened when it is needed, and again where it has failed or been idle."""

    def __init__(self, host: str, port: int, account: tuple[str, str], verify: str | bool, timeout_s: int) -> None:
        self.where = f"{host}:{port}"
        self._lock = threading.RLock()
        self._adapter = BoundedAdapter(timeout_s)
        self._pool: RunspacePool | None = None
        self._used_s = 0.0
        self._wsman = WSMan(host, port=port, operation_timeout=min(20, timeout_s), reconnection_backoff=0)
        self._wsman.transport.session = session(self._adapter, *account, verify)

    def run(self, *statements: Sequence[Command], name: str = "") -> list[Row]:
        """Run pipelines one after the other, in one call, and give the properties of all that comes out.

        Raises DomainNotFoundError with `name` for a virtual machine that has gone, AccessDeniedError, BackendError
        for what PowerShell says, ConnectError for all that lies between.
        """
        with self._lock:
            errors, rows = self._answer(statements)
        if errors:
            raise _error(errors[0], name, self.where)
        return rows

    def close(self) -> None:
        """Close the shell."""
        with self._lock:
            self._adapter.begin()
            with suppress(VifkitError), translated(self.where):
                if self._pool is not None:
                    self._pool.close()
            self._drop()

    def _answer(self, statements: Sequence[Sequence[Command]]) -> tuple[Sequence[object], list[Row]]:
        self._adapter.begin()
        try:
            with translated(self.where):
                shell = PowerShell(self._opened())
                for statement in statements:
                    for name, arguments in statement:
                        shell.add_command(_Cmdlet(name, _PROTOCOL, is_script=False, args=[]))
                        for key, value in arguments.items():
                            shell.add_parameter(key, TaggedValue("I64", value) if type(value) is int else value)
                    shell.add_statement()
                output = shell.invoke()
                shell.close()
                rows: list[Row] = [{**each.adapted_properties, **each.extended_properties} for each in output]
                return shell.streams.error, rows
        except BaseException:
            self._drop()  # who knows what is still on its way
            raise

    def _opened(self) -> RunspacePool:
        idle_s, self._used_s = time.monotonic() - self._used_s, time.monotonic()
        if self._pool is None or idle_s > IDLE_S - 60:
            opened = RunspacePool(self._wsman, no_profile=True, idle_timeout=IDLE_S)
            opened.open()
            self._pool = opened
        return self._pool

    def _drop(self) -> None:
        self._pool = None
        self._wsman.close()


def read(row: Row, name: str, default: _Value) -> _Value:
    """Read a property: of an enumeration the name, of null the default. Raises ConnectError for another type."""
    value = row.get(name)
    if isinstance(value, GenericComplexObject):
        value = value.to_string
    if value is None:
        return default
    if not isinstance(value, type(default)):
        raise ConnectError(f"{name} is no {type(default).__name__}, but {type(value).__name__}")
    return value


def _error(record: object, name: str, where: str) -> VifkitError:
    """Translate an ErrorRecord by its identifier; its text is in the language of the host."""
    kind, _, source = str(getattr(record, "fq_error", "")).partition(",")
    said = f"{where}: {one_line(str(record).rpartition(_STOPPED)[2])}"
    if name and (kind == "ObjectNotFound" or (kind == "InvalidParameter" and source.endswith(".GetVM"))):
        return DomainNotFoundError(name)
    return AccessDeniedError(said) if kind == "AccessDenied" else BackendError(said)
