"""The suite judged: it judges a driver on a host that it reaches by ssh alone, and touches nothing of others there."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broken import MISTAKES
from broken.hypervisor import Hypervisor, hypervisor
from broken.judging import Author, Judgement, author

GOLDEN = "test_the_tree_is_that_of_the_golden_case[reference]"
UPDATE = "test_a_dropped_peak_is_gone"
NEEDS_A_LAB = "test_a_restart_of_ovsdb_server_is_survived"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


def judge(home: Author, there: Hypervisor, *arguments: str, hosts: str = "") -> Judgement:
    where = (f"--hosts={hosts or there.hosts}", f"--driver-uri={there.driver_uri}")
    return home.judge(*where, *arguments, prefix=there.prefix)


def own(there: Hypervisor) -> set[tuple[str, str]]:
    """List what is there, without the pins of whom else this mount namespace is."""
    directory = str(there.lab.directory)
    return {(kind, name) for kind, name in there.lab.things() if kind != "namespace" or name.startswith(directory)}


def refused(home: Author, there: Hypervisor, *arguments: str, hosts: str = "") -> str:
    """Give the one line in which a run was refused, before a test was collected."""
    judged = judge(home, there, "--driver=netns", *arguments, hosts=hosts)
    assert judged.status == pytest.ExitCode.USAGE_ERROR, judged.text
    assert home.left() == []
    (line,) = judged.text.strip().splitlines()
    return line.removeprefix("ERROR: ")


@pytest.mark.switch
def test_a_driver_is_judged_on_a_host_by_ssh(home: Author, there: Hypervisor) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver")
    before = own(there)
    judged = judge(home, there, *(f"test_driver.py::{test}" for test in (GOLDEN, UPDATE, NEEDS_A_LAB)))
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert judged.words == {GOLDEN: "passed", UPDATE: "passed", NEEDS_A_LAB: "skipped"}
    assert judged.outcomes[NEEDS_A_LAB].said.startswith("it needs a lab")
    assert re.search(r"^resilience +not run +1 not judged", judged.text, re.MULTILINE)
    assert own(there) == before
    assert home.left() == []


@pytest.mark.switch
def test_the_header_names_the_host_and_its_versions(home: Author, there: Hypervisor) -> None:
    judged = judge(
        home, there, "--driver=netns", "--collect-only", "-q", "--no-header", "--pyargs", "vifkit_conformance"
    )
    assert "vifkit: driver" not in judged.text
    judged = judge(home, there, "--driver=netns", "--co", "--pyargs", "vifkit_conformance.suite.test_warnings")
    version = re.escape(there.lab.ovs.version)
    said = (
        rf"vifkit: driver netns at ssh://root@192.0.2.1:2222 \(vifkit-netns .*\), .*, Open vSwitch {version}, iproute2 "
    )
    assert re.search(said, judged.text), judged.text
    assert str(there.ssh.directory) not in judged.text


@pytest.mark.switch
@pytest.mark.parametrize("name", ["BurstOf1000", "LeaksRows", "LeavesThePort"])
def test_a_broken_driver_is_caught_there(home: Author, there: Hypervisor, name: str) -> None:
    mistake = MISTAKES[name]
    home.write(mistake.driver.__module__, name)
    there.lab.host.run("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1")
    there.lab.ovs.vsctl(
        "add-port", "br0", "other0", "--", "set", "Interface", "other0", "external_ids:attached-mac=52:54:00:00:00:01"
    )
    try:
        judged = judge(home, there, f"test_driver.py::{mistake.test}")
        assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
        assert judged.words == {mistake.test: "failed"}
        assert mistake.says in judged.outcomes[mistake.test].said
        # A port of the suite's is taken away; rows might be anybody's, and are only told.
        assert {row["name"] for row in there.lab.rows("Port", "name")} == {"br0", "other0"}
        assert bool(there.lab.rows("QoS")) is (name == "LeaksRows")
        if name == "LeaksRows":
            assert "left behind: QoS " in judged.outcomes[mistake.test].left
    finally:
        there.lab.host.run("ip", "link", "delete", "other0")
        there.lab.ovs.vsctl("del-port", "other0", "--", "--all", "destroy", "QoS", "--", "--all", "destroy", "Queue")


@pytest.mark.switch
def test_a_host_that_is_not_reached_is_told_in_one_line(home: Author, there: Hypervisor) -> None:
    closed = there.hosts.replace(":2222", ":2223")
    assert refused(home, there, hosts=closed) == (
        "--hosts: ssh://root@192.0.2.1:2223: ssh: connect to host 192.0.2.1 port 2223: Connection refused"
    )
    stranger = there.hosts.replace(str(there.ssh.keyfile), str(there.ssh.directory / "stranger"))
    assert refused(home, there, hosts=stranger).endswith("root@192.0.2.1: Permission denied (publickey).")
    unknown = there.ssh.config(there.ssh.knowing("nobody"))
    suspect = there.hosts.replace(str(there.ssh.config(there.ssh.known_hosts)), str(unknown))
    assert refused(home, there, hosts=suspect) == "--hosts: ssh://root@192.0.2.1:2222: Host key verification failed."


@pytest.mark.switch
@pytest.mark.parametrize(
    ("arguments", "hosts", "said"),
    [
        ((), "ssh://a,ssh://b", "--hosts ssh://a,ssh://b: a driver is judged on one host at a time"),
        ((), "carrier://pigeon", "--hosts: carrier://pigeon: Unknown connection type 'carrier'"),
        (("-n2",), "", ": workers would take each other's work for left behind: use one"),
    ],
    ids=["two-hosts", "unknown-way", "two-workers"],
)
def test_what_cannot_be_is_refused_in_one_line(
    home: Author, there: Hypervisor, arguments: tuple[str, ...], hosts: str, said: str
) -> None:
    assert refused(home, there, *arguments, hosts=hosts).endswith(said)


def test_a_host_without_a_uri_is_refused(home: Author) -> None:
    judged = home.judge("--hosts=ssh://nobody", "--driver=netns")
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert judged.text.strip() == "ERROR: --hosts ssh://nobody: say by --driver-uri where the driver connects"


@pytest.mark.switch
@pytest.mark.usefixtures("sshd_lets_in")
def test_a_host_that_lacks_what_it_needs_is_told_so(home: Author) -> None:
    with hypervisor(lacks=["/usr/sbin/tc", "/usr/bin/ovs-vsctl"]) as bare:
        assert refused(home, bare) == "--hosts: ssh://root@192.0.2.1:2222: there is no ovs-vsctl and no tc"
    with hypervisor(bridge="other0") as other:
        assert refused(home, other) == (
            "--hosts: ssh://root@192.0.2.1:2222: there is no bridge br0: add one for the tests, by ovs-vsctl add-br br0"
        )


def test_without_a_driver_the_option_is_testinfras_own(home: Author) -> None:
    (home.home / "test_other.py").write_text("def test_other(host):\n    assert host.run('true').rc == 0\n")
    judged = home.judge("--hosts=local://", "test_other.py")
    assert judged.status == pytest.ExitCode.OK, judged.text


def test_without_testinfra_the_option_says_what_to_install(home: Author) -> None:
    (home.home / "without.py").write_text("import sys\nsys.modules['testinfra'] = None\n", encoding="utf-8")
    without = ("-p", "without", "-p", "no:pytest11.testinfra")
    judged = home.judge(*without, "--hosts=ssh://nobody", "--driver=netns", "--driver-uri=netns:///nowhere")
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert judged.text.strip() == "ERROR: --hosts needs testinfra: install vifkit-conformance[hosts]"
