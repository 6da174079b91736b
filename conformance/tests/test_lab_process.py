import os
import signal
import stat
from pathlib import Path

import pytest

from vifkit_conformance.lab import LabError, LabUnavailableError, Namespace, RunDirectory, spawn


def test_a_daemon_has_the_id_of_its_program_and_ends_when_stopped(tmp_path: Path) -> None:
    with spawn(["sleep", "1000"], tmp_path / "log") as daemon:
        daemon.wait_for(lambda: _program(daemon.pid) == "sleep", "is running")
        daemon.stop()
        daemon.stop()
        daemon.kill()
    assert not Path(f"/proc/{daemon.pid}").exists()


def test_a_daemon_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    deaf = "trap '' TERM; echo deaf; while :; do sleep 0.01; done"
    with spawn(["sh", "-c", deaf], tmp_path / "log") as daemon:
        daemon.wait_for(lambda: "deaf" in daemon.log.read_text(), "is deaf")
        daemon.stop(seconds=0.05)
        assert not daemon.alive


def test_a_daemon_that_dies_at_its_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with (
        spawn(["sh", "-c", "echo no moon tonight >&2; exit 3"], tmp_path / "log") as daemon,
        pytest.raises(LabError, match="sh ended with status 3; the end of log:\nno moon tonight"),
    ):
        daemon.wait_for(lambda: False, "shines")


def test_a_daemon_that_does_not_get_ready_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with spawn(["sh", "-c", "echo still dark; exec sleep 1000"], tmp_path / "log") as daemon:
        daemon.wait_for(daemon.log.read_text, "speaks")
        with pytest.raises(LabError, match=r"sh: shines: not within 0\.05 s; .*\nstill dark"):
            daemon.wait_for(lambda: False, "shines", seconds=0.05)


@pytest.mark.switch
def test_a_daemon_runs_in_the_namespace_it_is_given(tmp_path: Path) -> None:
    with Namespace() as namespace, spawn(["sleep", "1000"], tmp_path / "log", namespace=namespace) as daemon:
        daemon.wait_for(lambda: _program(daemon.pid) == "sleep", "is running")
        inside = namespace.call(Path("/proc/thread-self/ns/net").readlink)
        assert Path(f"/proc/{daemon.pid}/ns/net").readlink() == inside


def test_a_program_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(LabUnavailableError, match=r"^no-such-daemon is not installed$"):
        spawn(["no-such-daemon"], tmp_path / "log")


def test_a_run_directory_is_its_owners_alone_and_goes_with_its_janitor() -> None:
    with RunDirectory() as directory:
        assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
        (directory.path / "file").touch()
    directory.close()
    assert not directory.path.exists()
    assert not Path(f"/proc/{directory.janitor_pid}").exists()


def test_a_run_directory_goes_even_if_its_janitor_was_killed() -> None:
    with RunDirectory() as directory:
        os.kill(directory.janitor_pid, signal.SIGKILL)
    assert not directory.path.exists()


def test_a_run_directory_too_deep_for_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp/" + "deep/" * 20)
    with pytest.raises(LabError, match="set TMPDIR to a shorter path"):
        RunDirectory()


def test_a_run_directory_that_cannot_be_made_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/proc/nowhere")
    with pytest.raises(LabError, match="cannot make a run directory"):
        RunDirectory()


def _program(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
