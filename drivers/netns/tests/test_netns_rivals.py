"""Threads and processes that change domains at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from subprocess import PIPE
from threading import Barrier

import pytest

from vifkit import Bandwidth, Domain, Rate, State
from vifkit_conformance.guest import Guest, Guests
from vifkit_netns.driver import NetnsDriver

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"

# Each is told when to begin, and says how it ended.
STARTS = """
import sys
from vifkit_netns.driver import NetnsDriver
domain = NetnsDriver().open(sys.argv[1]).domain(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    domain.start()
except Exception as error:
    print(type(error).__name__)
else:
    print("started")
"""


@pytest.fixture(scope="session")
def driver() -> NetnsDriver:
    return NetnsDriver()


def test_of_processes_that_start_one_domain_at_once_one_wins(guest: Guests, uri: str) -> None:
    made = guest(REFERENCE, start=False)
    command = [sys.executable, "-c", STARTS, uri, made.domain.name]
    with ExitStack() as stack:
        rivals = [stack.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)) for _ in range(3)]
        for rival in rivals:
            stack.callback(rival.kill)
            assert rival.stdout is not None and rival.stdout.readline() == "ready\n"
        for rival in rivals:
            assert rival.stdin is not None
            rival.stdin.write("go\n")
            rival.stdin.flush()
        said = sorted(rival.communicate(timeout=30)[0].strip() for rival in rivals)
    assert said == ["InvalidStateError", "InvalidStateError", "started"]
    assert made.domain.state() is State.RUNNING
    assert made.tree().classes["1:1"].ceil == 1_024_000
    made.domain.stop()


def test_eight_threads_start_and_stop_eight_domains_at_once(guest: Guests) -> None:
    averages = range(100, 900, 100)
    made = [guest(f"<bandwidth><inbound average='{average}'/></bandwidth>", start=False) for average in averages]
    together = Barrier(8)

    def start(domain: Domain) -> None:
        together.wait()
        domain.start()

    def stop(domain: Domain) -> None:
        together.wait()
        domain.stop()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start, [each.domain for each in made]))
        assert [each.tree().classes["1:1"].ceil for each in made] == [average * 1000 for average in averages]
        list(threads.map(stop, [each.domain for each in made]))
    assert [each.domain.state() for each in made] == [State.SHUTOFF] * 8
    assert [each.ports() for each in made] == [[]] * 8


def test_of_updates_at_once_one_is_in_effect_and_told(guest: Guests) -> None:
    made = guest(REFERENCE)
    together = Barrier(6)

    def update(average: int) -> None:
        together.wait()
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=average)))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(update, range(100, 700, 100)))
    told = made.domain.bandwidth(made.mac)
    leaf = made.tree().classes["1:1"]
    assert told in [Bandwidth(inbound=Rate(average=average)) for average in range(100, 700, 100)]
    assert told == Bandwidth(inbound=Rate(average=leaf.rate // 1000))
    assert leaf.ceil == leaf.rate


def test_domains_are_listed_while_others_come_and_go(guest: Guests) -> None:
    lasting = guest(REFERENCE)
    passing = [
        Guest(guest.define(xml), macs, guest.lab, guest.testbed) for xml, macs in (guest.write() for _ in range(3))
    ]

    def come_and_go(domain: Domain) -> None:
        for _ in range(3):
            domain.start()
            domain.stop()

    with ThreadPoolExecutor(3) as threads:
        going = [threads.submit(come_and_go, each.domain) for each in passing]
        while not all(each.done() for each in going):
            states = {each.name: each.state() for each in guest.connection.domains()}
            assert states[lasting.domain.name] is State.RUNNING
            assert {each.domain.name for each in passing} <= states.keys()
        for each in going:
            each.result()
