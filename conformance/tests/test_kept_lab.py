"""`--keep-lab`: a person looks into the lab of a test that failed, before anything is taken down."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author
from terminals import terminal

TEST = "test_a_dropped_burst_is_gone"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


@pytest.mark.switch
def test_the_lab_of_the_first_failure_has_a_shell_and_the_run_ends_with_it(home: Author) -> None:
    home.write("broken.updates", "StaleKeys")
    path = f"PYTHONPATH={Path(__file__).parent}"
    tests = (f"test_driver.py::{TEST}", "test_driver.py::test_version_names_the_hypervisor")
    with terminal(home, "env", path, *home.command("--keep-lab", "--timeout=3", *tests)) as shown:
        shown.shows("(lab) $ ", 60)
        assert f"vifkit: test_update.py::{TEST} has failed. Its lab is kept" in shown.text
        shown.type("sleep 4; ovs-vsctl --bare --columns=other_config list Queue\n")
        shown.shows("burst=262144 max-rate=")
        shown.type("tc class show dev $(ovs-vsctl list-ports br0)\n")
        shown.shows("class htb 1:1 parent 1:fffe")
        shown.type("exit\n")
        shown.shows("! the lab of the first failure was kept !")
        assert shown.process.wait(20) == pytest.ExitCode.TESTS_FAILED
    assert home.left() == []


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["without-a-terminal", "by-two-workers"])
def test_where_there_is_nobody_to_look_it_is_refused(home: Author, options: list[str]) -> None:
    home.write("broken.updates", "StaleKeys")
    judged = home.judge("--keep-lab", *options, "test_driver.py")
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert judged.text.strip() == "ERROR: --keep-lab opens a shell: it needs a terminal, and no workers (-n)"
