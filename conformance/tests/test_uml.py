"""A full kernel by `vifkit-conformance uml` and `--lab uml`: what comes out, what ends it, and that nothing stays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author
from terminals import environment, terminal

from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import LabUnavailableError, until
from vifkit_conformance.uml import installed

UML = ("vifkit-conformance", "uml")
NOBODY = 65534

# Run in a mount namespace of the test's own, which only root can make.
HIDDEN = ("unshare", "--mount", "sh", "-c")

CANNOT_BE_ROOT = "only root can hide what is installed"


@pytest.fixture
def home() -> Iterator[Author]:
    with author() as made:
        yield made
        assert made.left() == []


@pytest.fixture
def kernel(request: pytest.FixtureRequest) -> None:
    """Skip where there is none to be had, or fail where it is required."""
    try:
        installed.find()
    except LabUnavailableError as error:
        lacking(request.config, str(error))


@pytest.fixture
def root() -> None:
    if os.geteuid():
        pytest.skip(CANNOT_BE_ROOT)


def run(home: Author, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=home.home,
        env=environment(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


@pytest.mark.uml
@pytest.mark.usefixtures("kernel")
class TestInAFullKernel:
    """Each boots one."""

    def test_a_command_has_our_folder_environment_and_outputs_and_gives_its_status(self, home: Author) -> None:
        script = 'echo "$(pwd) $WORD $(id -u)"; echo aside >&2; [ -t 1 ] || echo plain; exit 7'
        ended = run(home, *UML, "--", "sh", "-c", script, WORD="two  words")
        assert (ended.returncode, ended.stdout, ended.stderr) == (7, f"{home.home} two  words 0\nplain\n", "aside\n")

    def test_all_that_is_printed_comes_out(self, home: Author) -> None:
        ended = run(home, *UML, "--", "sh", "-c", "seq 200000")
        assert ended.stdout.splitlines() == [str(number) for number in range(1, 200_001)]

    def test_what_is_written_is_lost_but_in_a_window(self, home: Author) -> None:
        window = home.home / "a" / "window"
        script = "echo kept >a/window/file && echo lost >other && cat a/window/file other"
        ended = run(home, *UML, "--window", "a/window", "--", "sh", "-c", script)
        assert (ended.returncode, ended.stdout) == (0, "kept\nlost\n"), ended.stderr
        assert (window / "file").read_text() == "kept\n"
        assert not (home.home / "other").exists()

    def test_it_has_what_open_vswitch_asks_of_a_kernel(self, home: Author) -> None:
        script = """
            ip link add one type veth peer two && tc qdisc add dev one ingress &&
            tc filter add dev one parent ffff: matchall action police rate 1mbit burst 10k conform-exceed drop &&
            tc filter show dev one ingress | grep -o 'rate 1Mbit' && ip tuntap add three mode tap &&
            tc qdisc add dev three root sfq && modprobe openvswitch && grep -c ^openvswitch /proc/modules
        """
        ended = run(home, *UML, "--", "sh", "-c", script)
        assert ended.stdout.splitlines()[0] == "rate 1Mbit", ended.stderr
        assert ended.stdout.splitlines()[-1] == "1"

    def test_the_suite_reports_from_it(self, home: Author) -> None:
        home.write("vifkit_netns.driver", "NetnsDriver")
        test = "test_driver.py::test_outbound_becomes_policing"
        options = ("--lab=uml", "--vifkit-report=report", "--junit-xml=out/junit.xml", "-p", "no:cacheprovider")
        ended = run(home, sys.executable, "-m", "pytest", *options, "--driver=netns", test)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "(user-mode), datapath netdev" in ended.stdout
        assert "1 passed" in ended.stdout
        assert 'tests="1"' in (home.home / "out" / "junit.xml").read_text()
        assert (home.home / "report" / "report.html").stat().st_size > 10_000

    def test_a_failing_suite_fails(self, home: Author) -> None:
        (home.home / "test_it.py").write_text("def test_it():\n    assert open('/proc/uptime').read() == ''\n")
        ended = run(home, sys.executable, "-m", "pytest", "--lab=uml", "test_it.py")
        assert ended.returncode == pytest.ExitCode.TESTS_FAILED
        assert "1 failed" in ended.stdout

    def test_a_time_limit_ends_it(self, home: Author) -> None:
        began = time.monotonic()
        ended = run(home, *UML, "--time-limit", "3", "--", "sh", "-c", "sleep 1000 & sleep 1000")
        assert time.monotonic() - began < 20
        assert ended.returncode == 124
        assert ended.stderr == "vifkit-conformance: after 3 s the full kernel was ended, with its command\n"

    def test_several_run_at_once(self, home: Author) -> None:
        def one(number: int) -> str:
            return run(home, *UML, "--memory", "256", "--", "sh", "-c", f"sleep 1; echo {number}").stdout

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(one, range(3))) == ["0\n", "1\n", "2\n"]

    def test_a_panic_is_told_in_one_line(self, home: Author) -> None:
        ended = run(home, *UML, "--", "sh", "-c", "echo c >/proc/sysrq-trigger")
        assert ended.returncode == 3
        (line,) = ended.stderr.splitlines()
        assert line.startswith(
            "vifkit-conformance: the full kernel was ended by SIGABRT before its command did: Kernel panic"
        )

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_nothing_is_left_when_its_owner_is_killed(self, home: Author, number: signal.Signals) -> None:
        where = home.home / "window"
        script = "echo up >window/up; sleep 1000"
        owner = subprocess.Popen(
            [*UML, "--window", "window", "--", "sh", "-c", script], cwd=home.home, env=environment(home)
        )
        until((where / "up").exists, "its command runs", 30)
        owner.send_signal(number)
        owner.wait(10)
        until(lambda: home.left() == [], "all is gone")

    def test_at_a_terminal_it_is_one(self, home: Author) -> None:
        with terminal(home, *UML) as shown:
            shown.shows("# ")
            shown.type("tty; stty size; sleep 1000\n")
            shown.shows("/dev/ttyS0")
            time.sleep(0.3)
            shown.type("\x03")
            shown.shows("# ")
            shown.type("exit 5\n")
            assert shown.process.wait(20) == 5

    def test_an_ordinary_user_has_one(self, home: Author, as_nobody: list[str]) -> None:
        for path in (home.home, home.temporary):
            os.chown(path, NOBODY, NOBODY)
        script = "id -u && vifkit-conformance lab -- ovs-vsctl list-ports br0 && echo mine >window/file"
        ended = run(home, *as_nobody, *UML, "--window", "window", "--", "sh", "-c", script)
        assert (ended.returncode, ended.stdout.split()) == (0, ["0", "guest1", "guest2"]), ended.stderr
        assert (home.home / "window" / "file").stat().st_uid == NOBODY

    @pytest.mark.usefixtures("root")
    def test_a_module_that_is_missing_is_told(self, home: Author) -> None:
        hide = f'mount -t tmpfs none "$(echo {installed.MODULES}/*)/kernel/fs/overlayfs" && exec "$@"'
        ended = run(home, *HIDDEN, hide, "sh", *UML, "--", "true")
        assert ended.returncode == 3
        (line,) = ended.stderr.splitlines()
        assert line.startswith("vifkit-conformance: the full kernel cannot begin: Linux ")
        assert "has no overlay file system" in line

    @pytest.mark.usefixtures("root")
    @pytest.mark.parametrize("options", ["size=1m", "ro", "noexec"])
    def test_memory_goes_elsewhere_where_shared_memory_cannot_take_it(self, home: Author, options: str) -> None:
        hide = f'mount -t tmpfs -o {options} none /dev/shm && exec "$@"'
        ended = run(home, *HIDDEN, hide, "sh", *UML, "--memory", "256", "--", "echo", "up")
        assert (ended.returncode, ended.stdout) == (0, "up\n"), ended.stderr

    @pytest.mark.usefixtures("root")
    def test_without_a_place_for_its_memory_one_line_says_so(self, home: Author) -> None:
        hide = 'mount -t tmpfs -o size=1m none /dev/shm && mount -t tmpfs -o size=1m none "$TMPDIR" && exec "$@"'
        ended = run(home, *HIDDEN, hide, "sh", *UML, "--", "true")
        assert ended.returncode == 3
        (line,) = ended.stderr.splitlines()
        assert line.startswith("vifkit-conformance: no place for 2048 MiB of memory: /dev/shm has 1 MiB left, ")


def test_without_the_package_one_line_says_how_to_get_it(home: Author) -> None:
    programs = home.home / "bin"
    programs.mkdir()
    for name in ("vifkit-conformance", "sh"):
        found = Path(sys.executable).with_name(name) if name != "sh" else Path("/bin/sh")
        (programs / name).symlink_to(found)
    code = (
        "import sys; from vifkit_conformance.lab import binaries; binaries._ADMINISTRATORS_PATH = '/nowhere';"
        "from vifkit_conformance.cli import main; main(['uml', '--', 'true'])"
    )
    ended = run(home, sys.executable, "-c", code, PATH=str(programs))
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "vifkit-conformance: linux.uml is not installed: install the package user-mode-linux\n"


def test_a_suite_cannot_be_here_and_there(home: Author) -> None:
    ended = run(home, sys.executable, "-m", "pytest", "--lab=uml", "--hosts=ssh://root@192.0.2.1")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --lab uml and --hosts: the suite is run in a full kernel, or looks at a host" in ended.stderr
