"""How PowerShell binds arguments to parameters: about_Parameters and about_CommonParameters, as far as commands need.

The identifiers of the errors are those of System.Management.Automation.ParameterBindingException.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from .errors import binding

Arguments = Sequence[tuple[str | None, object]]
"""Names of parameters with their values, as they were sent; a name of None is a positional argument."""

COMMON = ("ErrorAction", "WarningAction", "InformationAction", "Verbose", "Debug", "ErrorVariable", "OutVariable")
ACTIONS = ("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore", "Suspend")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a cmdlet, as its page has it."""

    name: str
    type: str = "String"
    aliases: tuple[str, ...] = ()
    position: int | None = None
    mandatory: bool = False

    def answers_to(self, name: str) -> bool:
        """Tell whether it is meant by a name, whatever its case."""
        return name.lower() in {each.lower() for each in (self.name, *self.aliases)}


@dataclass
class Bound:
    """A cmdlet's arguments by the names of its parameters."""

    arguments: dict[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Give a string."""
        value = self.arguments.get(name)
        return None if value is None else str(value)

    def number(self, name: str) -> int | None:
        """Give a whole number."""
        value = self.arguments.get(name)
        return value if isinstance(value, int) else None

    def switch(self, name: str) -> bool:
        """Give a switch; one that is not there is off."""
        return self.arguments.get(name) is True

    def __contains__(self, name: str) -> bool:
        return name in self.arguments


def bind(parameters: Sequence[Parameter], arguments: Arguments) -> Bound:
    """Bind arguments. Raises RefusedError as ParameterBindingException."""
    known = [*parameters, *(Parameter(name) for name in COMMON)]
    positions = sorted((each for each in parameters if each.position is not None), key=lambda each: each.position or 0)
    bound = Bound()
    for name, value in arguments:
        if name is None:
            left = [each for each in positions if each.name not in bound]
            if not left:
                text = f"A positional parameter cannot be found that accepts argument '{value}'."
                raise binding("PositionalParameterNotFound", text)
            parameter = left[0]
        else:
            parameter = _find(known, name)
        if parameter.name in bound:
            text = f"Cannot bind parameter because parameter '{parameter.name}' is specified more than once."
            raise binding("ParameterAlreadyBound", text)
        bound.arguments[parameter.name] = _convert(parameter, value)
    missing = [each.name for each in parameters if each.mandatory and each.name not in bound]
    if missing:
        text = f"Cannot process command because of one or more missing mandatory parameters: {' '.join(missing)}."
        raise binding("MissingMandatoryParameter", text)
    return bound


def _find(parameters: Sequence[Parameter], name: str) -> Parameter:
    """Find a parameter by its name, an alias, or the only name that begins so."""
    for each in parameters:
        if each.answers_to(name):
            return each
    begun = [each for each in parameters if each.name.lower().startswith(name.lower())]
    if len(begun) > 1:
        names = " ".join(f"-{each.name}" for each in begun)
        text = f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches "
        raise binding("AmbiguousParameter", f"{text}include: {names}.")
    if not begun:
        text = f"A parameter cannot be found that matches parameter name '{name}'."
        raise binding("NamedParameterNotFound", text)
    return begun[0]


def _convert(parameter: Parameter, value: object) -> object:
    if parameter.name in ("ErrorAction", "WarningAction", "InformationAction") and str(value) not in ACTIONS:
        raise _unfit(parameter, value, "System.Management.Automation.ActionPreference")
    if value is None and parameter.type == "SwitchParameter":
        return True
    try:
        return _CONVERSIONS.get(parameter.type, _as_it_is)(value)
    except (TypeError, ValueError):
        raise _unfit(parameter, value, f"System.{parameter.type}") from None


def _unfit(parameter: Parameter, value: object, wanted: str) -> Exception:
    text = f'Cannot bind parameter \'{parameter.name}\'. Cannot convert value "{value}" to type "{wanted}".'
    return binding("CannotConvertArgumentNoMessage", text)


def _as_it_is(value: object) -> object:
    return value


def _integer(bits: int, *, signed: bool) -> Callable[[object], int]:
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)

    def convert(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise TypeError
        number = int(value)
        if not low <= number < high:
            raise ValueError
        return number

    return convert


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _guid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def _string(value: object) -> str:
    if value is None or isinstance(value, list | dict):
        raise TypeError
    return str(value)


def _strings(value: object) -> list[str]:
    return [_string(each) for each in (value if isinstance(value, list) else [value])]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


_CONVERSIONS: Mapping[str, Callable[[object], object]] = {
    "String": _string,
    "String[]": _strings,
    "Object[]": _list,
    "Guid": _guid,
    "Int16": _integer(16, signed=True),
    "Int64": _integer(64, signed=True),
    "UInt32": _integer(32, signed=False),
    "SwitchParameter": _switch,
    "Boolean": _switch,
}
