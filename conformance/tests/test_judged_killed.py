"""The suite judged: a run that is killed leaves nothing, not even what its domains were made of."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vifkit_conformance.lab import Namespace, counters, until

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

# A test that lasts, with a domain that runs meanwhile, for each worker.
LASTS = """
import time

@pytest.mark.parametrize("number", [0, 1])
def test_that_lasts(guest, number):
    guest("<bandwidth><inbound average='512'/></bandwidth>")
    open(f"{{number}}.running", "x").close()
    time.sleep({seconds})
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


@pytest.mark.switch
@pytest.mark.parametrize(
    ("options", "labs", "seconds"), [([], 1, 100), (["-n2"], 2, 2)], ids=["serially", "by-two-workers"]
)
def test_nothing_is_left_of_a_run_that_was_killed(home: Author, options: list[str], labs: int, seconds: int) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver", more=LASTS.format(seconds=seconds))
    with Namespace() as witness, run(home, *options, "-k", "that_lasts", "test_driver.py") as started:
        until(lambda: len(list(home.home.glob("*.running"))) == labs, "the domains run", 60)
        # A wire of the witness's goes with the namespace that its other end is in.
        for number, namespace in enumerate(namespaces(home, labs)):
            wire = ("name", f"wire{number}", "type", "veth", "peer", "name", "witness", "netns", namespace)
            witness.run("ip", "link", "add", *wire)
        assert len(counters(witness)) == 1 + 2 * labs
        started.kill()
        started.wait()
        until(lambda: home.left() == [], "processes, files and directories are gone", 30)
        until(lambda: list(counters(witness)) == ["lo"], "the namespaces are gone", 30)
    assert str(home.home) not in Path("/proc/self/mountinfo").read_text()


@contextmanager
def run(home: Author, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        home.command(*arguments),
        cwd=home.home,
        env=home.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def namespaces(home: Author, labs: int) -> list[str]:
    """Where the namespaces of the switches and of the guests are, as seen by the switches."""
    switches = [f"/proc/{pid}" for pid, line in home.processes().items() if "ovs-vswitchd" in line.split(" ")[0]]
    pins = [pin for switch in switches for pin in Path(f"{switch}/root{home.temporary}").glob("vifkit-*/netns.*/*.ns")]
    guests = [str(pin) for pin in pins if pin.stat().st_dev != pin.parent.stat().st_dev]
    assert len(switches) == len(guests) == labs
    return [*(f"{switch}/ns/net" for switch in switches), *guests]
