"""A lock between processes, and between threads."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vifkit import AccessDeniedError, BackendError
from vifkit_base.lockfile import DirectoryLock, LockFile

HOLDS = """
import sys
from vifkit_base.lockfile import LockFile
with LockFile("box", sys.argv[1]).held():
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNTS = """
import pathlib, sys
from vifkit_base.lockfile import DirectoryLock, LockFile
count = pathlib.Path(sys.argv[1])
lock = DirectoryLock(count.parent) if sys.argv[2:] else LockFile("box")
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


@pytest.mark.parametrize("of_a_directory", [[], ["yes"]], ids=["named", "directory"])
def test_of_many_processes_one_has_it_at_a_time(tmp_path: Path, of_a_directory: list[str]) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    rivals = [subprocess.Popen([sys.executable, "-c", COUNTS, str(count), *of_a_directory]) for _ in range(4)]
    assert [each.wait(30) for each in rivals] == [0] * 4
    assert count.read_text() == "200"
    assert [each.name for each in tmp_path.iterdir()] == ["count"]


def test_a_directory_is_as_it_was_when_its_lock_is_let_go_of(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path).held():
        assert [each.name for each in tmp_path.iterdir()] == [".vifkit.lock"]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_a_process_has_left_when_it_was_killed_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".vifkit.lock").touch()
    if os.geteuid() == 0:
        os.chown(tmp_path / ".vifkit.lock", 65534, 65534)
    with DirectoryLock(tmp_path).held():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_not_to_be_had_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / ".vifkit.lock").mkdir()
    with pytest.raises(BackendError, match=r"vifkit\.lock: Is a directory$"), DirectoryLock(tmp_path).held():
        pass
    with pytest.raises(BackendError, match=r"vifkit\.lock: No such file"), DirectoryLock(tmp_path / "none").held():
        pass


def test_a_directory_that_one_may_not_write_is_refused(tmp_path: Path) -> None:
    user = os.geteuid()
    tmp_path.chmod(0o500)
    lock = DirectoryLock(tmp_path)
    os.seteuid(user or 65534)  # root may write everywhere
    try:
        with pytest.raises(AccessDeniedError, match=r"vifkit\.lock: Permission denied$"), lock.held():
            pass
    finally:
        os.seteuid(user)
