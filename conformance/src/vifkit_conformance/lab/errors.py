"""What can go wrong in a lab.

VifkitError
└ LabError                   a lab did not do what it should; the message says what and shows the log
    ├ LabUnavailableError    this machine or this user cannot have a lab; one line, says what to do
    └ CommandError           a command that a lab ran has failed  .argv .status .stderr
"""

from collections.abc import Sequence

from vifkit.errors import VifkitError


class LabError(VifkitError):
    """A kernel object or a daemon of a lab could not be made, or did not do what was waited for."""


class LabUnavailableError(LabError):
    """This machine or this user cannot have a lab; the message is one line that says what is missing."""


class CommandError(LabError):
    """A command ended with a status other than zero; the message shows what it wrote."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        super().__init__(f"{' '.join(argv)}: status {status}: {stderr.strip() or 'no message'}")
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr
