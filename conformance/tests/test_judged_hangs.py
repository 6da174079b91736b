"""The suite judged: a test that hangs is ended with its lab, and named with where it hung; the others run."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vifkit_conformance.lab import until

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

# The first connection hangs, whichever test it is for.
HANGS = """
import ctypes, os, signal, threading, time
from pathlib import Path
from vifkit_netns.driver import NetnsConnection, NetnsDriver

def hangs_here():
    try:
        Path("hang").unlink()
    except FileNotFoundError:
        return
    {how}

class HangingConnection(NetnsConnection):
    def version(self):
        {version}
        return super().version()

    def close(self):
        {close}
        super().close()

class Hanging(NetnsDriver):
    def open(self, uri, credentials=None):
        {open}
        return super().open(uri, credentials)

    def connection(self, *there):
        return HangingConnection(*there)

@pytest.fixture(scope="session")
def driver():
    return Hanging()

@pytest.mark.parametrize("when", ["before", "after"])
def test_where_the_lab_is(lab, when):
    Path(when).write_text(f"{{lab.directory}} {{lab.ovs.vswitchd.pid}} {{lab.ovs.ovsdb_server.pid}}")
    if when == "after":
        directory, *daemons = Path("before").read_text().split()
        assert not Path(directory).exists()
        assert not any(Path("/proc", pid).exists() for pid in daemons)
"""

SLEEPS = "time.sleep(1000)"
BLOCKED = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); ctypes.PyDLL(None).sleep(1000)"
HUNG = "test_version_names_the_hypervisor"
OTHERS = ("test_an_unknown_name_is_not_found", "test_a_shut_off_domain_does_not_stop")
BEFORE, AFTER = "test_where_the_lab_is[before]", "test_where_the_lab_is[after]"
SHORT = "--timeout=2"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


def hang(home: Author, how: str, at: str = "open", version: str = "pass") -> None:
    places = {"open": "pass", "version": version, "close": "pass"} | {at: "hangs_here()"}
    home.write("vifkit_netns.driver", "NetnsDriver", more=HANGS.format(how=how, **places))
    (home.home / "hang").touch()


def named(*tests: str) -> list[str]:
    return [f"test_driver.py::{test}" for test in tests]


@pytest.mark.switch
def test_a_test_that_hangs_is_told_with_where_and_the_next_one_has_a_new_lab(home: Author) -> None:
    hang(home, SLEEPS)
    judged = home.judge(SHORT, *named(BEFORE, HUNG, AFTER))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert judged.words == {BEFORE: "passed", HUNG: "error", AFTER: "passed"}, judged.text
    told = judged.text.partition("it hung: not ended within 2 s")[2].partition("generated xml")[0].splitlines()
    assert told[-2].strip() == "time.sleep(1000)"
    assert "in hangs_here" in told[-3]
    assert len(told) <= 18
    assert "resilience       not run" in judged.text
    assert "1 failed" in next(line for line in judged.text.splitlines() if line.startswith("lifecycle "))
    assert home.left() == []


@pytest.mark.switch
def test_a_test_that_hangs_among_workers_is_told_and_the_others_run(home: Author) -> None:
    hang(home, SLEEPS)
    judged = home.judge(SHORT, "-n2", *named(HUNG, *OTHERS))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert sorted(judged.words.values()) == ["error", "passed", "passed"], judged.text
    assert "it hung: not ended within 2 s" in judged.text
    assert home.left() == []


@pytest.mark.switch
def test_what_nothing_can_interrupt_ends_the_run_with_the_tests_name(home: Author) -> None:
    hang(home, BLOCKED)
    judged = home.judge(SHORT, *named(BEFORE, HUNG, AFTER))
    assert judged.status == 1
    *_, where, last = [line for line in judged.text.splitlines() if line][-5:]
    assert last == f"vifkit: the process has ended during test_driver.py::{HUNG}"
    assert "in hangs_here" in judged.text
    assert "_pytest" not in where
    until(lambda: home.left() == [], "what the process was is gone", 30)


@pytest.mark.switch
def test_what_nothing_can_interrupt_costs_a_worker_and_the_others_run(home: Author) -> None:
    hang(home, BLOCKED)
    judged = home.judge(SHORT, "-n2", *named(HUNG, *OTHERS))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert "crashed while running 'test_driver.py::test_" in judged.text
    assert "2 passed" in judged.text and "1 failed" in judged.text
    assert "in hangs_here" in judged.text
    until(lambda: home.left() == [], "what the process was is gone", 30)


@pytest.mark.switch
def test_a_failed_test_whose_teardown_hangs_is_ended_too(home: Author) -> None:
    hang(home, SLEEPS, at="close", version="raise ValueError")
    judged = home.judge(SHORT, *named(BEFORE, HUNG, AFTER))
    assert judged.words[AFTER] == "passed", judged.text
    assert "it hung: not ended within 2 s" in judged.text
    assert "1 failed, 2 passed, 1 error" in judged.text
    assert home.left() == []


@pytest.mark.switch
def test_a_thread_that_goes_on_does_not_hold_up_the_end_of_the_run(home: Author) -> None:
    hang(home, f"threading.Thread(target=lambda: {SLEEPS}).start(); {SLEEPS}")
    judged = home.judge(SHORT, *named(HUNG))
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert "it hung: not ended within 2 s" in judged.text
    assert home.left() == []


@pytest.mark.switch
def test_a_driver_that_ends_the_process_is_named(home: Author) -> None:
    hang(home, "os._exit(0)")
    judged = home.judge(*named(HUNG))
    assert judged.text.splitlines()[-1] == f"vifkit: the process has ended during test_driver.py::{HUNG}"
    until(lambda: home.left() == [], "what the process was is gone", 30)


SHOWS_THE_TIMES = """
from collections import Counter
def pytest_collection_finish(session):
    print("TIMES", Counter(getattr(item.get_closest_marker("timeout"), "args", None) for item in session.items))
"""


@pytest.mark.parametrize(
    ("options", "times"),
    [([], "TIMES Counter({(120.0,): 1, None: 1})"), ([SHORT], "TIMES Counter({None: 2})")],
    ids=["by-default", "as-the-author-says"],
)
def test_a_test_of_the_suite_has_two_minutes_unless_the_author_says_otherwise(
    home: Author, options: list[str], times: str
) -> None:
    hang(home, SLEEPS)
    (home.home / "conftest.py").write_text(SHOWS_THE_TIMES, encoding="utf-8")
    judged = home.judge("--collect-only", *options, *named(HUNG, BEFORE))
    assert times in judged.text
