"""Expected failures judged: what must fail may fail in any phase, and an entry that does not hold fails the run."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, Judgement, author

pytestmark = pytest.mark.switch

FOUR = "test_errors.py::test_what_is_no_domain_is_refused"
VERSION = "test_lifecycle.py::test_version_names_the_hypervisor"
UNKNOWN_NAME = "test_errors.py::test_an_unknown_name_is_not_found"
STOP = "test_cleanup.py::test_stop_leaves_no_rows_and_no_devices"
UNPLUG = "test_lifecycle.py::test_stop_unplugs_each_vif"

LINK = "https://example.org/defects/1"
BROKEN = "not booted|DID NOT RAISE|left over|left behind|assert"

# Tests of the suite that only want a connection, and a driver that fails them in each way that there is.
STAND_IN = """
import os
from contextlib import nullcontext
import pytest
from vifkit import Capabilities, Connection, Driver, InvalidXmlError, UnsupportedError
from vifkit_conformance.suite import *
from vifkit_conformance.testbed import Testbed

FAILS = {
    "test_what_is_no_domain_is_refused[text]": ["setup"],
    "test_what_is_no_domain_is_refused[unfinished]": ["call"],
    "test_what_is_no_domain_is_refused[other-root]": ["teardown"],
    "test_what_is_no_domain_is_refused[entity]": ["call", "teardown"],
}

def fails():
    name = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].partition(" ")[0]
    return FAILS.get(name, [])

class StandInConnection(Connection):
    capabilities = Capabilities()

    def version(self):
        return "a stand-in"

    def domains(self):
        return []

    def domain(self, name):
        pytest.skip("the driver does not declare names")

    def define(self, xml):
        raise UnsupportedError("persistent_domains")

    def create(self, xml):
        if "call" not in fails():
            raise InvalidXmlError("", "this is no domain")

    def close(self):
        if "teardown" in fails():
            pytest.fail("left over")

class StandIn(Driver):
    name, schemes = "stand-in", ["stand-in"]

    def open(self, uri, credentials=None):
        if "setup" in fails():
            pytest.fail("not booted")
        return StandInConnection()

@pytest.fixture(scope="session")
def driver():
    return StandIn()

class NoTestbed(Testbed):
    def boot(self, lab):
        return nullcontext("stand-in:")

@pytest.fixture(scope="session")
def testbed():
    return NoTestbed()
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        (made.home / "test_driver.py").write_text(STAND_IN, encoding="utf-8")
        yield made


def entry(test: str, reason: str = "it is broken", says: str = "", expires: str = "2999-12-31") -> str:
    return (
        f'[[failure]]\ntest = "{test}"\nsays = "{says or BROKEN}"\nreason = "{reason}"\nlink = "{LINK}"\n'
        f"expires = {expires}\n"
    )


def judge(home: Author, entries: list[str], *arguments: str) -> Judgement:
    (home.home / "expected.toml").write_text("".join(entries), encoding="utf-8")
    return home.judge("--expected-failures=expected.toml", *arguments)


def local(*tests: str) -> list[str]:
    return [f"test_driver.py::{test.partition('::')[2]}" for test in tests]


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_a_failure_in_any_phase_is_the_expected_one_and_counts_once(home: Author, options: list[str]) -> None:
    judged = judge(home, [entry(FOUR)], *options, "-rx", *local(FOUR, VERSION))
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert "1 passed, 4 xfailed" in judged.text
    ids = ("text", "unfinished", "other-root", "entity")
    failed = {f"test_what_is_no_domain_is_refused[{each}]": "skipped" for each in ids}
    assert judged.words == {"test_version_names_the_hypervisor": "passed"} | failed
    assert {judged.outcomes[name].said for name in failed} == {"it is broken"}


def test_the_end_of_a_run_lists_the_defects_with_how_many_tests_failed_for_each(home: Author) -> None:
    ids = {"unfinished": "names are lost", "text": "rows leak", "other-root": "rows leak", "entity": "rows leak"}
    judged = judge(home, [entry(f"{FOUR}[{each}]", defect) for each, defect in ids.items()], *local(FOUR))
    assert judged.status == pytest.ExitCode.OK, judged.text
    lines = judged.text.splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.strip("= ") == "expected failures"]
    assert lines[start + 1 : start + 3] == ["   1 names are lost", "   3 rows leak"]


def test_a_test_that_fails_without_an_entry_fails_the_run(home: Author) -> None:
    judged = judge(home, [entry(f"{FOUR}[text]")], *local(FOUR))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert judged.words["test_what_is_no_domain_is_refused[text]"] == "skipped"
    assert "2 failed, 1 passed, 1 xfailed, 2 errors" in judged.text


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
@pytest.mark.parametrize(
    ("test", "says"),
    [
        (VERSION, "expected to fail (it is broken), and passes: take the entry out"),
        (UNKNOWN_NAME, "expected to fail (it is broken), and is skipped: the driver does not declare names"),
    ],
    ids=["passes", "is-skipped"],
)
def test_an_expected_failure_that_does_not_fail_fails_the_run(
    home: Author, test: str, says: str, options: list[str]
) -> None:
    judged = judge(home, [entry(test)], *options, *local(test))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    name = test.partition("::")[2]
    assert judged.words == {name: "failed"}
    assert says in judged.outcomes[name].said
    assert "1 failed in" in judged.text


