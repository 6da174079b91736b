"""What doubles share: their state, their faults, and one that stays."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import vifkit_base
from vifkit_base.doubles.faults import fault, order
from vifkit_base.doubles.service import CALLS, write_client
from vifkit_base.doubles.state import Store

SERVES = """
import sys, time
sys.path.insert(0, sys.argv[1])
from vifkit_base.doubles.service import serve
def answer(directory, arguments):
    if arguments == ["slow"]:
        open(f"{directory}/slow", "x").close()
        time.sleep(0.5)
    return len(arguments), "|".join(arguments), "x" * int(arguments[-1] if arguments[1:] else 0)
serve(sys.argv[2], answer)
"""


def test_a_document_is_kept_unless_its_block_fails(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with store as document:
        document["kept"] = {"é": [1, None, True]}
    with pytest.raises(ZeroDivisionError), store as document:
        document["lost"] = 1 / 0
    assert store.read() == {"kept": {"é": [1, None, True]}}


def test_a_fault_happens_as_often_as_it_was_ordered(tmp_path: Path) -> None:
    order(str(tmp_path), start={"status": 1, "times": 2})
    found = [fault(str(tmp_path), verb) for verb in ("start", "stop", "start", "start")]
    assert [None if each is None else each["status"] for each in found] == [1, None, 1, None]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Path]:
    """A program that asks one that stays."""
    program = tmp_path / "program"
    write_client(program)
    source = str(Path(vifkit_base.__file__).parents[1])
    serve = [sys.executable, "-I", "-S", "-c", SERVES, source, str(tmp_path)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None and service.stdout.readline() == "ready\n"
            yield program
        finally:
            service.kill()


def test_one_that_stays_answers_calls_side_by_side(program: Path) -> None:
    calls = [
        subprocess.Popen(
            [program, "two\nlines", "-n", "", f"'{number}' é $(x)", "100000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    for number, call in enumerate(calls):
        output, errors = call.communicate(timeout=20)
        assert output == f"two\nlines|-n||'{number}' é $(x)|100000"
        assert (call.returncode, len(errors)) == (5, 100_000)
    assert subprocess.run([program], check=False).returncode == 0


def test_one_that_stays_goes_on_where_those_who_called_are_killed(program: Path) -> None:
    for _ in range(3):
        with subprocess.Popen([program, "slow"]) as killed:
            _wait_for((program.parent / "slow").exists)
            killed.kill()
        (program.parent / "slow").unlink()
    for number in range(CALLS + 1):
        done = subprocess.run([program, str(number), "0"], capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (2, f"{number}|0", "")
    _wait_for(lambda: not list(program.parent.glob("call.*")))


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
