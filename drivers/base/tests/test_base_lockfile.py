"""A lock between processes, and between threads."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vifkit import BackendError
from vifkit_base.lockfile import LockFile

HOLDS = """
import sys
from vifkit_base.lockfile import LockFile
with LockFile("box", sys.argv[1]).held():
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNTS = """
import pathlib, sys
from vifkit_base.lockfile import LockFile
lock, count = LockFile("box"), pathlib.Path(sys.argv[1])
for _ in range(50):
    with lock.held():
        count.write_text(str(int(count.read_text()) + 1))
"""


@pytest.fixture(autouse=True)
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_who_holds_it_may_take_it_again() -> None:
    lock = LockFile("box", "a")
    with lock.held(), lock.held():
        pass
    with lock.held():
        assert lock.path.stat().st_mode & 0o777 == 0o600
    assert not lock.path.exists()


def test_another_process_waits_and_one_that_guards_something_else_does_not() -> None:
    entered = threading.Event()

    def enter() -> None:
        with LockFile("box", "a").held():
            entered.set()

    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, "a"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "held\n"
        with LockFile("box", "b").held():
            pass
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.1)
        other.stdin.write("\n")
        other.stdin.flush()
        assert entered.wait(10)
        waiting.join()


def test_a_link_that_somebody_has_put_in_its_place_is_not_followed(tmp_path: Path) -> None:
    lock = LockFile("box", "a")
    lock.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackendError), lock.held():
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_is_no_file_is_refused() -> None:
    lock = LockFile("box", "a")
    os.mkfifo(lock.path)
    with pytest.raises(BackendError, match="it is another's"), lock.held():
        pass


def test_of_many_processes_one_has_it_at_a_time(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    rivals = [subprocess.Popen([sys.executable, "-c", COUNTS, str(count)]) for _ in range(4)]
    assert [each.wait(30) for each in rivals] == [0] * 4
    assert count.read_text() == "200"
    assert [each.name for each in tmp_path.iterdir()] == ["count"]
