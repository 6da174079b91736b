"""What a person at a terminal sees: below a failure, and while nothing else is told."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from vifkit_conformance.report.seen import shown

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author
from reports import MEASURED, ROWS, XML, compared, tree

NOBODY = 65534

SLOW = """
import time
from contextlib import contextmanager
from vifkit_netns.testbed import NetnsTestbed

class Slow(NetnsTestbed):
    @contextmanager
    def boot(self, lab):
        time.sleep(1.5)
        with super().boot(lab) as uri:
            yield uri
        time.sleep(1.5)
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


def test_what_was_seen_is_shown_with_what_differs() -> None:
    seen = [XML, compared("class 1:1 has buffer 47729, and not 1000000", buffer=47729, prio=1), ROWS]
    assert shown(seen).splitlines() == [
        '  <interface type="bridge">',
        "    <bandwidth>",
        '      <inbound average="512" peak="1024" burst="32"/>',
        "    </bandwidth>",
        "  </interface>",
        "port vif0",
        "  qos: linux-htb max-rate=8192000 vm-id=7",
        "  queue: max-rate=8192000 vm-id=7",
        "  policing: 0 kbit/s, burst 0 kbit",
        "tree                            wanted            live",
        "  qdisc",
        "    kind                           htb             htb",
        "  class 1:fffe",
        "    rate    bytes/s            1024000         1024000",
        "    ceil    bytes/s            1024000         1024000",
        "    buffer  ticks                22888           22888",
        "    cbuffer ticks                22888           22888",
        "  class 1:1",
        "    rate    bytes/s             512000          512000",
        "    ceil    bytes/s            1024000         1024000",
        "    buffer  ticks              1000000           47729  <- differs",
        "    cbuffer ticks               500000          500000",
        "    quantum bytes                51200           51200",
        "    prio                             0               1  <- differs",
        "first difference: class 1:1 has buffer 47729, and not 1000000",
    ]


def test_the_tree_that_differs_is_shown_and_not_the_last() -> None:
    live: dict[str, Any] = {"kind": "tree", "wanted": None, "live": tree(rate=7), "differences": []}
    text = shown([compared("class 1:1 has rate 6, and not 512000", rate=6), live])
    assert "first difference: class 1:1 has rate 6, and not 512000" in text
    assert "7" not in text.replace("1024000", "")


def test_a_measurement_is_told_in_a_line() -> None:
    assert shown([MEASURED]) == (
        "received by the guest: 8 Mbit/s to 8.2 Mbit/s, average 4.096 Mbit/s, peak 8.192 Mbit/s, offered\n"
        "    16.38 Mbit/s"
    )


def test_where_nothing_was_seen_nothing_is_shown() -> None:
    assert shown([]) == shown([{"kind": "refused", "capability": "floor"}]) == ""


def test_many_vifs_do_not_fill_the_screen() -> None:
    many = {**XML, "text": XML["text"].replace("</devices>", "<interface/>" * 100 + "</devices>")}
    lines = shown([many, ROWS, many, compared("a", rate=1), ROWS, compared("b", rate=2), MEASURED]).splitlines()
    assert len(lines) < 40
    assert "  ... 93 lines more" in lines


def judge_slowly(home: Author, stdout: int, prefix: Sequence[str] = ()) -> None:
    (home.home / "slow.py").write_text(SLOW, encoding="utf-8")
    about = home.home / "slow-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[vifkit.testbeds]\nslow = slow:Slow\n", encoding="utf-8")
    words = (
        "--driver=netns",
        "--testbed=slow",
        "--vifkit-report=report",
        "--pyargs",
        "vifkit_conformance.suite",
        "-k",
        "version_names",
    )
    subprocess.run(
        [*prefix, *home.command("--require-environment", *words)],
        cwd=home.home,
        env=home.environment,
        stdout=stdout,
        stderr=stdout,
        check=True,
        timeout=60,
    )


@pytest.mark.switch
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_testbed_that_boots_slowly_shows_a_sign_of_life_on_a_terminal(
    request: pytest.FixtureRequest, home: Author, user: str
) -> None:
    # Who has to enter a user namespace first must not have a thread by then.
    prefix = request.getfixturevalue("as_nobody") if user == "nobody" else ()
    if prefix:
        for path in (home.home, home.temporary):
            os.chown(path, NOBODY, NOBODY)
    ours, theirs = pty.openpty()
    try:
        judge_slowly(home, theirs, prefix)
    finally:
        os.close(theirs)
    text = ""
    with suppress(OSError):  # a terminal ends in an error
        while said := os.read(ours, 1 << 16):
            text += said.decode()
    os.close(ours)
    assert f"report: {home.home}/report/report.html" in text
    assert text.count("vifkit: booting slow; the first tests wait for it") == 1
    assert text.count("vifkit: waiting for the last tests, and for slow to end") == 1
    assert home.left() == []


@pytest.mark.switch
def test_in_a_pipe_there_is_no_sign_of_life(home: Author) -> None:
    with (home.home / "said").open("wb") as file:
        judge_slowly(home, file.fileno())
    text = (home.home / "said").read_text(encoding="utf-8")
    assert "1 passed" in text
    assert "booting" not in text and "waiting" not in text
