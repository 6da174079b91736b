import os
import re
import signal
from collections.abc import Callable

import pytest

from netqos import Drift, Enforce, Psched, predict, verify
from netqos.enforce import Outcome, enforce, judge, version_tuple
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.probe import policing_available
from vifkit import Bandwidth, ForeignQosError, PortNotFoundError, Rate, SwitchUnavailableError
from vifkit_conformance.lab import CommandError, Lab, Link, Namespace, tap

Port = Callable[..., Link]

polices = pytest.mark.usefixtures("policing")

REFERENCE = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("3.1.0", (3, 1, 0)),
        ("2.17.12", (2, 17, 12)),
        ("3.2", (3, 2)),
        ("3.4.90", (3, 4, 90)),
        ("3.3.1.4", (3, 3, 1)),
        ("v3.1.0", (3, 1, 0)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_a_version_is_read_as_figures_that_compare(said: str, version: tuple[int, ...]) -> None:
    assert version_tuple(said) == version


def leaf(lab: Lab, device: str) -> str:
    """The leaf's line of tc."""
    lines = lab.host.run("tc", "-d", "class", "show", "dev", device).splitlines()
    return next((line.strip() for line in lines if line.startswith("class htb 1:1 ")), "")


def change(lab: Lab, device: str, settings: str) -> None:
    """Change a class behind Open vSwitch."""
    words = f"class change dev {device} parent 1:fffe classid 1:1 htb {settings}"
    lab.host.run("tc", *words.split())


@pytest.mark.switch
def test_what_was_enforced_is_in_the_kernel(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    port("vnet1")
    outcome = enforce(switch, kernel, {"vnet0": REFERENCE, "vnet1": None})
    assert (outcome.changed, outcome.drifts) == (["vnet0"], [])
    assert leaf(lab, "vnet0") == (
        "class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit linklayer ethernet "
        "burst 32Kb/1 mpu 60b cburst 32Kb/1 mpu 60b level 0"
    )
    outcome = enforce(switch, kernel, {"vnet0": REFERENCE})
    assert (outcome.changed, outcome.drifts) == ([], [])
    outcome = enforce(switch, kernel, {"vnet0": None})
    assert (outcome.changed, outcome.drifts, leaf(lab, "vnet0")) == (["vnet0"], [], "")


@pytest.mark.switch
def test_a_class_that_was_changed_behind_open_vswitch_is_found_and_mended(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port
) -> None:
    port("vnet0")
    enforce(switch, kernel, {"vnet0": REFERENCE})
    before = leaf(lab, "vnet0")
    change(lab, "vnet0", "rate 8kbit ceil 8192kbit burst 32k cburst 32k mpu 60 quantum 51200")
    (drift, *_) = judge(switch, kernel, {"vnet0": REFERENCE})
    assert drift == Drift(port="vnet0", code="tree-differs", where="class 1:1 rate", wanted="512000", actual="1000")
    outcome = enforce(switch, kernel, {"vnet0": REFERENCE})
    assert (outcome.changed, outcome.drifts) == ([], [])
    assert leaf(lab, "vnet0") == before


@pytest.mark.switch
def test_a_class_that_was_deleted_behind_open_vswitch_is_mended(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port
) -> None:
    port("vnet0")
    enforce(switch, kernel, {"vnet0": REFERENCE})
    before = leaf(lab, "vnet0")
    lab.host.run("tc", "class", "delete", "dev", "vnet0", "classid", "1:1")
    drifts = judge(switch, kernel, {"vnet0": REFERENCE})
    # Its parent has no children any more, and is a leaf itself.
    assert {(each.code, each.where) for each in drifts} >= {
        ("tree-missing", "class 1:1"),
        ("tree-differs", "class 1:fffe level"),
    }
    assert enforce(switch, kernel, {"vnet0": REFERENCE}).drifts == []
    assert leaf(lab, "vnet0") == before


@pytest.mark.switch
def test_another_mtu_is_counted_in(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    link = port("vnet0")
    without_burst = Bandwidth(inbound=Rate(average=512))
    enforce(switch, kernel, {"vnet0": without_burst})
    assert "burst 1564b" in leaf(lab, "vnet0") or "burst 1563b" in leaf(lab, "vnet0")
    link.set_mtu(9000)
    outcome = enforce(switch, kernel, {"vnet0": without_burst})
    assert (outcome.changed, outcome.drifts) == ([], [])
    tree = kernel.read(["vnet0"])["vnet0"].tree
    assert tree.leaf is not None
    assert tree.leaf.buffer == 276_611  # 9064 bytes at 512000 bytes/s, in ticks of 64 ns


@pytest.mark.switch
def test_a_device_that_is_missing_is_told(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    with tap(lab.host, "vnet0"):
        lab.ovs.add_port("br0", "vnet0")
        enforce(switch, kernel, {"vnet0": REFERENCE})
    missing = Drift(port="vnet0", code="device-missing", where="vnet0", wanted="a device", actual="none")
    outcome = enforce(switch, kernel, {"vnet0": REFERENCE})
    assert (outcome.changed, outcome.drifts) == ([], [missing])
    assert enforce(switch, kernel, {"vnet0": None}).drifts == []


@pytest.mark.switch
def test_the_interfaces_of_a_bond_are_looked_at_and_not_its_name(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port
) -> None:
    with tap(lab.host, "tap1"), tap(lab.host, "tap2"):
        lab.ovs.vsctl("add-bond", "br0", "bond0", "tap1", "tap2")
        outcome = enforce(switch, kernel, {"bond0": REFERENCE})
        assert (outcome.changed, outcome.drifts) == (["bond0"], [])
        change(lab, "tap2", "rate 8kbit ceil 8192kbit")
        assert {each.code for each in judge(switch, kernel, {"bond0": REFERENCE})} == {"tree-differs"}
        switch.unplug(["bond0"])


@pytest.mark.switch
def test_a_kernel_without_police_makes_policing_missing(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    outbound = Bandwidth(outbound=Rate(average=100, burst=50))
    outcome = enforce(switch, kernel, {"vnet0": outbound})
    said = "none: the kernel lacks act_police, or has not loaded it"
    missing = Drift(port="vnet0", code="policing-missing", where="ingress filter", wanted="800 kbit/s", actual=said)
    assert outcome.changed == ["vnet0"]
    assert outcome.drifts == ([] if policing_available() else [missing])
    assert enforce(switch, kernel, {"vnet0": None}).drifts == []


def tc_filter(lab: Lab, device: str) -> str:
    """What tc shows of the filters on a device's ingress, without the number of the action."""
    return re.sub(r"police 0x\w+", "police", lab.host.run("tc", "-d", "filter", "show", "dev", device, "ingress"))


OUTBOUND = Bandwidth(outbound=Rate(average=512, burst=256))
BY_HAND = "pref 1 protocol all matchall action police rate 1mbit burst 10k conform-exceed drop/continue"


@pytest.mark.switch
@polices
@pytest.mark.parametrize(
    ("gone", "codes"),
    [
        (["filter delete dev vnet0 ingress"], {"policing-missing"}),
        (["qdisc delete dev vnet0 ingress"], {"policing-missing"}),
        (["filter delete dev vnet0 ingress", f"filter add dev vnet0 ingress {BY_HAND}"], {"policing-differs"}),
    ],
    ids=["filter-deleted", "qdisc-deleted", "filter-changed"],
)
@pytest.mark.parametrize("how", ["htb", "average"])
def test_a_filter_that_somebody_deleted_or_changed_is_found_and_mended(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port, gone: list[str], codes: set[str], how: Enforce
) -> None:
    port("vnet0")
    wanted = Bandwidth(inbound=REFERENCE.inbound, outbound=OUTBOUND.outbound)
    assert enforce(switch, kernel, {"vnet0": wanted}, enforce=how).drifts == []
    before, tree = tc_filter(lab, "vnet0"), kernel.read(["vnet0"])["vnet0"].tree
    for command in gone:
        lab.host.run("tc", *command.split())
    assert {drift.code for drift in judge(switch, kernel, {"vnet0": wanted}, how)} == codes
    assert enforce(switch, kernel, {"vnet0": wanted}, enforce=how).drifts == []
    assert (tc_filter(lab, "vnet0"), kernel.read(["vnet0"])["vnet0"].tree) == (before, tree)


@pytest.mark.switch
@polices
def test_a_filter_that_nobody_asked_for_is_taken_away(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    for command in ("qdisc add dev vnet0 ingress", f"filter add dev vnet0 ingress {BY_HAND}"):
        lab.host.run("tc", *command.split())
    for wanted in (REFERENCE, None):
        lab.host.run("tc", "qdisc", "replace", "dev", "vnet0", "ingress")
        assert enforce(switch, kernel, {"vnet0": wanted}).drifts == []
        assert tc_filter(lab, "vnet0") == ""
    (row,) = (row for row in lab.ovs.rows("Interface") if row["name"] == "vnet0")
    assert (row["ingress_policing_rate"], row["external_ids"]) == (0, {})


@pytest.mark.switch
@polices
def test_a_filter_that_nobody_asked_for_stays_where_the_qos_is_somebody_elses(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port
) -> None:
    port("vnet0")
    lab.ovs.vsctl("--", "--id=@q", "create", "QoS", "type=linux-htb", "--", "set", "Port", "vnet0", "qos=@q")
    for command in ("qdisc add dev vnet0 ingress", f"filter add dev vnet0 ingress {BY_HAND}"):
        lab.host.run("tc", *command.split())
    assert [each.code for each in enforce(switch, kernel, {"vnet0": None}).drifts] == ["policing-unexpected"]


@pytest.mark.switch
@polices
def test_limits_for_packets_that_somebody_wrote_do_not_stay_beside_ours(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port
) -> None:
    port("vnet0")
    lab.ovs.vsctl("set", "Interface", "vnet0", "ingress_policing_kpkts_rate=3", "ingress_policing_kpkts_burst=2")
    assert "pkts_rate 3000" in tc_filter(lab, "vnet0")
    assert enforce(switch, kernel, {"vnet0": OUTBOUND}) == Outcome(changed=["vnet0"], drifts=[])
    assert "rate 4096Kbit burst 256Kb" in tc_filter(lab, "vnet0")


@pytest.mark.switch
def test_whether_the_kernel_polices_is_what_tc_says(lab: Lab) -> None:
    words = "filter add dev lo parent ffff: matchall action police rate 1mbit burst 10k conform-exceed drop"
    with Namespace() as namespace:
        namespace.run("tc", "qdisc", "add", "dev", "lo", "ingress")
        try:
            namespace.run("tc", *words.split())
        except CommandError:
            assert not policing_available()
        else:
            assert policing_available()


def test_where_no_namespace_can_be_made_the_kernel_is_taken_not_to_police(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert policing_available.__wrapped__() is False


@pytest.mark.switch
def test_what_apply_refuses_is_refused(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    lab.ovs.vsctl("--", "--id=@q", "create", "QoS", "type=linux-htb", "--", "set", "Port", "vnet0", "qos=@q")
    with pytest.raises(ForeignQosError):
        enforce(switch, kernel, {"vnet0": REFERENCE})
    assert enforce(switch, kernel, {"vnet0": REFERENCE}, adopt=["vnet0"]).drifts == []
    with pytest.raises(PortNotFoundError):
        judge(switch, kernel, {"nowhere": REFERENCE})


@pytest.mark.switch
def test_a_switch_that_hangs_is_told(own_lab: Lab) -> None:
    with tap(own_lab.host, "vnet0"), Kernel(own_lab.host.path) as kernel:
        own_lab.ovs.add_port("br0", "vnet0")
        switch = Switch(own_lab.ovs.db, timeout=1)
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGSTOP)
        with pytest.raises(SwitchUnavailableError) as raised:
            enforce(switch, kernel, {"vnet0": REFERENCE})
        assert raised.value.committed
        assert [each.code for each in judge(switch, kernel, {"vnet0": REFERENCE})] == ["tree-missing"]
        os.kill(own_lab.ovs.vswitchd.pid, signal.SIGCONT)
        assert enforce(Switch(own_lab.ovs.db), kernel, {"vnet0": REFERENCE}).drifts == []


ODD = {
    "several queues": (
        "max-rate=80000000",
        [
            "min-rate=8000000 max-rate=16000000 priority=3",
            "min-rate=8000000",
            "max-rate=4000 priority=8",
            "priority=-1",
        ],
    ),
    "a max-rate of the queue's own below its min-rate": ("max-rate=80000000", ["min-rate=16000000 max-rate=8000000"]),
    "no max-rate at all": ("", ["min-rate=8000000", ""]),
    "forty gigabits": ("max-rate=40000000000", ["min-rate=40000000000"]),
    "a rate that wraps to one byte": ("max-rate=34359738376", ["min-rate=34359738376"]),
    "what is no number": ("max-rate=8e6", ["min-rate=1.5 burst=x priority=y"]),
    "more than 64 bits": ("max-rate=18446744073709551616", ["min-rate=18446744073709551616"]),
    "negative numbers": ("max-rate=-40000000000", ["min-rate=-8 burst=-8"]),
    "a sign and zeros": ("max-rate=+80000000", ["min-rate=00000000000000000000000000008000000"]),
    "a quantum under the least": ("max-rate=80000000", ["min-rate=120080", "min-rate=119992"]),
    "a burst of more than 32 bits": ("max-rate=8000000000", ["min-rate=8000000000 burst=34439738368"]),
}


@pytest.mark.switch
@pytest.mark.parametrize(("config", "queues"), ODD.values(), ids=list(ODD))
def test_odd_rows_make_the_tree_that_is_predicted(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port, config: str, queues: list[str]
) -> None:
    port("vnet0")
    words = ["--", "--id=@qos", "create", "QoS", "type=linux-htb", *_settings(config)]
    words += [f"queues:{number}=@q{number}" for number in range(len(queues))]
    for number, each in enumerate(queues):
        words += ["--", f"--id=@q{number}", "create", "Queue", *(_settings(each) or ["dscp=0"])]
    lab.ovs.vsctl(*words, "--", "set", "Port", "vnet0", "qos=@qos")
    found = switch.ports(["vnet0"])["vnet0"]
    predicted = predict(
        found.qos,
        mtu=1500,
        ovs_version=lab.ovs.version_info,
        psched=Psched.here(),
        link_speed_bps=found.interfaces[0].link_speed,
    )
    links = kernel.read(["vnet0"])
    assert links["vnet0"].tree == predicted
    assert len(predicted.classes) == len(queues) + 1
    assert verify({"vnet0": found}, links, ovs_version=lab.ovs.version_info, psched=Psched.here()) == []


def _settings(config: str) -> list[str]:
    pairs = (word.split("=") for word in config.split())
    return [f'other_config:{key}="{value}"' for key, value in pairs]
