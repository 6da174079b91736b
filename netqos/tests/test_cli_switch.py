import json
import os
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from netqos.cli import main
from vifkit_conformance.lab import Lab, privileged, tap, why_not

pytestmark = pytest.mark.switch

NETQOS = str(Path(sysconfig.get_path("scripts"), "netqos"))
REFERENCE = '<bandwidth><inbound average="512" peak="1024" burst="32"/></bandwidth>'
NO_FINDING = '<bandwidth><inbound average="512"/></bandwidth>'
LEAF = (
    "class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit linklayer ethernet "
    "burst 32Kb/1 mpu 60b cburst 32Kb/1 mpu 60b level 0 "
)


@cache
def lacking() -> str | None:
    return why_not() or (None if privileged() else "this process is neither root nor in a user namespace")


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A switch with a bridge br0 and the ports tap1 and tap2."""
    if reason := lacking():
        (pytest.fail if os.environ.get("VIFKIT_REQUIRE_ENVIRONMENT") == "1" else pytest.skip)(reason)
    with Lab() as made:
        made.bridge()
        for name in ("tap1", "tap2"):
            made.enter(tap(made.host, name))
        made.ovs.vsctl("add-port", "br0", "tap1", "--", "add-port", "br0", "tap2")
        yield made


def environment(lab: Lab) -> dict[str, str]:
    return {"NETQOS_DB": lab.ovs.db, "NETQOS_NETNS": lab.host.path}


def run(lab: Lab, *arguments: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(main, arguments, input=stdin, env=environment(lab))
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def in_json(lab: Lab, *arguments: str, stdin: str = "", status: int = 0) -> Any:
    result = run(lab, *arguments, "--json", stdin=stdin)
    assert (result.exit_code, result.stderr) == (status, "")
    return json.loads(result.stdout)


def error(result: Result, status: int) -> str:
    """The one line on standard error of a command that failed and printed nothing else."""
    assert (result.exit_code, result.stdout) == (status, ""), result.stderr
    assert result.stderr.startswith("netqos: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("netqos: ").rstrip("\n")


def classes(lab: Lab, device: str) -> list[str]:
    return lab.host.run("tc", "-d", "class", "show", "dev", device).splitlines()


def foreign_qos(lab: Lab, port: str) -> str:
    """Put somebody else's QoS on a port, and return its UUID."""
    create = ["--id=@q", "create", "QoS", "type=linux-htb", "other_config:max-rate=1000000"]
    return lab.ovs.vsctl("set", "Port", port, "qos=@q", "--", *create).strip()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_apply_puts_the_reference_example_into_effect(lab: Lab) -> None:
    result = run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    assert result.exit_code == 0
    assert result.stdout == "tap1: changed: inbound average 512 kB/s, peak 1024 kB/s, burst 32 KiB; outbound no limit\n"
    assert result.stderr.startswith("netqos: tap1: peak-is-the-limit: ")
    assert classes(lab, "tap1")[0] == LEAF
    again = run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    assert again.exit_code == 0 and again.stdout.startswith("tap1: unchanged: ")


def test_explain_told_before_what_tc_shows_after(lab: Lab) -> None:
    assert run(lab, "apply", "tap1", "-", stdin=REFERENCE).exit_code == 0
    told = run(lab, "explain", "--tc", "--ovs-version", lab.ovs.version, "-", stdin=REFERENCE)
    assert told.stdout.splitlines() == classes(lab, "tap1")


def test_apply_as_json(lab: Lab) -> None:
    report = in_json(lab, "apply", "tap1", "-", stdin=REFERENCE)
    assert (report["changed"], report["drifts"]) == (["tap1"], [])
    assert [(finding["port"], finding["code"]) for finding in report["findings"]] == [("tap1", "peak-is-the-limit")]
    assert in_json(lab, "apply", "tap1", "-", stdin=REFERENCE)["changed"] == []


