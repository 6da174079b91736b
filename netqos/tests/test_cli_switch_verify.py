"""`netqos verify`, `netqos gc` and `netqos show` on a real switch."""

import os
from pathlib import Path

import pytest
from shared.cli import REFERENCE
from shared.cli_switch import LEAF, classes, foreign_qos, in_json, plug_taps, run

from netqos.probe import policing_available
from vifkit_conformance.lab import Lab, Namespace, tap

pytestmark = pytest.mark.switch


@pytest.fixture
def lab(own_lab: Lab) -> Lab:
    """A switch with a bridge br0 and the ports tap1 and tap2."""
    return plug_taps(own_lab)


def test_a_foreign_qos_is_named_and_is_no_drift(lab: Lab) -> None:
    foreign_qos(lab, "tap1")
    result = run(lab, "verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "tap1: its QoS is not ours, so it is not judged\nports 3, with drift 0, foreign 1; leaked rows 0\n"
    )
    assert in_json(lab, "verify", "tap1") == {"ports": 1, "drifts": [], "leaks": [], "foreign": ["tap1"]}


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


def test_what_is_not_seen_is_not_called_unlimited(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin=REFERENCE)
    with Namespace() as elsewhere:
        shown = run(lab, "show", "tap1", "--netns", elsewhere.path)
        (document,) = in_json(lab, "show", "tap1", "--netns", elsewhere.path)
    assert "not seen: no such device in this network namespace (--netns names another)" in shown.stdout
    assert "all that the link carries" not in shown.stdout
    assert (document["tc"], document["guaranteed_bps"], document["limit_bps"]) == (None, None, None)


def test_a_shaper_of_somebody_else_on_a_port_without_qos_is_named(lab: Lab) -> None:
    lab.host.run("tc", "qdisc", "add", "dev", "tap1", "root", "tbf", "rate", "1mbit", "burst", "10k", "latency", "50ms")
    assert "what the device's own tbf lets through" in run(lab, "show", "tap1").stdout


def test_policing_that_the_kernel_does_not_carry_out_is_not_claimed(lab: Lab) -> None:
    if policing_available():
        pytest.skip("this kernel polices")
    lab.ovs.vsctl("set", "Interface", "tap1", "ingress_policing_rate=1000", "ingress_policing_burst=100")
    shown = run(lab, "show", "tap1").stdout
    assert "the kernel has no filter for what the rows ask" in shown
    assert "outbound-burst-default" not in shown


@pytest.mark.usefixtures("policing")
def test_the_filter_is_shown_below_the_tree_with_what_it_has_counted(lab: Lab) -> None:
    run(lab, "apply", "tap1", "-", stdin='<bandwidth><outbound average="512" burst="256"/></bandwidth>')
    shown, (document,) = run(lab, "show", "tap1").stdout, in_json(lab, "show", "tap1")
    assert (
        "  qdisc ingress ffff:\n"
        "  └── filter matchall pref 1\n"
        "      └── police  rate 4.096 Mbit/s  burst 8000000 ticks  mtu 65535  exceed drop  conform continue\n"
        "          got 0 bytes, 0 packets; dropped 0, overlimits 0\n"
    ) in shown
    assert "can send     4.096 Mbit/s (4096000 bit/s), bursts of 262144 bytes" in shown
    assert document["tc"]["filter"]["actions"][0]["burst"] == 8_000_000
    assert document["counters"]["police"] == {"bytes": 0, "packets": 0, "dropped": 0, "overlimits": 0}
    assert [finding["code"] for finding in document["findings"]] == ["policing-bypassed"]
    lab.host.run("tc", "filter", "delete", "dev", "tap1", "ingress")
    drift = "drift: tap1: policing-missing: ingress filter: wanted 4096 kbit/s, there is none"
    assert run(lab, "verify", "tap1").stdout.splitlines()[0] == drift
    assert "the kernel has no filter for what the rows ask" in run(lab, "show", "tap1").stdout
    again = run(lab, "apply", "tap1", "-", stdin='<bandwidth><outbound average="512" burst="256"/></bandwidth>')
    assert (again.exit_code, run(lab, "verify", "tap1").exit_code) == (0, 0)


@pytest.mark.usefixtures("policing")
def test_a_filter_that_the_rows_do_not_ask_for_is_shown_as_such(lab: Lab) -> None:
    lab.host.run("tc", "qdisc", "add", "dev", "tap1", "ingress")
    words = "filter add dev tap1 ingress pref 1 protocol all matchall action police rate 8mbit burst 10k"
    lab.host.run("tc", *words.split())
    assert "8 Mbit/s (8000000 bit/s), bursts of 10240 bytes, by a filter that the rows do not ask for" in (
        run(lab, "show", "tap1").stdout
    )
    drift = "drift: tap1: policing-unexpected: ingress filter: wanted none, there is matchall pref 1"
    assert run(lab, "verify", "tap1").stdout.splitlines()[0] == drift
    run(lab, "clear", "tap1")
    assert run(lab, "verify", "tap1").exit_code == 0


def test_a_device_whose_name_is_no_utf_8_is_no_hindrance(lab: Lab) -> None:
    lab.host.run("ip", "link", "add", "\udcffx", "type", "veth", "peer", "name", "odd")
    assert run(lab, "show").exit_code == 0
    lab.host.run("ip", "link", "delete", "odd")


def test_a_namespace_that_is_a_pipe_is_refused_at_once(lab: Lab, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = run(lab, "show", "--netns", str(tmp_path / "pipe"))
    assert (result.exit_code, result.stdout) == (3, "")
