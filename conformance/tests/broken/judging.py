"""Runs the suite on a driver as its author does, from a directory of his own, and reads what pytest says."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

TESTS = Path(__file__).parent.parent

# What README.md tells an author to write. His drivers are a package beside it.
MODULE = """\
import pytest
from vifkit_conformance.suite import *
from {package} import {name}

@pytest.fixture(scope="session")
def driver():
    return {name}()
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a test: `passed`, `failed`, `skipped` or `error` when it was called, and what it said.

    `left` is what the suite found left behind after it, empty for nothing.
    """

    word: str
    said: str = ""
    left: str = ""


@dataclass(frozen=True)
class Judgement:
    """What pytest said: the exit status, all that it printed, and the outcome of each test by name."""

    status: int
    text: str
    outcomes: Mapping[str, Outcome]

    @property
    def words(self) -> dict[str, str]:
        """One word on each test."""
        return {name: outcome.word for name, outcome in self.outcomes.items()}


class Author:
    """A directory with a test module, and a directory for temporary files.

    `bytecode` keeps what Python and pytest compile for the next run: that is half of the time.
    """

    def __init__(self, home: Path, bytecode: Path | None) -> None:
        self.home = home
        self.bytecode = bytecode
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        (home / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")

    def write(self, package: str, name: str, more: str = "") -> None:
        """Write the module that judges a driver."""
        (self.home / "test_driver.py").write_text(MODULE.format(package=package, name=name) + more, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs pytest here, in order, and without the plugins that only cost time."""
        unused = ("randomly", "cacheprovider", "hypothesispytest", "benchmark", "doctest", "legacypath", "unittest")
        return [
            sys.executable,
            "-m",
            "pytest",
            *(f"-pno:{name}" for name in unused),
            "--junitxml=result.xml",
            *arguments,
        ]

    @property
    def environment(self) -> dict[str, str]:
        """Return an environment that does not show that pytest runs already."""
        mute = ("PYTEST", "VIFKIT", "PYTHONDONTWRITEBYTECODE")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(mute)}
        ours = {"TMPDIR": str(self.temporary), "PYTHONPATH": str(TESTS), "COLUMNS": "200"}
        return kept | ours | ({"PYTHONPYCACHEPREFIX": str(self.bytecode)} if self.bytecode else {})

    def judge(
        self, *arguments: str, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> Judgement:
        """Run pytest to its end."""
        ended = subprocess.run(
            [*prefix, *self.command(*arguments)],
            cwd=self.home,
            env=self.environment | dict(environment or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        return Judgement(ended.returncode, ended.stdout + ended.stderr, read(self.home / "result.xml"))

    def judge_tests(self, *tests: str) -> Judgement:
        """Run tests by name. A name that is no test is an error, and nothing runs."""
        return self.judge(*(f"test_driver.py::{test}" for test in tests))

    def left(self) -> list[str]:
        """List the files and the processes that a run has left, without what pytest keeps of its own accord."""
        # os.walk passes over a directory that goes meanwhile, as the janitor's do.
        paths = [
            (Path(folder) / name).relative_to(self.temporary)
            for folder, folders, files in os.walk(self.temporary)
            for name in [*folders, *files]
        ]
        found = [str(path) for path in paths if not path.parts[0].startswith("pytest-of-")]
        return sorted(found) + list(self.processes().values())

    def processes(self) -> dict[int, str]:
        """Find the processes of the run, which have its TMPDIR, by id: their command lines."""
        mark, found = f"TMPDIR={self.temporary}".encode(), {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it may have ended meanwhile, or not be ours to look into
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
        return found


@contextmanager
def author(bytecode: Path | None = None) -> Iterator[Author]:
    """Give a directory with a short name, as sockets are in it."""
    with TemporaryDirectory(prefix="judged-") as home:
        yield Author(Path(home), bytecode)


def read(result: Path) -> dict[str, Outcome]:
    """Read a JUnit file. A test that fails, and leaves something behind as well, is in it twice."""
    found: dict[str, Outcome] = {}
    if not result.exists():
        return found
    for case in ET.parse(result).iter("testcase"):
        name, said = case.get("name", ""), [(each.tag, each.get("message", "")) for each in case]
        for tag, message in said or [("passed", "")]:
            known = found.get(name, Outcome("passed"))
            if "left behind: " in message:
                found[name] = Outcome(known.word, known.said, left=message)
            else:
                word = {"failure": "failed"}.get(tag, tag)
                found[name] = Outcome(word, message, left=known.left)
    return found
