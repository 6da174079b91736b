"""The suite's fixtures judged: what they skip, what they demand, and what they say to a driver's author."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

SOUND = ("broken.handmade", "Sound")
ONE = "test_version_names_the_hypervisor"

# For this command alone, ovs-vswitchd is no program: something that cannot run is mounted over it.
WITHOUT_VSWITCHD = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"')

SHAPES_BY_ITSELF = """
from dataclasses import replace
from vifkit import Shaping
from broken.handmade import Handmade, driver as make

class Native(Handmade):
    @property
    def capabilities(self):
        return replace(super().capabilities, shaping=Shaping.NATIVE)

@pytest.fixture(scope="session")
def driver():
    return make(Native)()
"""

OF_ANOTHER_NAME = """
class Another(Sound):
    name = "another"

@pytest.fixture(scope="session")
def driver():
    return Another()
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


@pytest.fixture
def without_vswitchd() -> tuple[str, ...]:
    found = shutil.which("ovs-vswitchd", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin")
    assert found is not None
    return (*WITHOUT_VSWITCHD, found)


@pytest.mark.switch
def test_what_is_not_declared_is_skipped_with_the_reason(home: Author) -> None:
    home.write(*SOUND)
    judged = home.judge_tests("test_outbound_becomes_policing", "test_a_declared_direction_is_carried_out[outbound]")
    assert judged.status == pytest.ExitCode.OK
    assert {each.word for each in judged.outcomes.values()} == {"skipped"}
    assert {each.said for each in judged.outcomes.values()} == {"the driver does not declare outbound"}


@pytest.mark.switch
def test_what_is_declared_otherwise_is_skipped_with_the_reason(home: Author) -> None:
    home.write(*SOUND, more=SHAPES_BY_ITSELF)
    judged = home.judge_tests("test_an_average_alone_limits")
    assert judged.outcomes["test_an_average_alone_limits"].word == "skipped"
    assert judged.outcomes["test_an_average_alone_limits"].said == "the driver's shaping is not ovs-htb"


@pytest.mark.switch
def test_an_environment_that_lacks_something_is_skipped_with_what_to_install(
    home: Author, without_vswitchd: tuple[str, ...]
) -> None:
    home.write(*SOUND)
    judged = home.judge(f"test_driver.py::{ONE}", prefix=without_vswitchd)
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.outcomes[ONE].word == "skipped"
    assert judged.outcomes[ONE].said == "ovs-vswitchd is not installed: install the package openvswitch-switch"
    assert home.left() == []


@pytest.mark.switch
@pytest.mark.parametrize(
    ("option", "variable"), [("--require-environment", ""), ("-q", "1")], ids=["by-option", "by-variable"]
)
def test_an_environment_that_is_required_and_lacks_something_is_a_failure(
    home: Author, without_vswitchd: tuple[str, ...], option: str, variable: str
) -> None:
    home.write(*SOUND)
    environment = {"VIFKIT_REQUIRE_ENVIRONMENT": variable}
    judged = home.judge(option, f"test_driver.py::{ONE}", prefix=without_vswitchd, environment=environment)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert judged.outcomes[ONE].word == "error"
    assert (
        "the environment is required and lacks something: ovs-vswitchd is not installed: "
        "install the package openvswitch-switch"
    ) in judged.outcomes[ONE].said


def test_without_a_driver_the_suite_says_how_to_name_one(home: Author) -> None:
    judged = home.judge("--pyargs", "vifkit_conformance.suite.test_lifecycle", "-k", ONE)
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert judged.outcomes[ONE].word == "error"
    assert "name the driver to judge: --driver NAME, or override the fixture `driver`" in judged.outcomes[ONE].said
    assert "Traceback" not in judged.text and "fixtures.py" not in judged.text


def test_an_unknown_driver_is_told_which_there_are(home: Author) -> None:
    judged = home.judge("--driver", "nobody", "--pyargs", "vifkit_conformance.suite.test_lifecycle", "-k", ONE)
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert re.search(r"no driver named 'nobody' is installed; there are: .*\bnetns\b", judged.outcomes[ONE].said)
    assert "Traceback" not in judged.text and "fixtures.py" not in judged.text


def test_a_driver_without_a_testbed_is_told_so(home: Author) -> None:
    home.write(*SOUND, more=OF_ANOTHER_NAME)
    judged = home.judge_tests(ONE)
    assert judged.outcomes[ONE].word == "error"
    assert "no testbed named 'another' is installed (entry points vifkit.testbeds)" in judged.outcomes[ONE].said


def test_an_authors_module_has_every_test_of_the_suite_and_no_other(home: Author) -> None:
    home.write(*SOUND)
    imported = collected(home, "test_driver.py")
    installed = collected(home, "--driver=netns", "--pyargs", "vifkit_conformance.suite")
    assert len(imported) == len(set(imported)) > 100
    # A name in two modules of the suite would be one test in the author's.
    assert sorted(installed) == sorted(imported)


def collected(home: Author, *arguments: str) -> list[str]:
    judged = home.judge("--collect-only", "-q", *arguments)
    assert judged.status == pytest.ExitCode.OK, judged.text
    return [line.partition("::")[2] for line in judged.text.splitlines() if "::" in line]
