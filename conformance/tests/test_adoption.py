"""README.md's example for the author of a driver that works: short, and enough."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

README = Path(__file__).parent.parent / "README.md"

# The driver that the author has already.
DRIVER = """\
from vifkit_netns.driver import NetnsDriver

class MyDriver(NetnsDriver):
    name = "mine"
    schemes = ("mine",)
"""

HANDFUL = [
    "test_a_defined_domain_is_found_and_shut_off",
    "test_a_dropped_burst_is_gone",
    "test_a_running_domain_outlives_the_process_that_made_it",
    "test_an_undeclared_direction_is_refused_at_start[floor]",
    "test_stop_leaves_no_rows_and_no_devices",
    "test_the_tree_is_that_of_the_golden_case[reference]",
    "test_version_names_the_hypervisor",
]


@pytest.fixture
def home() -> Iterator[Author]:
    with author() as made:
        yield made


def example() -> str:
    """The first block of Python below the heading."""
    _, found, section = README.read_text(encoding="utf-8").partition("\n## Judge your own\n")
    assert found
    return section.partition("```python\n")[2].partition("```\n")[0]


def test_an_authors_code_is_at_most_25_lines() -> None:
    assert 10 < len([line for line in example().splitlines() if line.strip()]) <= 25


@pytest.mark.switch
@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_an_authors_code_is_enough(home: Author, options: list[str]) -> None:
    (home.home / "mydriver.py").write_text(DRIVER, encoding="utf-8")
    (home.home / "test_driver.py").write_text(example(), encoding="utf-8")
    judged = home.judge("--require-environment", *options, *(f"test_driver.py::{test}" for test in HANDFUL))
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == dict.fromkeys(HANDFUL, "passed")
    assert home.left() == []
