"""The suite judged: in parts, and by workers on the other side of an ssh connection."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.hypervisor import Hypervisor
from broken.judging import TESTS, Author, author

SUITE = ("--driver=netns", "--pyargs", "vifkit_conformance.suite")

# One looks at the first worker's lab, one at the second's, as each waits for the other.
WHERE_THE_LAB_IS = """
import os, time
from pathlib import Path

@pytest.mark.parametrize("number", [0, 1])
def test_where_the_lab_is(lab, number):
    Path(f"{number}.lab").write_text(f"{lab.directory} {os.environ['SSH_CONNECTION']}")
    end = time.monotonic() + 20
    while not Path(f"{1 - number}.lab").exists() and time.monotonic() < end:
        time.sleep(0.01)
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


def collected(home: Author, *arguments: str) -> list[str]:
    judged = home.judge("--collect-only", "-q", *SUITE, *arguments)
    assert judged.status == pytest.ExitCode.OK, judged.text
    return [line for line in judged.text.splitlines() if "::" in line]


@pytest.mark.switch
def test_workers_behind_ssh_have_labs_of_their_own_there_and_what_they_see_comes_back(
    home: Author, there: Hypervisor
) -> None:
    home.write("broken.handmade", "Sound", more=WHERE_THE_LAB_IS)
    directory = home.home / "there"
    directory.mkdir()
    (home.home / "test_driver.py").rename(directory / "test_driver.py")
    python = f"env TMPDIR={home.temporary} PYTHONPATH={TESTS} {sys.executable}"
    ways = ("--dist=load", f"--tx=2*{there.worker(python, directory)}")
    asks, refuses = "test_outbound_becomes_policing", "test_an_undeclared_direction_is_refused_at_start[outbound]"
    # The first two are one worker's, and the next two the other's.
    names = ("test_where_the_lab_is[0]", asks, "test_where_the_lab_is[1]", refuses, "test_version_names_the_hypervisor")
    judged = home.judge(*ways, *(f"test_driver.py::{name}" for name in names), prefix=there.prefix)
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == dict.fromkeys(names, "passed") | {asks: "skipped"}
    # A refusal counts where somebody has seen it: the evidence came from whichever worker it was.
    assert "ovs-htb          not run      1 refused" in judged.text
    found = [(directory / f"{number}.lab").read_text().split(" ", 1) for number in (0, 1)]
    assert found[0][0] != found[1][0]
    assert [connection.split()[2] for _, connection in found] == ["192.0.2.1"] * 2
    assert home.left() == []


def test_the_parts_of_a_suite_are_disjoint_and_complete(home: Author) -> None:
    whole = collected(home)
    parts = [collected(home, f"--vifkit-shard={number}/3") for number in (1, 2, 3)]
    assert sorted(test for part in parts for test in part) == sorted(whole)
    assert all(len(part) > len(whole) / 5 for part in parts)
    assert collected(home, "--vifkit-shard=1/1") == whole


def test_a_test_is_always_in_the_same_part(home: Author) -> None:
    both = collected(home, "--vifkit-shard=2/3")
    assert collected(home, "--vifkit-shard=2/3", "-k", "golden") == [test for test in both if "golden" in test]
    home.write("vifkit_netns.driver", "NetnsDriver")
    judged = home.judge("--collect-only", "-q", "--vifkit-shard=2/3", "test_driver.py")
    ids = {line.partition("::")[2] for line in judged.text.splitlines() if "::" in line}
    assert ids == {test.partition("::")[2] for test in both}


@pytest.mark.switch
def test_what_is_in_another_part_was_not_selected(home: Author) -> None:
    judged = home.judge(*SUITE, "--vifkit-shard=1/2", "-k", "test_warnings or test_version")
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert re.search(r"^lifecycle +partial +1 held, \d\d not selected$", judged.text, re.MULTILINE)


@pytest.mark.parametrize("given", ["0/3", "4/3", "1/0", "1", "a/b", "-1/2"])
def test_a_part_that_is_none_ends_the_run_at_once(home: Author, given: str) -> None:
    judged = home.judge(f"--vifkit-shard={given}")
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert f"argument --vifkit-shard: {given!r} is not K/N with K from 1 to N" in judged.text
