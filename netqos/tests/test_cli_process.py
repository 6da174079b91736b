"""The netqos command as a process: its help, its streams, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shared.cli import NETQOS, REFERENCE, run

from netqos.cli import main


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], *([name, "-h"] for name in main.commands)])
def test_help_is_there_for_every_command_with_examples(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ") and "Example" in result.stdout


def test_the_version_is_told() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, "netqos 0.4.0\n")


def test_without_a_command_the_help_goes_to_standard_error() -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: netqos") or result.stderr.startswith("Usage: ")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = "{'rich', 'ovs', 'ovsdbapp', 'netqos.ovsdb', 'netqos.kernel', 'ctypes', 'logging'}"
    program = f"import netqos.cli, sys; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("options", [[], ["--json"], ["--tc"]])
def test_a_reader_that_left_ends_it_in_silence(options: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        ended = subprocess.run(
            [NETQOS, "explain", *options, "-"],
            input=REFERENCE.encode(),
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told_in_one_line(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [NETQOS, "explain", "-"],
            input=REFERENCE.encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (2, b"netqos: cannot go on: No space left on device\n")


def test_the_exit_code_holds_where_nothing_can_be_said() -> None:
    with Path("/dev/full").open("wb") as full:
        assert subprocess.run([NETQOS, "explain", "/nowhere.xml"], stderr=full, check=False).returncode == 2


def test_an_interrupt_ends_it_without_a_traceback() -> None:
    # A job in the background may have been started with the signal ignored, and so its children would be.
    command = ["env", "--default-signal=INT", NETQOS, "explain", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert (process.returncode, stderr.strip()) == (130, b"")


def _wait_until_it_reads(pid: int) -> None:
    """Wait until a process waits for its standard input, that is for a pipe."""
    for _ in range(1000):
        if (
            b"pipe" in Path(f"/proc/{pid}/wchan").read_bytes()
            and Path(f"/proc/{pid}/syscall").read_text()[:4] == "0 0x"
        ):
            return
        time.sleep(0.01)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_stream_of_any_encoding_takes_the_answer(encoding: str) -> None:
    bandwidth = "<bandwidth><inbound average='1'/></bandwidth>"
    xml = f"<interface type='bridge'><target dev='vn\u00e9t\u2603'/>{bandwidth}</interface>"
    ended = subprocess.run(
        [NETQOS, "explain", "-"],
        input=xml.encode(),
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"class 1:1" in ended.stdout


def test_colour_is_for_terminals_that_want_it() -> None:
    plain, coloured = _on_a_terminal(NO_COLOR="1"), _on_a_terminal()
    assert "class 1:1" in plain and "\x1b[36m" not in plain
    assert "\x1b[36m" in coloured


def _on_a_terminal(**extra: str) -> str:
    controller, terminal = os.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    with os.fdopen(controller, "rb", buffering=0) as screen:
        subprocess.run(
            [NETQOS, "explain", "-"],
            input=REFERENCE.encode(),
            stdout=terminal,
            env=kept | {"TERM": "xterm-256color", "COLUMNS": "100"} | extra,
            check=True,
        )
        os.close(terminal)
        shown = b""
        try:
            while chunk := screen.read(65536):
                shown += chunk
        except OSError:  # the other end is closed, and all is read
            pass
    return shown.decode()
