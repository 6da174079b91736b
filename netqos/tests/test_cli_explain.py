import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netqos.cli import main

NETQOS = str(Path(sysconfig.get_path("scripts"), "netqos"))
REFERENCE = '<bandwidth><inbound average="512" peak="1024" burst="32"/></bandwidth>'
OWNER = {"ifname": "vnet0", "netqos": "average=512 peak=1024 burst=32"}
CONFIG = {"burst": "262144", "max-rate": "8192000", "min-rate": "4096000"}
LEAF = {
    "handle": "1:1",
    "parent": "1:fffe",
    "rate": 512000,
    "ceil": 1024000,
    "buffer": 1000000,
    "cbuffer": 500000,
    "quantum": 51200,
    "prio": 0,
    "level": 0,
    "mpu": 60,
}
TOP = {
    "handle": "1:fffe",
    "parent": "root",
    "rate": 1024000,
    "ceil": 1024000,
    "buffer": 22888,
    "cbuffer": 22888,
    "quantum": None,
    "prio": None,
    "level": 7,
    "mpu": 60,
}
DOMAIN = """<domain type='kvm'><name>g</name><devices>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><virtualport type='openvswitch'/><target dev='tap7'/>
 <mtu size='9000'/><bandwidth><inbound average='1' peak='1000'/></bandwidth></interface>
<interface type='network'/></devices></domain>"""


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def explain(xml: str, *options: str) -> Any:
    result = run("explain", "--json", *options, "-", stdin=xml)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refusal(result: Result) -> str:
    """The one line on standard error of a command that was refused and printed nothing else."""
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("netqos: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("netqos: ").rstrip("\n")


def test_the_reference_example_as_json() -> None:
    document = explain(REFERENCE)
    assert document == {
        "bandwidth": {"inbound": {"average": 512, "peak": 1024, "burst": 32, "floor": None}, "outbound": None},
        "rows": {
            "QoS": {"type": "linux-htb", "other_config": CONFIG, "external_ids": OWNER},
            "Queue": {"other_config": CONFIG, "external_ids": OWNER},
            "Interface": {"ingress_policing_rate": 0, "ingress_policing_burst": 0, "external_ids": {}},
        },
        "tc": {"qdisc": {"kind": "htb", "handle": "1:", "default": 1, "r2q": 10}, "classes": [TOP, LEAF]},
        "guaranteed_bps": 4096000,
        "limit_bps": 8192000,
        "findings": document["findings"],
    }
    assert [finding["code"] for finding in document["findings"]] == ["peak-is-the-limit"]


def test_the_order_of_the_keys_is_stable() -> None:
    (first, _) = explain(DOMAIN)
    keys = ["mac", "target", "bandwidth", "rows", "tc", "guaranteed_bps", "limit_bps", "findings"]
    assert list(first) == keys
    assert list(first["rows"]) == ["QoS", "Queue", "Interface"]
    assert list(first["tc"]["classes"][0]) == list(LEAF)


def test_outbound_becomes_policing() -> None:
    document = explain('<bandwidth><outbound average="100" burst="50"/></bandwidth>')
    assert document["bandwidth"]["outbound"] == {"average": 100, "peak": None, "burst": 50, "floor": None}
    assert document["rows"] == {
        "QoS": None,
        "Queue": None,
        "Interface": {
            "ingress_policing_rate": 800,
            "ingress_policing_burst": 400,
            "external_ids": {"netqos": "average=100 burst=50"},
        },
    }
    assert document["tc"] == {"qdisc": None, "classes": []}
    assert document["guaranteed_bps"] is document["limit_bps"] is None
    assert document["findings"] == []


def test_a_domain_gives_a_list_with_its_vifs() -> None:
    first, second = explain(DOMAIN)
    assert (first["mac"], first["target"]) == ("52:54:00:00:00:01", "tap7")
    assert first["rows"]["QoS"]["external_ids"]["ifname"] == "tap7"
    assert first["guaranteed_bps"] == 72000  # one packet of its MTU a second
    assert (second["mac"], second["target"], second["rows"]["QoS"]) == (None, None, None)
    assert second["bandwidth"] == {"inbound": None, "outbound": None}
    assert explain("<domain type='kvm'><name>g</name></domain>") == []


def test_an_interface_gives_one_object_and_is_judged_by_its_type() -> None:
    xml = "<interface type='direct'><bandwidth><inbound average='512'/></bandwidth></interface>"
    document = explain(xml)
    assert (document["mac"], document["target"]) == (None, None)
    assert [finding["code"] for finding in document["findings"]] == ["interface-unsupported"]


@pytest.mark.parametrize(("options", "bps"), [((), 72000), (("--mtu", "1500"), 12000), (("--mtu", "68"), 8000)])
def test_the_mtu_is_the_options_then_the_interfaces(options: tuple[str, ...], bps: int) -> None:
    assert explain(DOMAIN, *options)[0]["guaranteed_bps"] == bps


@pytest.mark.parametrize(
    ("options", "bps"),
    [((), 40_000_000_000), (("--ovs-version", "3.2.0"), 40_000_000_000), (("--ovs-version", "3.1"), 5_640_261_632)],
)
def test_rates_wrap_in_an_old_open_vswitch(options: tuple[str, ...], bps: int) -> None:
    document = explain('<bandwidth><inbound average="5000000"/></bandwidth>', *options)
    assert (document["guaranteed_bps"], document["limit_bps"]) == (bps, bps)
    assert ("rate-wraps" in str(document["findings"])) == (bps < 40_000_000_000)


def test_as_libvirt_an_average_alone_is_no_limit() -> None:
    document = explain('<bandwidth><inbound average="512"/></bandwidth>', "--as", "libvirt")
    assert document["rows"]["QoS"]["other_config"] == {"min-rate": "4096000"}
    assert document["rows"]["QoS"]["external_ids"] == {"ifname": "vnet0"}
    assert (document["guaranteed_bps"], document["limit_bps"]) == (4_096_000, 10_000_000_000)
    assert [finding["code"] for finding in document["findings"]] == ["no-limit"]


def test_tc_lines_are_those_of_the_real_tc() -> None:
    result = run("explain", "--tc", "-", stdin=REFERENCE)
    assert result.exit_code == 0
    assert result.stdout == (
        "class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit linklayer ethernet "
        "burst 32Kb/1 mpu 60b cburst 32Kb/1 mpu 60b level 0 \n"
        "class htb 1:fffe root rate 8192Kbit ceil 8192Kbit linklayer ethernet "
        "burst 1499b/1 mpu 60b cburst 1499b/1 mpu 60b level 7 \n"
    )


def test_beside_tc_lines_the_findings_go_to_standard_error() -> None:
    result = run("explain", "--tc", "--strict", "-", stdin=REFERENCE)
    assert result.exit_code == 1
    assert result.stderr.startswith("netqos: vnet0: peak-is-the-limit: ") and result.stderr.count("\n") == 1


def test_without_a_limit_tc_would_print_nothing() -> None:
    assert run("explain", "--tc", "-", stdin="<bandwidth/>").stdout == ""


def test_the_text_tells_rows_tree_guest_and_findings_on_lines_that_are_not_wrapped() -> None:
    result = run("explain", "-", stdin=REFERENCE)
    assert result.exit_code == 0 and "\x1b" not in result.stdout
    assert result.stdout == (
        "inbound:  average 512 kB/s, peak 1024 kB/s, burst 32 KiB\n"
        "outbound: no limit\n"
        "Open vSwitch rows\n"
        "  QoS        type=linux-htb\n"
        "             other_config: burst=262144 max-rate=8192000 min-rate=4096000\n"
        '             external_ids: ifname=vnet0 netqos="average=512 peak=1024 burst=32"\n'
        "  Queue 0    other_config: burst=262144 max-rate=8192000 min-rate=4096000\n"
        '             external_ids: ifname=vnet0 netqos="average=512 peak=1024 burst=32"\n'
        "  Interface  ingress_policing_rate=0\n"
        "             ingress_policing_burst=0\n"
        "tc tree that Open vSwitch 3.5 makes for an MTU of 1500 bytes\n"
        "  qdisc htb 1: default 1 r2q 10\n"
        "  └── class 1:fffe  rate 8.192 Mbit/s  ceil 8.192 Mbit/s  buffer 22888  cbuffer 22888 ticks\n"
        "      └── class 1:1  rate 4.096 Mbit/s  ceil 8.192 Mbit/s  buffer 1000000  cbuffer 500000 ticks"
        "  quantum 51200  prio 0\n"
        "The guest\n"
        "  is guaranteed  4.096 Mbit/s (4096000 bit/s)\n"
        "  can reach      8.192 Mbit/s (8192000 bit/s)\n"
        "  can send       all that the link carries\n"
        "Findings\n"
        "  peak-is-the-limit  the parent class lets the guest receive 1024 kB/s for ever; 512 kB/s is only what it "
        "is guaranteed when others compete\n"
    )


def test_the_text_of_a_domain_names_its_interfaces() -> None:
    lines = run("explain", "-", stdin=DOMAIN).stdout.splitlines()
    assert lines[0] == "bridge interface tap7 52:54:00:00:00:01"
    assert "network interface" in lines
    assert "  can receive  all that the link carries" in lines


def test_strict_makes_findings_a_failure() -> None:
    assert run("explain", "--strict", "-", stdin=REFERENCE).exit_code == 1
    assert run("explain", "--strict", "-", stdin=REFERENCE.replace("1024", "512")).exit_code == 0


def test_a_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "bandwidth.xml").write_text(REFERENCE)
    assert run("explain", str(tmp_path / "bandwidth.xml")).exit_code == 0


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ('<inbound average="-1"/>', "average '-1': 1 to 20 digits are needed, and nothing else (in bandwidth)"),
        ('<inbound average="1.5"/>', "average '1.5': 1 to 20 digits"),
        ('<inbound average="0x10"/>', "average '0x10': 1 to 20 digits"),
        ('<inbound average=""/>', "average '': 1 to 20 digits"),
        ('<inbound average="18446744073709551616"/>', "average "),
        ('<inbound average="NaN"/>', "average 'NaN': 1 to 20 digits"),
        ('<inbound average="1,000"/>', "average '1,000': 1 to 20 digits"),
        ('<inbound average="1_000"/>', "average '1_000': 1 to 20 digits"),
        ('<inbound average="1 000"/>', "average '1 000': 1 to 20 digits"),
        ('<inbound peak="1"/>', "peak 1: a peak needs an average"),
        ('<inbound burst="1"/>', "burst 1: a burst needs an average"),
        ("<inbound/>", "average None: an average is needed"),
        ('<outbound average="1" floor="1"/>', "floor 1: a floor is for inbound only"),
        ('<inbound average="1"/><inbound average="1"/>', "bandwidth/inbound[2]: only one is allowed"),
        ("<upbound/>", "bandwidth: unknown element 'upbound'"),
        ('<inbound average="1" peek="2"/>', "bandwidth/inbound: unknown attribute 'peek'"),
        ("text", "bandwidth: unexpected text 'text'"),
    ],
)
def test_a_bad_bandwidth_is_refused_in_one_line(rate: str, said: str) -> None:
    assert refusal(run("explain", "-", stdin=f"<bandwidth>{rate}</bandwidth>")).startswith(f"-: {said}")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not well-formed XML: "),
        (b"average=512", "not well-formed XML: "),
        (b"<bandwidth>", "not well-formed XML: "),
        (b"<bandwidth>\xff</bandwidth>", "not well-formed XML: "),
        (b"\x7fELF\x00\x00", "a null byte is not allowed"),
        (b"<network/>", "the root must be <domain> or <interface> or <bandwidth>, not 'network'"),
        (b"<bandwidth>" + b" " * 10_000_000 + b"</bandwidth>", "more than 1048576 bytes are not read"),
        (b"<a>" * 100 + b"</a>" * 100, "elements are nested more than 64 deep"),
        (
            b'<!DOCTYPE bandwidth [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><bandwidth>&b;</bandwidth>',
            "a DOCTYPE is not allowed",
        ),
        (
            b'<!DOCTYPE bandwidth [<!ENTITY a SYSTEM "file:///etc/passwd">]><bandwidth>&a;</bandwidth>',
            "a DOCTYPE is not allowed",
        ),
    ],
    ids=["empty", "text", "cut", "latin", "binary", "network", "large", "deep", "bomb", "external"],
)
def test_a_bad_document_is_refused_in_one_line(document: bytes, said: str) -> None:
    assert refusal(run("explain", "-", stdin=document)).startswith(f"-: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'FILE'."),
        (("--mtu", "67", "-"), "Invalid value for '--mtu': 67 is not in the range 68<=x<=65535."),
        (("--mtu", "65536", "-"), "Invalid value for '--mtu': 65536 is not in the range 68<=x<=65535."),
        (("--ovs-version", "3", "-"), "Invalid value for '--ovs-version': '3' is not X.Y or X.Y.Z"),
        (("--ovs-version", "3.1.", "-"), "Invalid value for '--ovs-version': '3.1.' is not X.Y or X.Y.Z"),
        (("--ovs-version", "3.1.0.1", "-"), "Invalid value for '--ovs-version': '3.1.0.1' is not X.Y or X.Y.Z"),
        (("--ovs-version", "3.1-rc", "-"), "Invalid value for '--ovs-version': '3.1-rc' is not X.Y or X.Y.Z"),
        (("--tc", "--json", "-"), "--tc and --json exclude each other"),
        (("/",), "/: Is a directory"),
        (("/nowhere/at.xml",), "/nowhere/at.xml: No such file or directory"),
    ],
)
def test_bad_usage_is_refused_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    assert refusal(run("explain", *arguments)) == said


