"""What doubles share: their state, their faults, and one that stays."""

import subprocess
import sys
from pathlib import Path

import pytest

import vifkit_base
from vifkit_base.doubles.faults import fault, order
from vifkit_base.doubles.service import write_client
from vifkit_base.doubles.state import Store

SERVES = """
import sys
sys.path.insert(0, sys.argv[1])
from vifkit_base.doubles.service import serve
def answer(directory, arguments):
    return len(arguments), "|".join(arguments), "x" * int(arguments[-1] if arguments else 0)
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


def test_one_that_stays_answers_calls_side_by_side(tmp_path: Path) -> None:
    source = str(Path(vifkit_base.__file__).parents[1])
    program = tmp_path / "program"
    write_client(program)
    serve = [sys.executable, "-I", "-S", "-c", SERVES, source, str(tmp_path)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None and service.stdout.readline() == "ready\n"
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
        finally:
            service.kill()
