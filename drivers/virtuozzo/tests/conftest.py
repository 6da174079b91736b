"""A prlctl that is the double, alone or beside the lab's Open vSwitch."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vifkit import Connection
from vifkit_base.doubles.state import Store
from vifkit_conformance.lab import Lab
from vifkit_conformance.testbed import Testbed
from vifkit_virtuozzo.driver import VirtuozzoDriver
from vifkit_virtuozzo.testbed import write_program

Document = dict[str, Any]
Said = tuple[int, str, str]


@pytest.fixture(scope="session")
def driver() -> VirtuozzoDriver:
    return VirtuozzoDriver()


@pytest.fixture
def prlctl(tmp_path: Path) -> Callable[..., Said]:
    """Run a double that keeps its state in `tmp_path`; gives its status, its standard output and its standard error."""
    program = write_program(tmp_path)

    def run(*arguments: str) -> Said:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def host(testbed: Testbed, uri: str) -> Iterator[Any]:
    """The directory of the double beside the lab's Open vSwitch; faults that a test ordered end with it."""
    directory = Path(testbed.directory)  # type: ignore[attr-defined]
    yield directory
    for name in ("faults", "calls"):
        (directory / name).unlink(missing_ok=True)


@pytest.fixture
def edit(host: Path) -> Callable[[Callable[[Document], object]], None]:
    """Change what the double keeps, behind the driver's back."""

    def change(by: Callable[[Document], object]) -> None:
        with Store(str(host)) as document:
            by(document)

    return change


@pytest.fixture
def behind(host: Path) -> Callable[..., Said]:
    """Run prlctl as another user of it does."""

    def run(*arguments: str) -> Said:
        done = subprocess.run([host / "prlctl", *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def own(lab: Lab, driver: VirtuozzoDriver, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a double that is this test's alone, and has no container yet."""
    program = write_program(tmp_path, lab)
    os.mkfifo(tmp_path / "alive", 0o600)
    alive = os.open(tmp_path / "alive", os.O_RDWR)
    try:
        with driver.open(f"vz:///system?program={program}&db={lab.ovs.db}&netns={lab.host.path}&timeout=3") as opened:
            yield opened
    finally:
        os.close(alive)