def test_findings_are_those_of_the_devices_own_mtu(lab: Lab) -> None:
    lab.host.run("ip", "link", "set", "tap1", "mtu", "9000")
    lab.ovs.wait_until_settled()
    slow = '<bandwidth><inbound average="5" peak="1000"/></bandwidth>'
    codes = [finding["code"] for finding in in_json(lab, "apply", "tap1", "-", stdin=slow)["findings"]]
    assert codes == ["peak-is-the-limit", "rate-raised"]


def test_an_interface_and_a_domain_of_one_are_taken_too(lab: Lab) -> None:
    interface = f"<interface type='bridge'>{NO_FINDING}</interface>"
    assert in_json(lab, "apply", "tap1", "-", stdin=interface)["changed"] == ["tap1"]
    domain = f"<domain type='kvm'><devices>{interface}</devices></domain>"
    assert in_json(lab, "apply", "tap1", "-", stdin=domain)["changed"] == []


def test_a_map_changes_all_its_ports_in_one_transaction(lab: Lab) -> None:
    assert run(lab, "apply", "tap2", "-", stdin=NO_FINDING).exit_code == 0
    before = lab.ovs.rows("Open_vSwitch", "next_cfg")[0]["next_cfg"]
    ports = {"tap1": {"inbound": {"average": 512, "peak": 1024, "burst": 32}, "outbound": None}, "tap2": None}
    assert in_json(lab, "apply", "--from", "-", stdin=json.dumps(ports))["changed"] == ["tap1", "tap2"]
    assert lab.ovs.rows("Open_vSwitch", "next_cfg")[0]["next_cfg"] == before + 1
    assert classes(lab, "tap1")[0] == LEAF
    assert classes(lab, "tap2") == []
    assert [row["external_ids"]["ifname"] for row in lab.ovs.rows("QoS")] == ["tap1"]


@pytest.mark.parametrize("second", ['"tap2": {"inbound": {"average": 1.5}}', '"nowhere": null'])
def test_a_map_with_one_bad_port_changes_nothing(lab: Lab, second: str) -> None:
    stdin = f'{{"tap1": {{"inbound": {{"average": 512}}}}, {second}}}'
    error(run(lab, "apply", "--from", "-", stdin=stdin), 2)
    assert lab.ovs.rows("QoS") == []


def test_what_explain_says_of_a_bandwidth_can_be_applied(lab: Lab) -> None:
    told = json.loads(run(lab, "explain", "--json", "-", stdin=REFERENCE).stdout)
    run(lab, "apply", "--from", "-", stdin=json.dumps({"tap1": told["bandwidth"]}))
    (shown,) = in_json(lab, "show", "tap1")
    assert shown["bandwidth"] == told["bandwidth"]
    assert shown["tc"] == told["tc"]


