"""The suite judged: each broken driver is caught, by the very test that is there for its mistake."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken import MISTAKES
from broken.judging import Author, author

# It asks nothing of a domain: a driver passes it that is wrong in one thing, and runs.
COMPANION = "test_version_names_the_hypervisor"

CLEAN = """
from pathlib import Path

def test_the_next_test_starts_clean(lab, nothing_left):
    assert lab.ovs.rows("QoS") == lab.ovs.rows("Queue") == []
    assert [row["name"] for row in lab.ovs.rows("Port")] == ["br0"]
    devices = [line.split()[0] for line in lab.host.run("ip", "-brief", "link").splitlines()]
    assert set(devices) <= {"lo", "br0", "ovs-netdev"}
    assert " nsfs " not in Path("/proc/self/mountinfo").read_text()
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


def test_every_broken_driver_says_what_its_mistake_is_and_is_the_only_one_to_make_it() -> None:
    said = [mistake.driver.__doc__ for mistake in MISTAKES.values()]
    assert all(said)
    assert len(set(said)) == len(MISTAKES) >= 18


@pytest.mark.switch
@pytest.mark.parametrize("name", MISTAKES)
def test_a_broken_driver_is_caught(home: Author, name: str) -> None:
    mistake = MISTAKES[name]
    home.write(mistake.driver.__module__, name)
    judged = home.judge_tests(mistake.test, COMPANION)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert judged.words == {mistake.test: "failed", COMPANION: "passed"}, judged.text
    assert mistake.says in judged.outcomes[mistake.test].said
    assert home.left() == []


@pytest.mark.switch
@pytest.mark.parametrize(
    ("package", "name"),
    [("vifkit_netns.driver", "NetnsDriver"), ("broken.handmade", "Sound"), ("broken.native", "SoundNative")],
)
def test_a_sound_driver_passes_every_test_that_catches(home: Author, package: str, name: str) -> None:
    catching = {mistake.test for mistake in MISTAKES.values()}
    home.write(package, name)
    judged = home.judge_tests(*sorted(catching))
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words.keys() == catching
    skipped = {test: outcome.said for test, outcome in judged.outcomes.items() if outcome.word != "passed"}
    # What the reference driver declares depends on the kernel and on Open vSwitch; what the other one does, on nothing.
    allowed = r"the driver (does not declare|declares) |the driver's \w+ is "
    assert [each for each in skipped.values() if not re.match(allowed, each)] == []
    outbound = {mistake.test for mistake in MISTAKES.values() if mistake.driver.__module__ == "broken.outbound"}
    native = {mistake.test for mistake in MISTAKES.values() if mistake.driver.__module__ == "broken.native"}
    if name == "Sound":
        outbound |= {"test_a_declared_direction_is_carried_out[outbound]"}
        assert skipped.keys() == {"test_an_undeclared_direction_is_refused_at_start[peak]", *native, *outbound}
    if name == "SoundNative":
        assert not skipped.keys() & native
    assert home.left() == []


@pytest.mark.switch
def test_a_sound_driver_that_polices_passes_what_the_kernel_lets_be_judged(home: Author) -> None:
    catching = {mistake.test for mistake in MISTAKES.values() if mistake.driver.__module__ == "broken.outbound"}
    home.write("broken.outbound", "SoundOutbound")
    judged = home.judge_tests(*sorted(catching), COMPANION)
    assert judged.status == pytest.ExitCode.OK, judged.text
    said = {outcome.said for outcome in judged.outcomes.values() if outcome.word != "passed"}
    assert all(re.match("this kernel does not police: as root, modprobe ", each) for each in said), judged.text
    assert judged.words["test_outbound_becomes_policing"] == "passed"
    assert home.left() == []


@pytest.mark.switch
def test_a_driver_that_limits_nothing_and_says_so_is_conformant_in_the_rest(home: Author) -> None:
    home.write("broken.native", "SoundUnlimited")
    judged = home.judge("-n2", "test_driver.py")
    assert judged.status == pytest.ExitCode.OK, judged.text
    profiles = re.findall(r"^([\w-]+) +(conformant|partial|not run) ", judged.text, re.MULTILINE)
    others = ("ovs-htb", "native-shaping", "hotplug", "resilience")
    assert dict(profiles) == {"core": "conformant", "lifecycle": "conformant"} | dict.fromkeys(others, "not run")


@pytest.mark.switch
@pytest.mark.parametrize(
    "name", ["LeaksRows", "LeavesThePort", "LeavesADevice", "LeavesANamespace", "RemembersInTheProcess"]
)
def test_what_a_driver_leaves_is_told_and_taken_away_before_the_next_test(home: Author, name: str) -> None:
    mistake = MISTAKES[name]
    home.write(mistake.driver.__module__, name, more=CLEAN)
    judged = home.judge_tests(mistake.test, "test_the_next_test_starts_clean")
    assert judged.words == {mistake.test: "failed", "test_the_next_test_starts_clean": "passed"}, judged.text
    assert "left behind: " in judged.outcomes[mistake.test].left
    assert home.left() == []
