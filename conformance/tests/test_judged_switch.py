"""The suite judged: a driver that ends a daemon of Open vSwitch's is told so, and the next test has it again."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

KILLS = """
import os, signal, time
from pathlib import Path
from vifkit_netns.driver import NetnsConnection, NetnsDriver

def kill(name, directory):
    for process in Path("/proc").glob("[0-9]*"):
        words = (process / "cmdline").read_text().split(chr(0))
        if words[0].endswith(name) and any(directory in word for word in words):
            os.kill(int(process.name), signal.SIGKILL)
            while (process / "stat").read_text().split()[2] != "Z":
                time.sleep(0.01)

class Killing(NetnsConnection):
    def version(self):
        kill("{daemon}", self.switch.db.removeprefix("unix:").removesuffix("/db.sock"))
        return super().version()

class KillingDriver(NetnsDriver):
    def connection(self, *there):
        return Killing(*there)

@pytest.fixture(scope="session")
def driver():
    return KillingDriver()
"""

KILLED = "test_version_names_the_hypervisor"
NEXT = "test_the_tree_is_that_of_the_golden_case[reference]"
RESTARTS = ("test_a_restart_of_ovsdb_server_is_survived", "test_a_restart_of_vswitchd_keeps_the_bandwidth")


FORKS = """
import os, time
from vifkit_netns.driver import NetnsConnection, NetnsDriver

class Forking(NetnsConnection):
    def version(self):
        if os.fork() == 0:
            time.sleep(1000)
        return super().version()

class ForkingDriver(NetnsDriver):
    def connection(self, *there):
        return Forking(*there)

@pytest.fixture(scope="session")
def driver():
    return ForkingDriver()
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


@pytest.mark.switch
@pytest.mark.parametrize("daemon", ["ovs-vswitchd", "ovsdb-server"])
def test_a_daemon_that_the_driver_kills_is_told_and_started_again(home: Author, daemon: str) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver", more=KILLS.format(daemon=daemon))
    judged = home.judge_tests(KILLED, NEXT)
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert f"{daemon} was killed during the test, and not by the test" in judged.outcomes[KILLED].said, judged.text
    assert judged.outcomes[NEXT].word == "passed"
    assert home.left() == []


@pytest.mark.switch
def test_a_daemon_that_a_test_kills_itself_is_nobodys_fault(home: Author) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver")
    assert home.judge_tests(*RESTARTS).words == dict.fromkeys(RESTARTS, "passed")


@pytest.mark.switch
@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["serially", "by-two-workers"])
def test_a_fork_of_the_process_is_told_and_ended(home: Author, options: tuple[str, ...]) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver", more=FORKS)
    judged = home.judge(f"test_driver.py::{KILLED}", f"test_driver.py::{NEXT}", *options)
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert "left behind: fork " in judged.outcomes[KILLED].left
    assert home.left() == []
