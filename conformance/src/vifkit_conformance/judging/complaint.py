"""A test that nobody wrote, and that fails: what is wrong with the run itself."""

from collections.abc import Iterable
from pathlib import Path

import pytest

PROPERTY = "vifkit-complaint"
"""By it the process that the user started knows a complaint's report, whichever worker it is from."""


class Complaint(pytest.Item):
    """Fails, by the name of what it is about, with one line."""

    said: str
    where: Path

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say where it is."""
        return self.where, None, self.name

    def runtest(self) -> None:
        """Fail."""
        pytest.fail(self.said, pytrace=False)


def complain(session: pytest.Session, where: Path, said: Iterable[tuple[str, str]]) -> list[pytest.Item]:
    """Make a failing test for each (name, line); they are shown as tests of the file `where`."""
    file: pytest.File = _Place.from_parent(session, path=where.absolute())
    made: list[pytest.Item] = []
    for name, line in said:
        complaint: Complaint = Complaint.from_parent(file, name=name)
        complaint.said, complaint.where = line, where
        complaint.user_properties.append((PROPERTY, f"{name}: {line}"))
        made.append(complaint)
    return made


class _Place(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        return ()
