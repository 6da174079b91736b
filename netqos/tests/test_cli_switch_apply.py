"""`netqos apply` and `netqos clear` on a real switch."""

import json

import pytest
from shared.cli import REFERENCE
from shared.cli_switch import LEAF, NO_FINDING, classes, error, foreign_qos, in_json, plug_taps, run

from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


@pytest.fixture
def lab(own_lab: Lab) -> Lab:
    """A switch with a bridge br0 and the ports tap1 and tap2."""
    return plug_taps(own_lab)


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
        drift = (
            "drift: tap1: policing-missing: ingress filter: wanted 800 kbit/s, there is none: "
            "the kernel lacks act_police, or has not loaded it"
        )
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


def test_a_device_in_another_namespace_is_told_in_a_line_that_names_the_option(lab: Lab) -> None:
    other = lab.namespace().path
    result = run(lab, "apply", "tap1", "-", "--netns", other, stdin=NO_FINDING)
    assert result.exit_code == 1
    assert result.stderr == (
        "netqos: tap1: no such device in this network namespace, so not checked (--netns names another)\n"
    )
    assert run(lab, "verify").exit_code == 0  # the rows are in effect where the device is


def test_a_namespace_that_is_not_there_ends_it_before_anything_is_changed(lab: Lab) -> None:
    said = error(run(lab, "apply", "tap1", "-", "--netns", "nowhere", stdin=REFERENCE), 3)
    assert said == "network namespace nowhere: No such file or directory"
    assert lab.ovs.rows("QoS") == []