def test_a_file_that_may_not_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.touch(0)
    # Root may read all, and loses that right here.
    without_rights = (
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot"] if not os.getuid() else []
    )
    ended = subprocess.run([*without_rights, NETQOS, "explain", secret], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, f"netqos: {secret}: Permission denied\n")


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], *([name, "-h"] for name in main.commands)])
def test_help_is_there_for_every_command_with_examples(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ") and "Example" in result.stdout


def test_the_version_is_told() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, "netqos 0.1.0\n")


def test_without_a_command_the_help_goes_to_standard_error() -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: netqos") or result.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nonsense"], "No such command 'nonsense'."), (["--nonsense"], "No such option '--nonsense'.")],
)
def test_an_unknown_command_or_option_is_refused(arguments: list[str], said: str) -> None:
    assert refusal(run(*arguments)).replace(": -", " '-").startswith(said.split(" '", maxsplit=1)[0])


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = "{'rich', 'ovs', 'ovsdbapp', 'netqos.ovsdb', 'netqos.kernel', 'ctypes', 'logging'}"
    program = f"import netqos.cli, sys; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("options", [[], ["--json"], ["--tc"]])
def test_a_reader_that_left_ends_it_in_silence(options: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        ended = subprocess.run(
            [NETQOS, "explain", *options, "-"],
            input=REFERENCE.encode(),
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told_in_one_line(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [NETQOS, "explain", "-"],
            input=REFERENCE.encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (2, b"netqos: cannot go on: No space left on device\n")


def test_the_exit_code_holds_where_nothing_can_be_said() -> None:
    with Path("/dev/full").open("wb") as full:
        assert subprocess.run([NETQOS, "explain", "/nowhere.xml"], stderr=full, check=False).returncode == 2


def test_an_interrupt_ends_it_without_a_traceback() -> None:
    with subprocess.Popen(
        [NETQOS, "explain", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert (process.returncode, stderr.strip()) == (130, b"")


def _wait_until_it_reads(pid: int) -> None:
    """Wait until a process waits for its standard input, that is for a pipe."""
    for _ in range(1000):
        if (
            b"pipe" in Path(f"/proc/{pid}/wchan").read_bytes()
            and Path(f"/proc/{pid}/syscall").read_text()[:4] == "0 0x"
        ):
            return
        time.sleep(0.01)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_stream_of_any_encoding_takes_the_answer(encoding: str) -> None:
    bandwidth = "<bandwidth><inbound average='1'/></bandwidth>"
    xml = f"<interface type='bridge'><target dev='vn\u00e9t\u2603'/>{bandwidth}</interface>"
    ended = subprocess.run(
        [NETQOS, "explain", "-"],
        input=xml.encode(),
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"class 1:1" in ended.stdout


def test_colour_is_for_terminals_that_want_it() -> None:
    plain, coloured = _on_a_terminal(NO_COLOR="1"), _on_a_terminal()
    assert "class 1:1" in plain and "\x1b[36m" not in plain
    assert "\x1b[36m" in coloured


def _on_a_terminal(**extra: str) -> str:
    controller, terminal = os.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    with os.fdopen(controller, "rb", buffering=0) as screen:
        subprocess.run(
            [NETQOS, "explain", "-"],
            input=REFERENCE.encode(),
            stdout=terminal,
            env=kept | {"TERM": "xterm-256color", "COLUMNS": "100"} | extra,
            check=True,
        )
        os.close(terminal)
        shown = b""
        try:
            while chunk := screen.read(65536):
                shown += chunk
        except OSError:  # the other end is closed, and all is read
            pass
    return shown.decode()
