"""Runs pipelines of commands. It runs no script: what is no command is refused as a runspace without a language does.

(about_Language_Modes: in NoLanguage mode only commands run.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .binding import Arguments, Bound, Parameter, bind
from .errors import STOPPED, Category, RefusedError, unknown_command
from .host import Host

NO_SCRIPTS = RefusedError(
    "ScriptsNotAllowed",
    "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
    Category.INVALID_OPERATION,
    "PSNotSupportedException",
    ends=True,
)


@dataclass(frozen=True)
class Call:
    """A command with its arguments."""

    name: str
    arguments: Arguments = ()
    is_script: bool = False


@dataclass
class Outcome:
    """What a pipeline gave; `failure` is the error that ended it."""

    output: list[object] = field(default_factory=list)
    errors: list[RefusedError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failure: RefusedError | None = None


Cmdlet = Callable[[Host, Bound, object, Callable[[str], None]], Iterator[object]]
"""What a cmdlet does with its arguments, and with what comes from the command before, None where it is the first.

The last argument takes warnings. Raises RefusedError, for one of the objects that come or for the whole command.
"""


@dataclass(frozen=True)
class Command:
    """A command that is known: its name, its class, its parameters, and the cmdlet."""

    name: str
    type: str
    parameters: Sequence[Parameter]
    run: Cmdlet


def run(host: Host, commands: Mapping[str, Command], statements: Sequence[Sequence[Call]]) -> Outcome:
    """Run statements, one after the other; the first error that ends a pipeline ends all."""
    outcome = Outcome()
    try:
        with host.lock:
            for statement in statements:
                outcome.output += _statement(host, commands, statement, outcome)
    except RefusedError as error:
        outcome.failure = error
    return outcome


def _statement(
    host: Host, commands: Mapping[str, Command], calls: Sequence[Call], outcome: Outcome
) -> Sequence[object]:
    bound = []
    for call in calls:  # all are bound before any runs
        if call.is_script:
            raise NO_SCRIPTS
        command = commands.get(call.name.lower())
        if command is None:
            raise unknown_command(call.name)
        try:
            bound.append((command, bind(command.parameters, call.arguments)))
        except RefusedError as error:
            raise _named(error, command) from None
    flow: Sequence[object] = [None]
    for command, arguments in bound:
        flow = list(_objects(host, command, arguments, flow, outcome))
    return flow


def _objects(host: Host, command: Command, bound: Bound, flow: Sequence[object], outcome: Outcome) -> Iterator[object]:
    for given in flow:
        try:
            yield from list(command.run(host, bound, given, outcome.warnings.append))
        except RefusedError as error:
            named = _named(error, command)
            action = bound.text("ErrorAction") or "Continue"
            if error.ends:
                raise named from None
            if action == "Stop":
                named.message = STOPPED + named.message
                raise named from None
            if action == "Continue":
                outcome.errors.append(named)


def _named(error: RefusedError, command: Command) -> RefusedError:
    """Name the cmdlet in the identifier, as FullyQualifiedErrorId does."""
    return RefusedError(f"{error.id},{command.type}", error.message, error.category, error.reason, error.ends)
