"""The suite judged: an ordinary user runs it, where the host lets him have namespaces and a tun device."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

NOBODY = 65534

HANDFUL = [
    "test_the_tree_is_that_of_the_golden_case[reference]",
    "test_start_plugs_each_vif",
    "test_a_start_waits_for_vswitchd",
    "test_a_running_domain_outlives_the_process_that_made_it",
    "test_stop_leaves_no_rows_and_no_devices",
    "test_below_its_limit_a_guest_receives_all",
]


@pytest.fixture
def home(as_nobody: list[str]) -> Iterator[Author]:
    with author() as made:
        for path in (made.home, made.temporary):
            os.chown(path, NOBODY, NOBODY)
        yield made


@pytest.mark.switch
@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_an_ordinary_user_judges_a_driver(home: Author, as_nobody: list[str], options: list[str]) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver")
    tests = [f"test_driver.py::{test}" for test in HANDFUL]
    judged = home.judge("--require-environment", "--driver=netns", *options, *tests, prefix=as_nobody)
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == dict.fromkeys(HANDFUL, "passed")
    assert (home.home / "result.xml").stat().st_uid == NOBODY
    assert home.left() == []
