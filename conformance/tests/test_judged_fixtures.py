"""The suite's fixtures judged: what they skip, what they demand, and what they say to a driver's author."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

from vifkit_conformance.lab.binaries import binary

SOUND = ("broken.handmade", "Sound")
ONE = "test_version_names_the_hypervisor"

# For this command alone, ovs-vswitchd is no program: something that cannot run is mounted over it.
WITHOUT_VSWITCHD = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"')

NO_HTB = """\
#!/bin/sh
case "$*" in *htb*) echo 'Error: Specified qdisc kind is unknown.' >&2; exit 2 ;; esac
exec {tc} "$@"
"""

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

REACHES_INTO_NO_GUEST = """
from vifkit_netns.testbed import NetnsTestbed

class FromOutside(NetnsTestbed):
    guest_traffic = False

@pytest.fixture(scope="session")
def testbed():
    return FromOutside()
"""

OF_ANOTHER_NAME = """
class Another(Sound):
    name = "another"

@pytest.fixture(scope="session")
def driver():
    return Another()
"""


BARE = """
from contextlib import nullcontext
from vifkit_conformance.testbed import Testbed

class Bare(Testbed):
    def boot(self, lab):
        return nullcontext("bare:///here")
"""

SHOWS_THE_URI = """
def test_that_shows_the_uri(uri, capsys):
    with capsys.disabled():
        print(f"URI {uri}.")
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
    asks = ("test_outbound_becomes_policing", "test_a_declared_direction_is_carried_out[outbound]")
    judged = home.judge_tests(*asks, "test_an_undeclared_direction_is_refused_at_start[outbound]")
    assert judged.status == pytest.ExitCode.OK
    assert {judged.outcomes[test].word for test in asks} == {"skipped"}
    assert {judged.outcomes[test].said for test in asks} == {"the driver does not declare outbound"}
    assert "ovs-htb          not run      1 refused" in judged.text


@pytest.mark.switch
def test_a_run_in_which_nothing_was_judged_fails_and_says_why(home: Author) -> None:
    home.write(*SOUND)
    judged = home.judge_tests("test_outbound_becomes_policing")
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert judged.outcomes["test_outbound_becomes_policing"].word == "skipped"
    assert (
        "nothing was judged, which is a failure: the driver does not declare outbound, and no test saw it refuse that"
    ) in judged.text


@pytest.mark.switch
def test_what_is_declared_otherwise_is_skipped_with_the_reason(home: Author) -> None:
    home.write(*SOUND, more=SHAPES_BY_ITSELF)
    judged = home.judge_tests("test_an_average_alone_limits")
    assert judged.outcomes["test_an_average_alone_limits"].word == "skipped"
    assert judged.outcomes["test_an_average_alone_limits"].said == "the driver's shaping is native, not ovs-htb"


@pytest.mark.switch
def test_where_the_testbed_reaches_into_no_guest_its_traffic_is_not_asked_for(home: Author) -> None:
    home.write(*SOUND, more=REACHES_INTO_NO_GUEST)
    judged = home.judge_tests("test_below_its_limit_a_guest_receives_all")
    assert judged.outcomes["test_below_its_limit_a_guest_receives_all"].word == "skipped"
    assert judged.outcomes["test_below_its_limit_a_guest_receives_all"].said == (
        "the testbed does not declare guest_traffic"
    )


@pytest.mark.switch
def test_an_environment_that_lacks_something_is_skipped_with_what_to_install(
    home: Author, without_vswitchd: tuple[str, ...]
) -> None:
    home.write(*SOUND)
    other = "test_an_average_alone_limits"
    judged = home.judge(f"test_driver.py::{ONE}", f"test_driver.py::{other}", prefix=without_vswitchd)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, "nothing was judged"
    assert judged.words == {ONE: "skipped", other: "skipped"}
    said = "ovs-vswitchd is not installed: install the package openvswitch-switch"
    assert {judged.outcomes[test].said for test in (ONE, other)} == {said}
    assert "not by the suite" not in judged.text
    assert home.left() == []


@pytest.mark.switch
def test_a_kernel_without_htb_is_told_in_one_line(home: Author) -> None:
    tools = home.home / "tools"
    tools.mkdir()
    tc = tools / "tc"
    tc.write_text(NO_HTB.format(tc=binary("tc")), encoding="utf-8")
    tc.chmod(0o755)
    home.write(*SOUND)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    shaped = "test_an_average_alone_limits"
    judged = home.judge(f"test_driver.py::{shaped}", f"test_driver.py::{ONE}", environment=environment)
    assert judged.words == {shaped: "skipped", ONE: "passed"}, judged.text
    assert judged.outcomes[shaped].said == (
        "this kernel has no HTB: as root, modprobe sch_htb, or take a kernel that has it"
    )


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


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["serially", "by-two-workers"])
@pytest.mark.parametrize("kind", ["driver", "testbed"])
def test_an_unknown_name_ends_the_run_at_once_and_is_told_which_there_are(
    home: Author, kind: str, options: tuple[str, ...]
) -> None:
    known = ("--driver=netns", "--pyargs", "vifkit_conformance.suite")
    judged = home.judge(*known, f"--{kind}=nobody", *options)
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert re.fullmatch(rf"ERROR: no {kind} named 'nobody' is installed; there are: .*\bnetns\b.*", judged.text.strip())
    assert judged.words == {}


