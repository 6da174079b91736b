"""Programs that hang, flood, fail and speak in tongues, each a real one."""

import time

import pytest

from vifkit import BackendError, ConnectError
from vifkit_base.command import CommandFailedError, Program, first_line


def test_what_it_says_is_given() -> None:
    assert Program("printf").run("%s|", "a b", "-n", "$(id)", "ü") == "a b|-n|$(id)|ü|"


def test_a_failure_is_told_by_its_first_words() -> None:
    with pytest.raises(CommandFailedError) as caught:
        Program("sh", "-c").run("echo out; echo; echo 'no such VM\x1b[1m' >&2; exit 3")
    assert (caught.value.status, caught.value.output) == (3, "out\n\nno such VM\x1b[1m\n")
    assert str(caught.value) == "sh: out"


def test_a_failure_without_a_word_tells_its_status() -> None:
    with pytest.raises(CommandFailedError, match=r"^false: status 1, and not a word$"):
        Program("false").run()


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ConnectError, match=r"^no-such-program-here: No such file or directory$"):
        Program("/nowhere/no-such-program-here").run()


def test_a_program_that_hangs_is_ended_with_its_children() -> None:
    began = time.monotonic()
    with pytest.raises(ConnectError, match=r"^sh did not end within 0.2 s$"):
        Program("sh", "-c", timeout_s=0.2).run("sleep 60 & sleep 60")
    assert time.monotonic() - began < 10


def test_a_program_that_closes_its_streams_and_goes_on_is_ended() -> None:
    with pytest.raises(ConnectError, match="did not end"):
        Program("sh", "-c", timeout_s=0.2).run("exec >&- 2>&-; sleep 60")


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_a_flood_is_cut_off(stream: str) -> None:
    with pytest.raises(ConnectError, match=r"^sh said more than 1000000 bytes$"):
        Program("sh", "-c", limit_bytes=1_000_000).run(f"yes{stream}")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(BackendError, match="no UTF-8"):
        Program("printf").run(r"\377\376")


def test_a_nul_is_refused() -> None:
    with pytest.raises(BackendError, match="null"):
        Program("printf").run("a\0b")


def test_it_waits_for_no_input() -> None:
    assert Program("cat").run() == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\n \nVBoxManage: error: x\nmore", "VBoxManage: error: x"),
        ("a\x00b\tc", "a b c"),
        ("x" * 300, "x" * 199 + "…"),
    ],
    ids=["nothing", "after-empty-lines", "control-characters", "long"],
)
def test_the_first_line_is_one_line(text: str, line: str) -> None:
    assert first_line(text) == line