def test_a_failure_whose_entry_has_expired_fails_the_run(home: Author) -> None:
    judged = judge(home, [entry(f"{FOUR}[text]", expires="2026-01-31")], *local(f"{FOUR}[text]"))
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert f"expected to fail until 2026-01-31 (it is broken): look again, and at {LINK}" in judged.text


@pytest.mark.parametrize("identity", ["text", "unfinished", "other-root"])
def test_a_failure_that_says_something_else_fails_the_run(home: Author, identity: str) -> None:
    judged = judge(home, [entry(f"{FOUR}[{identity}]", says="DID (NOT )?HANG")], *local(f"{FOUR}[{identity}]"))
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert judged.words == {f"test_what_is_no_domain_is_refused[{identity}]": "failed"}
    assert "expected to fail (it is broken), saying 'DID (NOT )?HANG'" in judged.text


def test_what_fails_first_is_what_must_be_said(home: Author) -> None:
    both = f"{FOUR}[entity]"
    judged = judge(home, [entry(both, says="left over")], *local(both))
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    judged = judge(home, [entry(both, says="DID NOT RAISE")], *local(both))
    assert judged.status == pytest.ExitCode.OK, judged.text


def test_every_id_of_an_entry_without_one_must_fail(home: Author) -> None:
    stand_in = STAND_IN.replace('[other-root]": ["teardown"]', '[other-root]": []')
    (home.home / "test_driver.py").write_text(stand_in, encoding="utf-8")
    judged = judge(home, [entry(FOUR)], *local(FOUR))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert judged.words["test_what_is_no_domain_is_refused[other-root]"] == "failed"
    assert "1 failed, 3 xfailed" in judged.text


@pytest.mark.parametrize(
    "test",
    [
        "test_lifecycle.py::test_nobody_wrote",
        "test_nothing.py::test_version_names_the_hypervisor",
        "test_errors.py::test_version_names_the_hypervisor",
        f"{FOUR}[nothing]",
        f"{VERSION}[text]",
    ],
)
def test_an_entry_whose_test_is_not_in_the_suite_fails_the_run(home: Author, test: str) -> None:
    judged = judge(home, [entry(test)], "-k", "version_names", *local(FOUR, VERSION))
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert "1 failed, 1 passed" in judged.text
    assert f"FAILED expected.toml::{test} - Failed: expected to fail, and not in the suite: mend" in judged.text


def test_an_entry_whose_test_is_not_in_the_suite_fails_a_run_of_two_workers_once(home: Author) -> None:
    judged = judge(home, [entry(f"{FOUR}[nothing]")], "-n2", *local(VERSION))
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert "1 failed, 1 passed in" in judged.text


def test_an_entry_whose_test_does_not_run_is_no_failure(home: Author) -> None:
    deselected, another_id = UNKNOWN_NAME, f"{FOUR}[text]"
    selected = local(VERSION, f"{FOUR}[other-root]", UNKNOWN_NAME)
    judged = judge(home, [entry(deselected), entry(another_id)], "-k", "version_names", *selected)
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == {"test_version_names_the_hypervisor": "passed"}
    assert "expected failures" not in judged.text


def test_an_entry_whose_module_is_not_collected_is_no_failure(home: Author) -> None:
    (home.home / "test_other.py").write_text("def test_that_passes(): pass\n", encoding="utf-8")
    judged = judge(home, [entry(VERSION), entry(f"{FOUR}[text]")], "test_other.py")
    assert judged.status == pytest.ExitCode.OK, judged.text


def test_a_test_of_the_authors_own_is_not_the_suites_of_the_same_name(home: Author) -> None:
    (home.home / "test_errors.py").write_text("def test_an_unknown_name_is_not_found(): pass\n", encoding="utf-8")
    judged = judge(home, [entry(UNKNOWN_NAME)], "test_errors.py")
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == {"test_an_unknown_name_is_not_found": "passed"}


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_rows_that_a_driver_leaves_are_an_expected_failure(home: Author, options: list[str]) -> None:
    # The first test finds them itself. The second passes, and they are found after it.
    home.write("broken.lifecycle", "LeaksRows")
    leaks = "rows stay after a stop"
    judged = judge(home, [entry(STOP, leaks), entry(UNPLUG, leaks)], *options, *local(STOP, UNPLUG, VERSION))
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert "1 passed, 2 xfailed" in judged.text
    assert f"   2 {leaks}" in judged.text
    assert home.left() == []


def test_an_installed_suite_has_expected_failures_as_well(home: Author) -> None:
    options = ("--driver=netns", "--pyargs", "vifkit_conformance.suite", "-k", "version_names or unknown_name")
    judged = judge(home, [entry(VERSION)], *options)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert judged.words == {
        "test_version_names_the_hypervisor": "failed",
        "test_an_unknown_name_is_not_found": "passed",
    }


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_a_file_that_is_not_there_ends_the_run_before_its_first_test(home: Author, options: list[str]) -> None:
    judged = home.judge("--expected-failures=nowhere.toml", *options, *local(VERSION))
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: nowhere.toml: No such file or directory" in judged.text
    assert judged.words == {}
    assert "Traceback" not in judged.text
