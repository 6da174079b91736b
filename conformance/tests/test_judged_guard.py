"""Whatever switches a test of the suite off, but an entry in a file of expected failures, is a failure itself."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

pytestmark = pytest.mark.switch

SOUND = ("vifkit_netns.driver", "NetnsDriver")
VERSION = "test_version_names_the_hypervisor"
UNKNOWN = "test_an_unknown_name_is_not_found"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["serially", "by-two-workers"])
@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            f"\ndef {UNKNOWN}(): pass\n",
            f"::test_errors.py::{UNKNOWN} - Failed: overridden in the module: give your own test another name",
        ),
        (
            f"\ndel {UNKNOWN}\n",
            f"::test_errors.py::{UNKNOWN} - Failed: deleted from the module: name it in a file of expected failures",
        ),
        (
            f"\n{UNKNOWN}.__test__ = False\n",
            f"::test_errors.py::{UNKNOWN} - Failed: switched off by __test__: name it in a file of expected failures",
        ),
        (
            f"\n{VERSION} = pytest.mark.skip('not today')({VERSION})\n",
            f"::{VERSION} - Failed: marked skip: name it in a file of expected failures instead",
        ),
        (
            "\npytestmark = pytest.mark.xfail(strict=False)\n",
            f"::{VERSION} - Failed: marked xfail: name it in a file of expected failures instead",
        ),
        (
            "\n@pytest.fixture\ndef guest(): pytest.skip('no guests here')\n",
            "::guest - Failed: a fixture that judges, and is overridden: leave it as it is",
        ),
    ],
    ids=["overridden", "deleted", "switched-off", "skipped", "all-marked", "judging-by-himself"],
)
def test_a_test_that_is_switched_off_in_the_module_fails_the_run(
    home: Author, more: str, says: str, options: tuple[str, ...]
) -> None:
    home.write(*SOUND, more=more)
    judged = home.judge("test_driver.py", "-k", f"{VERSION} or test_an_undeclared", *options)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert judged.text.count(says) == 1, judged.text


def test_a_test_that_a_hook_takes_out_fails_the_run(home: Author) -> None:
    home.write(*SOUND)
    (home.home / "conftest.py").write_text(
        f"def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if i.name == '{VERSION}']\n"
    )
    judged = home.judge(f"test_driver.py::{VERSION}", f"test_driver.py::{UNKNOWN}")
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert f"::{UNKNOWN} - Failed: taken out after it was collected: leave it in" in judged.text


def test_a_test_that_is_marked_to_fail_while_it_runs_is_no_expected_failure(home: Author) -> None:
    mark = "@pytest.fixture(autouse=True)\ndef off(request):\n    request.node.add_marker(pytest.mark.xfail)\n"
    home.write("broken.promises", "ErrorsOfItsOwn", more=f"\n{mark}")
    judged = home.judge_tests(UNKNOWN)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert f"test_errors.py::{UNKNOWN} marked to fail, and not by an entry of a file" in judged.text


def test_what_the_command_line_selects_is_no_failure_and_is_not_conformant(home: Author) -> None:
    home.write(*SOUND)
    judged = home.judge("test_driver.py", "-k", VERSION)
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert "lifecycle        partial      1 held, " in judged.text
    assert "core             not run " in judged.text


def test_one_module_of_the_suite_may_be_imported_alone(home: Author) -> None:
    home.write(*SOUND)
    module = (home.home / "test_driver.py").read_text(encoding="utf-8")
    module = module.replace("vifkit_conformance.suite import", "vifkit_conformance.suite.test_errors import")
    (home.home / "test_driver.py").write_text(module, encoding="utf-8")
    judged = home.judge("test_driver.py", "-k", UNKNOWN)
    assert judged.status == pytest.ExitCode.OK, judged.text


def test_a_test_of_the_authors_own_may_be_skipped(home: Author) -> None:
    home.write(*SOUND, more="\n@pytest.mark.skip\ndef test_my_own(): pass\n")
    judged = home.judge_tests(VERSION, "test_my_own")
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == {VERSION: "passed", "test_my_own": "skipped"}


SKIPS = """
from broken.handmade import Handmade, driver as make

class Shy(Handmade):
    def domain(self, name):
        {does}

@pytest.fixture(scope="session")
def driver():
    return make(Shy)()
"""


def test_a_test_that_the_driver_skips_has_failed(home: Author) -> None:
    home.write(*SOUND, more=SKIPS.format(does="pytest.skip('not today')"))
    judged = home.judge_tests(UNKNOWN, VERSION)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert f"test_errors.py::{UNKNOWN} was skipped, and not by the suite (not today), which is a failure" in judged.text


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["serially", "by-a-worker"])
def test_a_run_that_the_driver_ends_has_failed(home: Author, options: tuple[str, ...]) -> None:
    home.write(*SOUND, more=SKIPS.format(does="pytest.exit('enough', returncode=0)"))
    judged = home.judge(f"test_driver.py::{UNKNOWN}", f"test_driver.py::{VERSION}", *options)
    assert judged.status != pytest.ExitCode.OK, judged.text
    assert options or "2 tests were to be run, and were not reached" in judged.text


def test_a_test_whose_function_is_replaced_fails_the_run(home: Author) -> None:
    home.write(*SOUND)
    (home.home / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items):\n    for item in items:\n        item.obj = lambda: None\n"
    )
    judged = home.judge(f"test_driver.py::{VERSION}")
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert f"::{VERSION} - Failed: replaced after it was collected: leave it as it is" in judged.text
