"""The changelog names every test of the suite, and an earlier version runs what it had."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from vifkit_conformance.judging.ids import function_of, functions
from vifkit_conformance.judging.versions import Earlier, added, of_version, since


def collected(*arguments: str) -> tuple[list[str], str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--pyargs",
        "vifkit_conformance",
        "--collect-only",
        "-q",
        "-pno:randomly",
    ]
    ended = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    lines = [line for line in ended.stdout.splitlines() if "::" in line]
    return [line.rpartition("/")[2] for line in lines], ended.stdout + ended.stderr


def test_the_changelog_names_every_test_and_no_other() -> None:
    named = [test for tests in added().values() for test in tests]
    assert len(named) == len(set(named))
    assert {function_of(test) for test in named} == set(functions())
    tests, said = collected()
    assert len(tests) > 200, said
    assert {since(test) for test in tests} == set(added())
    ids = {test for test in named if "[" in test}
    assert ids <= set(tests)


def test_the_latest_version_is_that_of_the_package() -> None:
    assert next(iter(added())) == version("vifkit-conformance")
    assert list(added()) == sorted(added(), reverse=True)


def test_an_id_that_is_not_named_came_with_its_function() -> None:
    assert since("test_inbound.py::test_the_tree_is_that_of_the_golden_case[reference]") == "0.1.0"
    assert since("test_states.py::test_a_pause_keeps_the_bandwidth") == "0.2.0"
    with pytest.raises(LookupError, match="is in no version"):
        since("test_inbound.py::test_nothing")


def test_an_earlier_version_has_the_tests_that_it_had() -> None:
    tests, said = collected("--driver=netns", "--suite-version=0.1.0")
    assert len(tests) == 125, said
    assert of_version(tests, "0.1.0") == tests


def test_a_version_that_never_was_is_told_in_one_line() -> None:
    with pytest.raises(
        pytest.UsageError, match=r"^the suite has no version 0\.1, did you mean 0\.1\.0\?; there are: 0\."
    ):
        Earlier("0.1")
    tests, said = collected("--driver=netns", "--suite-version=7")
    assert tests == []
    assert said.startswith("ERROR: the suite has no version 7; there are: ")
    assert "Traceback" not in said


@pytest.mark.switch
def test_what_an_earlier_version_did_not_have_is_not_missed() -> None:
    arguments = ("--driver=netns", "--suite-version=0.1.0", "-k", "test_resilience")
    command = [sys.executable, "-m", "pytest", "--pyargs", "vifkit_conformance", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    assert "resilience       conformant" in ended.stdout, ended.stdout
