"""The errors of PowerShell: what went wrong, in the fields that an ErrorRecord has."""

from dataclasses import dataclass
from enum import IntEnum

STOPPED = (
    'The running command stopped because the preference variable "ErrorActionPreference" or common parameter is set '
    "to Stop: "
)
"""What stands before the message where `-ErrorAction Stop` made an error a terminating one."""


class Category(IntEnum):
    """The enumeration System.Management.Automation.ErrorCategory, as far as it is used here."""

    INVALID_ARGUMENT = 5
    INVALID_OPERATION = 7
    INVALID_TYPE = 9
    NOT_SPECIFIED = 0
    OBJECT_NOT_FOUND = 13
    PERMISSION_DENIED = 18
    RESOURCE_BUSY = 19
    RESOURCE_UNAVAILABLE = 21


@dataclass
class RefusedError(Exception):
    """An ErrorRecord. `ends` is true where the whole pipeline ends with it, whatever `-ErrorAction` says."""

    id: str
    message: str
    category: Category = Category.NOT_SPECIFIED
    reason: str = "VirtualizationException"
    ends: bool = False

    def __str__(self) -> str:
        return self.message


def unknown_command(name: str) -> RefusedError:
    """Say that there is no such command, as CommandNotFoundException does."""
    return RefusedError(
        "CommandNotFoundException",
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        Category.OBJECT_NOT_FOUND,
        "CommandNotFoundException",
        ends=True,
    )


def binding(id_: str, message: str, category: Category = Category.INVALID_ARGUMENT) -> RefusedError:
    """Say that a parameter does not fit, as ParameterBindingException does."""
    return RefusedError(id_, message, category, "ParameterBindingException", ends=True)


def invalid_parameter(message: str) -> RefusedError:
    """Say what Hyper-V says of an argument that it does not take."""
    return RefusedError("InvalidParameter", message, Category.INVALID_ARGUMENT)


def invalid_state() -> RefusedError:
    """Say what Hyper-V says of a virtual machine in another state."""
    return RefusedError(
        "InvalidState",
        "The operation cannot be performed while the virtual machine is in its current state.",
        Category.INVALID_OPERATION,
    )
