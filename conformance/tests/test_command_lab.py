"""`vifkit-conformance lab`: what is there, at a terminal and without, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author
from terminals import environment, terminal

from vifkit_conformance.lab import until

pytestmark = pytest.mark.switch

LAB = ("vifkit-conformance", "lab")
NOBODY = 65534

LIMIT = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
SHAPED = f'echo "{LIMIT}" | netqos apply guest1 - >&2 && tc class show dev guest1'
CLASSES = """\
class htb 1:1 parent 1:fffe prio 0 rate 4096Kbit ceil 8192Kbit burst 32Kb cburst 32Kb
class htb 1:fffe root rate 8192Kbit ceil 8192Kbit burst 1499b cburst 1499b
"""

# Sends one word to the other guest, and prints what has arrived there.
TALK = """
guest2 python3 -c 'import socket; s = socket.create_server(("192.0.2.2", 7)); print(s.accept()[0].recv(9).decode())' &
guest1 python3 -c '
import socket, time
while True:
    try:
        socket.create_connection(("192.0.2.2", 7), timeout=5).sendall(b"hello")
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
'
wait
"""


@pytest.fixture
def home() -> Iterator[Author]:
    with author() as made:
        yield made


def run(home: Author, *command: str, said: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with a text for standard input, and without a terminal."""
    ended = subprocess.run(
        command,
        cwd=home.home,
        env=environment(home, **more),
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert home.left() == []
    return ended


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_a_command_finds_the_ports_and_its_status_is_passed_on(home: Author) -> None:
    ended = run(home, *LAB, "--", "sh", "-c", "ovs-vsctl list-ports br0 | sort; exit 7")
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "guest1\nguest2\n", "")


def test_a_bandwidth_is_applied_and_seen_in_the_kernel(home: Author) -> None:
    ended = run(home, *LAB, "sh", "-c", SHAPED)
    assert ended.returncode == 0, ended.stderr
    assert sorted(lines(ended.stdout)) == lines(CLASSES)


def test_netqos_speaks_to_the_lab_whatever_the_environment_says(home: Author) -> None:
    elsewhere = {"NETQOS_DB": "unix:/nowhere/db.sock", "NETQOS_NETNS": "/nowhere/netns", "OVS_RUNDIR": "/nowhere"}
    ended = run(home, *LAB, "netqos", "verify", **elsewhere)
    assert (ended.returncode, ended.stdout) == (0, "ports 3, with drift 0, foreign 0; leaked rows 0\n"), ended.stderr


def test_the_guests_reach_each_other(home: Author) -> None:
    ended = run(home, *LAB, "sh", "-c", TALK)
    assert (ended.returncode, ended.stdout) == (0, "hello\n"), ended.stderr


def test_without_a_terminal_the_shell_reads_a_script_and_there_is_no_welcome(home: Author) -> None:
    ended = run(home, *LAB, said="guest2 ip -brief address show dev eth0; exit 3")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "192.0.2.2/24" in ended.stdout
    assert len(ended.stdout.splitlines()) == 1


def test_a_command_that_is_not_there_is_told_in_one_line(home: Author) -> None:
    ended = run(home, *LAB, "--", "no-such-command")
    assert ended.returncode == 127
    assert ended.stderr == "vifkit-conformance: 'no-such-command': No such file or directory\n"


def test_a_pipe_whose_reader_has_left_ends_its_writer_in_silence(home: Author) -> None:
    ended = run(home, *LAB, "sh", "-c", "yes | head -n 1")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "y\n", "")


def test_what_runs_in_the_background_ends_with_the_command(home: Author) -> None:
    asleep = "[ $(cat /proc/[0-9]*/comm | grep -c sleep) = 2 ]"
    run(home, *LAB, "sh", "-c", f"sleep 1000 & guest1 setsid sleep 1000 >/dev/null 2>&1 & until {asleep}; do :; done")


def test_where_no_lab_can_be_had_one_line_says_so(home: Author) -> None:
    without_tun = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs lab /dev/net && exec "$@"', "sh")
    ended = run(home, *without_tun, *LAB, "--", "true")
    assert (ended.returncode, ended.stdout) == (3, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vifkit-conformance: /dev/net/tun: No such file or directory: ")


def test_an_ordinary_user_has_a_lab(home: Author, as_nobody: list[str]) -> None:
    for path in (home.home, home.temporary):
        os.chown(path, NOBODY, NOBODY)
    ended = run(home, *as_nobody, *LAB, "--", "sh", "-c", f"id -u; {SHAPED}; {TALK}")
    assert ended.returncode == 0, ended.stderr
    said = lines(ended.stdout)
    assert (said[0], sorted(said[1:3]), said[3:]) == ("0", lines(CLASSES), ["hello"])


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_at_a_terminal_the_shell_says_where_one_is(home: Author, shell: str) -> None:
    (home.home / ".bashrc").write_text("PS1='mine> '; PATH=/usr/bin:/bin\n")
    with terminal(home, *LAB, shell=shell) as shown:
        shown.shows("(lab) mine> " if shell == "/bin/bash" else "(lab) $ ")
        for part in ("br0", "guest1  192.0.2.1/24", "guest2  192.0.2.2/24", "netqos apply guest1 -"):
            assert part in shown.text
        shown.type("guest2 ip -brief address show dev eth0\n")
        shown.shows("192.0.2.2/24")
        shown.type("sleep 1000\n")
        time.sleep(0.3)
        shown.type("\x03")
        shown.shows("(lab) ")
        shown.type("echo status $?\n")
        shown.shows("status 130")
        shown.type("exit 5\n")
        assert shown.process.wait(20) == 5
    assert home.left() == []


def test_the_terminal_is_given_back(home: Author) -> None:
    with terminal(home, "sh", "-c", 'vifkit-conformance lab; read -r word; echo "read $word"') as shown:
        shown.shows("(lab) $ ")
        shown.type("kill -KILL $$\n")
        until(lambda: home.left() == ['sh -c vifkit-conformance lab; read -r word; echo "read $word" '], "it is gone")
        shown.type("this\n")
        shown.shows("read this")
        assert shown.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_nothing_is_left_when_it_is_killed(home: Author, number: signal.Signals) -> None:
    with terminal(home, *LAB) as shown:
        shown.shows("(lab) $ ")
        shown.type("sleep 1000 & guest1 nohup sleep 1000 & sleep 1000\n")
        until(lambda: sum("sleep 1000" in line for line in home.processes().values()) >= 3, "all of it runs")
        os.kill(shown.process.pid, number)
        until(lambda: home.left() == [], "all is gone")


def test_nothing_is_left_when_the_terminal_is_closed(home: Author) -> None:
    with terminal(home, *LAB) as shown:
        shown.shows("(lab) $ ")
        shown.type("nohup sleep 1000 >/dev/null 2>&1 &\n")
        until(lambda: any("sleep 1000" in line for line in home.processes().values()), "it runs")
        shown.hang_up()
        until(lambda: home.left() == [], "all is gone")
