"""What can go wrong with the full kernel itself."""

from ..lab.errors import LabError


class UmlError(LabError):
    """The full kernel did not start, or ended before its command did; the message is one line that says why."""
