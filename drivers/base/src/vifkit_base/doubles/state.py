"""What a double remembers from one call to the next: one document in a directory, and who changes it has it alone.

It is written by marshal, which is there without an import, as every call of a double starts Python anew.
"""

# ruff: noqa: PTH105, PTH123 (pathlib takes as long to import as all the rest)

from __future__ import annotations

import fcntl
import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    Document = dict[str, Any]


def read(path: str) -> Document:
    """Read a document; one that is not there is empty."""
    try:
        with open(path, "rb") as file:
            document: Document = marshal.load(file)  # noqa: S302  our own file
    except FileNotFoundError:
        return {}
    return document


def write(path: str, document: Document) -> None:
    """Replace a document at once."""
    with open(f"{path}.draft", "wb") as file:
        marshal.dump(document, file)
    os.replace(f"{path}.draft", path)


class Store:
    """A directory that keeps a document; a block that has it alone replaces it, unless it ends by an exception."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def path(self, name: str) -> str:
        """Where a file of the double's is."""
        return f"{self.directory}/{name}"

    def read(self) -> Document:
        """Read the document as it is."""
        return read(self.path("state"))

    def __enter__(self) -> Document:
        self._lock = open(self.path("lock"), "w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._document = self.read()
        self._before = marshal.dumps(self._document)
        return self._document

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with self._lock:
            if kind is None and marshal.dumps(self._document) != self._before:
                write(self.path("state"), self._document)
