import json
from pathlib import Path
from typing import Any

import pytest
from shared.cli import REFERENCE, refusal, run

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


def explain(xml: str, *options: str) -> Any:
    result = run("explain", "--json", *options, "-", stdin=xml)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_reference_example_as_json() -> None:
    document = explain(REFERENCE)
    assert document == {
        "bandwidth": {"inbound": {"average": 512, "peak": 1024, "burst": 32, "floor": None}, "outbound": None},
        "rows": {
            "QoS": {"type": "linux-htb", "other_config": CONFIG, "external_ids": OWNER},
            "Queue": {"other_config": CONFIG, "external_ids": OWNER},
            "Interface": {"ingress_policing_rate": 0, "ingress_policing_burst": 0, "external_ids": {}},
        },
        "tc": {
            "qdisc": {"kind": "htb", "handle": "1:", "default": 1, "r2q": 10},
            "classes": [TOP, LEAF],
            "filter": None,
        },
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
    assert document["tc"] == {
        "qdisc": None,
        "classes": [],
        "filter": {
            "kind": "matchall",
            "pref": 1,
            "handle": 1,
            "actions": [
                {
                    "rate": 100000,
                    "burst": 8000000,
                    "mtu": 65535,
                    "mpu": 60,
                    "peakrate": 0,
                    "pkts_rate": 0,
                    "pkts_burst": 0,
                    "exceed": "drop",
                    "conform": "continue",
                }
            ],
        },
    }
    assert document["guaranteed_bps"] is document["limit_bps"] is None
    assert document["findings"] == []


def test_the_filter_is_drawn_below_the_tree() -> None:
    shown = run("explain", "-", stdin='<bandwidth><outbound average="512" burst="32"/></bandwidth>').stdout
    assert (
        "  no classes: the device's own qdisc stays\n"
        "  qdisc ingress ffff:\n"
        "  └── filter matchall pref 1\n"
        "      └── police  rate 4.096 Mbit/s  burst 1000000 ticks  mtu 65535  exceed drop  conform continue\n"
        "The guest\n"
        "  can receive  all that the link carries\n"
        "  can send     4.096 Mbit/s (4096000 bit/s), bursts of 32768 bytes\n"
    ) in shown


def test_the_filter_follows_the_classes_in_tcs_own_words() -> None:
    xml = '<bandwidth><inbound average="512"/><outbound average="512" burst="32"/></bandwidth>'
    result = run("explain", "--tc", "--ovs-version", "3.1", "-", stdin=xml)
    assert result.stdout.count("class htb") == 2
    assert result.stdout.endswith(  # as `tc -d filter show dev … ingress` has printed it, but for the action's number
        "filter protocol all pref 1 matchall chain 0 \nfilter protocol all pref 1 matchall chain 0 handle 0x1 \n"
        "  not_in_hw\n\taction order 1:  police 0x1 rate 4096Kbit burst 32Kb mtu 64Kb action drop/continue "
        "overhead 0b linklayer unspec \n\tref 1 bind 1 \n\n"
    )


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("2.15", " police 0x1 rate 4096Kbit burst 32Kb mtu 64Kb action drop "),
        ("2.16.0", "\taction order 1:  police 0x1 "),
    ],
)
def test_an_old_open_vswitch_takes_basic_and_tc_says_so(version: str, line: str) -> None:
    xml = '<bandwidth><outbound average="512" burst="32"/></bandwidth>'
    shown = run("explain", "--tc", "--ovs-version", version, "-", stdin=xml).stdout.splitlines()
    assert shown[:2] == [
        "filter protocol all pref 49 basic chain 0 ",
        "filter protocol all pref 49 basic chain 0 handle 0x1 ",
    ]
    assert shown[2].startswith(line) and shown[3:] == ["\tref 1 bind 1 ", ""]


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
    ("inbound", "said"),
    [
        ('average="512" peak="1024" burst="32"', ["is held to 4.096 Mbit/s", "bursts at 8.192 Mbit/s"]),
        ('average="512" burst="32"', ["is held to 4.096 Mbit/s", "bursts at the link's speed"]),
        ('average="512" peak="512"', ["is held to 4.096 Mbit/s", "can send all that the link carries"]),
        ('average="512" peak="256"', ["is held to 2.048 Mbit/s", "can send all that the link carries"]),
    ],
)
def test_an_average_that_netqos_enforces_is_told_as_what_it_is(inbound: str, said: list[str]) -> None:
    xml = f"<bandwidth><inbound {inbound}/></bandwidth>"
    result = run("explain", "--enforce", "average", "-", stdin=xml)
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    start = lines.index("The guest") + 1
    assert [line[: len(each)] for line, each in zip(lines[start:], said, strict=False)] == said
    assert "tc tree that netqos makes" in lines


def test_an_average_that_holds_is_no_finding_to_be_strict_about() -> None:
    options = ("explain", "--strict", "--enforce", "average", "-")
    assert run(*options, stdin=REFERENCE).exit_code == 0
    assert run(*options, stdin='<bandwidth><inbound average="512" peak="256"/></bandwidth>').exit_code == 1


def test_libvirts_rows_know_no_average_that_is_enforced() -> None:
    result = run("explain", "--as", "libvirt", "--enforce", "average", "-", stdin=REFERENCE)
    assert refusal(result) == "--as libvirt and --enforce average exclude each other"