def test_clear_takes_rows_and_classes_away(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    result = run(lab, "clear", "tap1", "tap2", "tap1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "tap1: changed: inbound no limit; outbound no limit\ntap2: unchanged: inbound no limit; outbound no limit\n"
    )
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue"), classes(lab, "tap1")) == ([], [], [])


def test_policing_is_said_to_be_missing_where_the_kernel_has_none(lab: Lab) -> None:
    result = run(lab, "apply", "tap1", "-", stdin='<bandwidth><outbound average="100" burst="50"/></bandwidth>')
    (row,) = [row for row in lab.ovs.rows("Interface") if row["name"] == "tap1"]
    assert (row["ingress_policing_rate"], row["ingress_policing_burst"]) == (800, 400)
    if lab.host.run("tc", "filter", "show", "dev", "tap1", "ingress"):
        assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    else:
        assert result.exit_code == 1
        drift = "drift: tap1: policing-missing: ingress filter: wanted 800 kbit/s, there is none"
        assert result.stdout.splitlines()[1:] == [drift]


def test_a_port_that_does_not_exist_is_refused(lab: Lab) -> None:
    assert error(run(lab, "apply", "nowhere", "-", stdin=REFERENCE), 2) == "no bridge has a port named 'nowhere'"
    for command in ("clear", "show", "verify"):
        assert error(run(lab, command, "nowhere"), 2) == "no bridge has a port named 'nowhere'"


def test_a_device_that_is_on_no_bridge_is_told_from_none(lab: Lab) -> None:
    said = error(run(lab, "apply", "lo", "-", stdin=REFERENCE), 2)
    assert said.startswith("the device 'lo' is a port of no bridge")


def test_a_foreign_qos_is_left_alone(lab: Lab) -> None:
    uuid = foreign_qos(lab, "tap1")
    said = error(run(lab, "apply", "tap1", "-", stdin=REFERENCE), 2)
    assert said == f"the QoS row {uuid} of port 'tap1' is not ours; it is left alone"
    assert lab.ovs.vsctl("get", "Port", "tap1", "qos").strip() == uuid
    cleared = run(lab, "clear", "tap1")
    assert (cleared.exit_code, cleared.stdout) == (0, "tap1: its QoS is not ours, and is left alone\n")
    assert lab.ovs.vsctl("get", "Port", "tap1", "qos").strip() == uuid


def test_a_foreign_qos_is_replaced_where_its_port_is_adopted(lab: Lab) -> None:
    uuid = foreign_qos(lab, "tap1")
    assert in_json(lab, "apply", "tap1", "-", "--adopt", "tap1", stdin=REFERENCE)["changed"] == ["tap1"]
    assert classes(lab, "tap1")[0] == LEAF
    assert uuid in [str(row["_uuid"]) for row in lab.ovs.rows("QoS")]


def test_a_foreign_qos_is_named_and_is_no_drift(lab: Lab) -> None:
    foreign_qos(lab, "tap1")
    result = run(lab, "verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "tap1: its QoS is not ours, so it is not judged\nports 3, with drift 0, foreign 1; leaked rows 0\n"
    )
    assert in_json(lab, "verify", "tap1") == {"ports": 1, "drifts": [], "leaks": [], "foreign": ["tap1"]}


def test_a_device_in_another_namespace_is_told_in_a_line_that_names_the_option(lab: Lab) -> None:
    other = lab.namespace().path
    result = run(lab, "apply", "tap1", "-", "--netns", other, stdin=NO_FINDING)
    assert result.exit_code == 1
    assert result.stderr == ("netqos: tap1: not in this network namespace, so not checked (--netns names another)\n")
    assert run(lab, "verify").exit_code == 0  # the rows are in effect where the device is


def test_a_namespace_that_is_not_there_ends_it_before_anything_is_changed(lab: Lab) -> None:
    said = error(run(lab, "apply", "tap1", "-", "--netns", "nowhere", stdin=REFERENCE), 3)
    assert said == "network namespace nowhere: No such file or directory"
    assert lab.ovs.rows("QoS") == []


def test_classes_that_somebody_changed_are_found_and_mended(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    leaf = ("dev", "tap1", "parent", "1:fffe", "classid", "1:1")
    lab.host.run("tc", "class", "change", *leaf, "htb", "rate", "1Mbit", "ceil", "1Mbit")
    result = run(lab, "verify")
    assert result.exit_code == 1
    assert "drift: tap1: tree-differs: class 1:1 rate: wanted 512000, there is 125000" in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == "ports 3, with drift 1, foreign 0; leaked rows 0"
    assert run(lab, "verify", "tap2").exit_code == 0
    mended = in_json(lab, "apply", "tap1", "-", stdin=REFERENCE)
    assert (mended["changed"], mended["drifts"]) == ([], [])
    assert classes(lab, "tap1")[0] == LEAF
    assert run(lab, "verify").exit_code == 0


def test_a_qdisc_that_somebody_removed_comes_back(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    lab.host.run("tc", "qdisc", "del", "dev", "tap1", "root")
    found = run(lab, "verify")
    assert found.exit_code == 1
    assert found.stdout.startswith("drift: tap1: tree-missing: qdisc: wanted htb 1:, there is ")
    mended = in_json(lab, "apply", "tap1", "-", stdin=REFERENCE)
    assert (mended["changed"], mended["drifts"]) == ([], [])
    assert classes(lab, "tap1")[0] == LEAF
    assert run(lab, "verify").exit_code == 0


def test_a_bandwidth_that_libvirt_wrote_is_shown_with_what_it_does_not_do(lab: Lab) -> None:
    ids = ("external_ids:vm-id=7714e6b5-4885-4140-bc59-2f77cc99b3b5", "external_ids:ifname=tap1")
    config = "other_config:min-rate=4096000"
    lab.ovs.vsctl(
        *("set", "Port", "tap1", "qos=@q", "--", "--id=@q", "create", "QoS", "type=linux-htb", config, *ids),
        *("queues:0=@k", "--", "--id=@k", "create", "Queue", config, *ids),
    )
    (shown,) = in_json(lab, "show", "tap1")
    assert shown["bandwidth"]["inbound"] == {"average": 512, "peak": None, "burst": None, "floor": None}
    assert [finding["code"] for finding in shown["findings"]] == ["no-limit"]
    assert shown["limit_bps"] == 10_000_000_000


def test_a_drift_is_an_object_in_json(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    lab.ovs.vsctl("set", "QoS", lab.ovs.vsctl("get", "Port", "tap1", "qos").strip(), "other_config:max-rate=9000000")
    drifts = in_json(lab, "verify", status=1)["drifts"]
    assert {
        "port": "tap1",
        "code": "rows-differ",
        "where": "QoS other_config:max-rate",
        "wanted": "8192000",
        "actual": "9000000",
    } in drifts


def test_rows_left_behind_are_found_and_collected(lab: Lab) -> None:
    libvirt = ["external_ids:vm-id=42", "external_ids:ifname=vnet9"]
    lab.ovs.vsctl("--", "create", "QoS", "type=linux-htb", *libvirt)
    lab.ovs.vsctl("--", "create", "Queue", *libvirt)
    lab.ovs.vsctl("--", "create", "Queue", "external_ids:owner=me")
    found = run(lab, "verify")
    assert found.exit_code == 1
    assert [line.split(" ")[:2] for line in found.stdout.splitlines()[:-1]] == [["leak:", "QoS"], ["leak:", "Queue"]]
    assert found.stdout.splitlines()[0].endswith(" by libvirt for vnet9")
    assert run(lab, "verify", "tap1").exit_code == 0
    assert run(lab, "gc", "--dry-run").stdout.splitlines()[-1] == "leaked rows 2"
    assert len(lab.ovs.rows("Queue")) == 2
    collected = in_json(lab, "gc")
    assert [(leak["table"], leak["owner"]) for leak in collected["leaks"]] == [("QoS", "libvirt"), ("Queue", "libvirt")]
    assert (lab.ovs.rows("QoS"), [row["external_ids"] for row in lab.ovs.rows("Queue")]) == ([], [{"owner": "me"}])
    assert run(lab, "verify").exit_code == 0
    assert run(lab, "gc").stdout == "leaked rows 0\n"


def test_show_is_a_line_for_each_port(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    title, bridge, first, second = [" ".join(line.split()) for line in run(lab, "show").stdout.splitlines()]
    assert title == "port QoS by min-rate max-rate tc rate tc ceil sent dropped guest sends"
    assert first.startswith("tap1 netqos 4.096 Mbit/s 8.192 Mbit/s 4.096 Mbit/s 8.192 Mbit/s ")
    assert (bridge, second) == ("br0", "tap2")


def test_show_tells_all_of_a_port_that_is_named(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    lines = run(lab, "show", "tap1").stdout.splitlines()
    assert lines[:2] == ["tap1, QoS by netqos", "inbound:  average 512 kB/s, peak 1024 kB/s, burst 32 KiB"]
    assert "tc tree, as the kernel has it" in lines
    assert sum("sent " in line for line in lines) == 2


def test_show_without_a_port_says_so(lab: Lab) -> None:
    lab.ovs.vsctl("del-br", "br0")
    assert run(lab, "show").stdout == "no bridge has a port\n"
    assert in_json(lab, "show") == []
    assert run(lab, "verify").exit_code == 0


def test_show_as_json_has_the_keys_of_explain_and_the_counters(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    (shown,) = in_json(lab, "show", "tap1")
    keys = ["port", "interface", "bandwidth", "rows", "tc", "guaranteed_bps", "limit_bps", "findings", "counters"]
    assert list(shown) == keys
    assert (shown["port"], shown["guaranteed_bps"], shown["limit_bps"]) == ("tap1", 4096000, 8192000)
    assert shown["rows"]["QoS"]["other_config"] == {"burst": "262144", "max-rate": "8192000", "min-rate": "4096000"}
    assert {handle: sorted(counted) for handle, counted in shown["counters"].items()} == {
        "1:fffe": ["bytes", "dropped", "overlimits", "packets"],
        "1:1": ["bytes", "dropped", "overlimits", "packets"],
    }
    assert [each["port"] for each in in_json(lab, "show")] == ["br0", "tap1", "tap2"]


def test_a_bond_is_shown_with_each_of_its_devices(lab: Lab) -> None:
    for name in ("tap3", "tap4"):
        lab.enter(tap(lab.host, name))
    lab.ovs.vsctl("add-bond", "br0", "bond0", "tap3", "tap4")
    shown = in_json(lab, "show", "bond0")
    assert sorted((each["port"], each["interface"]) for each in shown) == [("bond0", "tap3"), ("bond0", "tap4")]


def test_a_dead_switch_leaves_the_rows_and_says_so(lab: Lab) -> None:
    said = "the rows are committed, but ovs-vswitchd is not answering: they are not yet in effect"
    with stopped(lab.ovs.vswitchd.pid):
        result = run(lab, "apply", "tap1", "-", "--timeout", "1", stdin=REFERENCE)
        assert error(result, 3) == said
        assert len(lab.ovs.rows("QoS")) == 1
        assert error(run(lab, "apply", "tap1", "-", "--timeout", "1", stdin=REFERENCE), 3) == said
    lab.ovs.wait_until_settled()
    assert run(lab, "verify").exit_code == 0


def test_a_server_that_hangs_is_unavailable_after_the_timeout(lab: Lab) -> None:
    with stopped(lab.ovs.ovsdb_server.pid):
        said = error(run(lab, "show", "--timeout", "1"), 3)
    assert lab.ovs.db in said


def test_a_server_that_ended_is_unavailable(lab: Lab) -> None:
    lab.ovs.ovsdb_server.kill()
    assert error(run(lab, "verify"), 3).startswith(f"no Open vSwitch database answers at {lab.ovs.db}")


@pytest.mark.parametrize(("arguments", "shown"), [(["apply", "tap1", "-"], True), (["show"], False)])
def test_only_long_work_shows_on_a_terminal(lab: Lab, arguments: list[str], shown: bool) -> None:
    controller, terminal = os.openpty()
    with stopped(lab.ovs.vswitchd.pid):
        subprocess.run(
            [NETQOS, *arguments, "--timeout", "2"],
            input=NO_FINDING.encode(),
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            env=os.environ | environment(lab) | {"TERM": "xterm"},
            check=False,
        )
    os.close(terminal)
    with os.fdopen(controller, "rb", buffering=0) as screen:
        seen = b""
        try:
            while chunk := screen.read(65536):
                seen += chunk
        except OSError:  # the other end is closed, and all is read
            pass
    assert (b"waiting for Open vSwitch" in seen) == shown