def test_a_driver_that_does_not_load_is_told_why(home: Author) -> None:
    install(home, "[vifkit.drivers]\nbare = bare:Driver\n", "import nothing_of_that_name\n")
    judged = home.judge("--driver=bare", "--pyargs", "vifkit_conformance.suite.test_lifecycle", "-k", ONE)
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    said = "the driver 'bare' does not load: No module named 'nothing_of_that_name'"
    assert said in judged.outcomes[ONE].said
    assert "Traceback" not in judged.text and "fixtures.py" not in judged.text


def test_a_driver_without_a_testbed_is_told_so(home: Author) -> None:
    home.write(*SOUND, more=OF_ANOTHER_NAME)
    judged = home.judge_tests(ONE)
    assert judged.outcomes[ONE].word == "error"
    assert re.search(r"no testbed named 'another' is installed; there are: .*\bnetns\b", judged.outcomes[ONE].said)


@pytest.mark.switch
def test_a_driver_is_judged_on_the_testbed_that_is_named(home: Author) -> None:
    install(home, "[vifkit.testbeds]\nbare = bare:Bare\n", BARE)
    (home.home / "test_uri.py").write_text(SHOWS_THE_URI, encoding="utf-8")
    judged = home.judge("--driver=netns", "--testbed=bare", "test_uri.py")
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert "URI bare:///here." in judged.text
    assert "vifkit: driver netns on bare (vifkit-netns " in judged.text


@pytest.mark.switch
@pytest.mark.parametrize(
    ("options", "uri"),
    [
        ([], "bare:///here"),
        (["--uri-query=repair=off"], "bare:///here?repair=off"),
        (["--uri-query=socket=/a b", "--uri-query", "note=1=1&2"], "bare:///here?socket=/a%20b&note=1%3D1%262"),
        (["--uri-query=empty=", "--driver-uri=qemu:///system"], "qemu:///system?empty="),
        (["--uri-query=repair=off", "--driver-uri=qemu:///system?socket=/s"], "qemu:///system?socket=/s&repair=off"),
        (["--uri-query=repair=off", "--driver-uri=x://host/%41?a=%2f#end"], "x://host/%41?a=%2f&repair=off#end"),
    ],
    ids=["none", "one", "two-of-odd-characters", "to-a-given-uri", "to-a-given-query", "before-a-fragment"],
)
def test_a_uri_gets_the_parameters_that_are_given(home: Author, options: list[str], uri: str) -> None:
    install(home, "[vifkit.testbeds]\nbare = bare:Bare\n", BARE)
    (home.home / "test_uri.py").write_text(SHOWS_THE_URI, encoding="utf-8")
    judged = home.judge("--driver=netns", "--testbed=bare", *options, "test_uri.py")
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert f"URI {uri}." in judged.text


@pytest.mark.parametrize("given", ["repair", "=off", ""])
def test_a_parameter_without_key_or_value_ends_the_run_at_once(home: Author, given: str) -> None:
    judged = home.judge(f"--uri-query={given}")
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert f"argument --uri-query: {given!r} is not KEY=VALUE" in judged.text


def test_an_authors_module_has_every_test_of_the_suite_and_no_other(home: Author) -> None:
    home.write(*SOUND)
    imported = collected(home, "test_driver.py")
    installed = collected(home, "--driver=netns", "--noconftest", "--pyargs", "vifkit_conformance")
    assert len(imported) == len(set(imported)) > 100
    # A name in two modules of the suite would be one test in the author's.
    assert sorted(installed) == sorted(imported)


def collected(home: Author, *arguments: str) -> list[str]:
    judged = home.judge("--collect-only", "-q", *arguments)
    assert judged.status == pytest.ExitCode.OK, judged.text
    return [line.partition("::")[2] for line in judged.text.splitlines() if "::" in line]


def install(home: Author, entry_points: str, module: str) -> None:
    """Put a package that is the module `bare` where Python, started by the author, finds it."""
    (home.home / "bare.py").write_text(module, encoding="utf-8")
    about = home.home / "bare-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(entry_points, encoding="utf-8")
