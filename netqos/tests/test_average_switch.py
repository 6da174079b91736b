"""An average that netqos enforces, on a real switch: what undoes it, what mends it, and what really arrives."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from shared.average import CONFIG, OWNER, REFERENCE, TC, TREE
from shared.cli import NETQOS
from shared.cli import REFERENCE as XML
from shared.cli_switch import environment, run
from shared.rows import DOMAIN, Port, create, next_cfg, qos_of

from netqos import Policing, Psched, shape
from netqos.enforce import enforce, judge
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from vifkit import Bandwidth, ForeignQosError, Rate
from vifkit_conformance.lab import Lab, Sink, Source, tap
from vifkit_conformance.lab.flood import Flood

pytestmark = pytest.mark.switch


def hold(switch: Switch, kernel: Kernel, *names: str, bandwidth: Bandwidth = REFERENCE) -> list[str]:
    """Enforce an average on ports; nothing may be amiss, and what was changed is told."""
    outcome = enforce(switch, kernel, dict.fromkeys(names, bandwidth), enforce="average")
    assert outcome.drifts == []
    return outcome.changed


def classes(lab: Lab, device: str) -> list[str]:
    return [line.strip() for line in lab.host.run("tc", "-d", "class", "show", "dev", device).splitlines()]


def tc(lab: Lab, command: str) -> None:
    lab.host.run("tc", *command.split())


def test_the_row_and_the_class_are_there_as_predicted(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0", vm_id=DOMAIN)
    assert hold(switch, kernel, "vnet0") == ["vnet0"]
    qos = qos_of(lab, "vnet0")
    assert qos is not None
    assert (qos["type"], qos["other_config"], qos["queues"]) == ("linux-noop", CONFIG, {})
    assert qos["external_ids"] == {**OWNER, "vm-id": DOMAIN}
    assert lab.ovs.rows("Queue") == []
    assert classes(lab, "vnet0") == [TC]
    assert kernel.read(["vnet0"])["vnet0"].tree == TREE


def test_what_is_in_place_is_left_alone(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    hold(switch, kernel, "vnet0")
    tc(lab, "qdisc add dev vnet0 parent 6e71:1 handle 5: pfifo limit 7")  # it goes if the class does
    before = next_cfg(lab)
    assert hold(switch, kernel, "vnet0") == []
    hold(switch, kernel, "vnet0", bandwidth=Bandwidth(inbound=Rate(average=100)))
    assert next_cfg(lab) == before + 1
    assert "limit 7p" in lab.host.run("tc", "qdisc", "show", "dev", "vnet0")


def test_many_ports_are_one_transaction(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    names = [f"vnet{number}" for number in range(8)]
    for name in names:
        port(name)
    before = next_cfg(lab)
    assert hold(switch, kernel, *names) == names
    assert next_cfg(lab) == before + 1
    assert {name: link.tree for name, link in kernel.read(names).items()} == dict.fromkeys(names, TREE)


def restart(lab: Lab) -> None:
    lab.ovs.vswitchd.kill()
    lab.ovs.start_vswitchd()


def add_another(lab: Lab) -> None:
    lab.enter(tap(lab.host, "tap2"))
    lab.ovs.add_port("br0", "tap2")


@pytest.mark.parametrize(
    "rate",
    [
        Rate(average=1),
        Rate(average=1, peak=3, burst=1000),
        Rate(average=7, peak=5_000_001, burst=3),
        Rate(average=4_294_967, peak=4_294_968),  # about 32 bits of bytes/s
        Rate(average=12_345_678, burst=9_999_999),
        Rate(average=2**40, peak=2**41),
        Rate(average=1024, peak=512, burst=77),
    ],
    ids=str,
)
def test_whatever_is_asked_is_in_the_kernel_as_predicted(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port, rate: Rate
) -> None:
    port("vnet0")
    hold(switch, kernel, "vnet0", bandwidth=Bandwidth(inbound=rate))
    made = kernel.read(["vnet0"])["vnet0"].tree.leaf
    assert made is not None
    peak = rate.peak or rate.average or 0
    assert (made.rate, made.ceil) == (min(rate.average or 0, peak) * 1000, peak * 1000)


UNDOING: dict[str, Callable[[Lab], object]] = {
    "a restart": restart,
    "a reconfiguration": lambda lab: lab.ovs.vsctl("set", "Bridge", "br0", "other_config:hwaddr=02:00:00:00:00:09"),
    "its port changed": lambda lab: lab.ovs.vsctl("set", "Port", "tap1", "tag=7"),
    "another port": add_another,
    "another bridge": lambda lab: lab.ovs.add_bridge("br1"),
    "its MTU": lambda lab: lab.ovs.vsctl("set", "Interface", "tap1", "mtu_request=1400"),
    "its device down and up": lambda lab: [lab.host.run("ip", "link", "set", "tap1", word) for word in ("down", "up")],
}


@pytest.mark.parametrize("undo", UNDOING.values(), ids=list(UNDOING))
def test_open_vswitch_does_not_undo_it(own_lab: Lab, undo: Callable[[Lab], object]) -> None:
    own_lab.enter(tap(own_lab.host, "tap1"))
    own_lab.ovs.add_port("br0", "tap1")
    switch = Switch(own_lab.ovs.db)
    with Kernel(own_lab.host.path) as kernel:
        hold(switch, kernel, "tap1")
        undo(own_lab)
        switch.refresh()
        assert judge(switch, kernel, {"tap1": REFERENCE}, "average") == []


DAMAGE = [
    "qdisc del dev vnet0 root",
    "qdisc replace dev vnet0 root handle 7: pfifo limit 3",
    "class del dev vnet0 classid 6e71:1",
    "class change dev vnet0 classid 6e71:1 htb rate 1gbit ceil 1gbit",
    "class add dev vnet0 parent 6e71:1 classid 6e71:2 htb rate 1gbit",
    "class add dev vnet0 parent 6e71: classid 6e71:2 htb rate 1gbit",
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_somebody_did_with_tc_is_seen_and_mended(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port, damage: str
) -> None:
    port("vnet0")
    hold(switch, kernel, "vnet0")
    tc(lab, damage)
    assert judge(switch, kernel, {"vnet0": REFERENCE}, "average") != []
    assert run(lab, "verify", "vnet0").exit_code == 1
    hold(switch, kernel, "vnet0")
    assert kernel.read(["vnet0"])["vnet0"].tree == TREE
    assert run(lab, "verify", "vnet0").exit_code == 0


def test_a_device_that_was_made_anew_is_shaped_again(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    with tap(lab.host, "vnet0"):
        lab.ovs.add_port("br0", "vnet0")
        hold(switch, kernel, "vnet0")
    missing = enforce(switch, kernel, {"vnet0": REFERENCE}, enforce="average").drifts
    assert [each.code for each in missing] == ["device-missing"]
    with tap(lab.host, "vnet0"):
        assert [each.code for each in judge(switch, kernel, {"vnet0": REFERENCE}, "average")] == ["tree-missing"]
        hold(switch, kernel, "vnet0")


def test_to_linux_htb_and_back_nothing_is_left(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    for _ in range(2):
        assert enforce(switch, kernel, {"vnet0": REFERENCE}).drifts == []
        assert [line.split()[2] for line in classes(lab, "vnet0")] == ["1:1", "1:fffe"]
        assert [len(lab.ovs.rows(each)) for each in ("QoS", "Queue")] == [1, 1]
        assert hold(switch, kernel, "vnet0") == ["vnet0"]
        assert classes(lab, "vnet0") == [TC]
        assert [len(lab.ovs.rows(each)) for each in ("QoS", "Queue")] == [1, 0]


def test_linux_htb_takes_over_what_is_left_after_both_were_away(own_lab: Lab) -> None:
    own_lab.enter(tap(own_lab.host, "tap1"))
    own_lab.ovs.add_port("br0", "tap1")
    with Kernel(own_lab.host.path) as kernel:
        hold(Switch(own_lab.ovs.db), kernel, "tap1")
        own_lab.ovs.vswitchd.kill()
        own_lab.ovs.vsctl("--no-wait", "clear", "Port", "tap1", "qos", "--", "--all", "destroy", "QoS")
        own_lab.ovs.start_vswitchd()
        assert enforce(Switch(own_lab.ovs.db), kernel, {"tap1": REFERENCE}).drifts == []


@pytest.mark.parametrize("by_hand", [False, True])
def test_clear_takes_the_row_and_the_class_away(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port, by_hand: bool
) -> None:
    port("vnet0")
    hold(switch, kernel, "vnet0")
    if by_hand:  # the row alone: Open vSwitch leaves the class
        lab.ovs.vsctl("clear", "Port", "vnet0", "qos")
        (drift,) = judge(switch, kernel, {"vnet0": None})
        assert (drift.code, drift.actual) == ("tree-unexpected", "htb 6e71:")
        assert [leak.owner for leak in switch.leaks()] == ["netqos"]
        switch.collect()
    assert enforce(switch, kernel, {"vnet0": None}).drifts == []
    assert lab.ovs.rows("QoS") == [] and classes(lab, "vnet0") == []


def test_what_is_not_ours_is_not_touched(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    foreign = create(lab, "vnet0", "external_ids:ifname=vnet0")
    lab.ovs.vsctl("set", "QoS", foreign, "type=linux-noop")
    tc(lab, "qdisc replace dev vnet0 root handle 7: pfifo limit 3")
    with pytest.raises(ForeignQosError):
        enforce(switch, kernel, {"vnet0": REFERENCE}, enforce="average")
    assert enforce(switch, kernel, {"vnet0": None}, enforce="average").changed == []
    assert "pfifo 7:" in lab.host.run("tc", "qdisc", "show", "dev", "vnet0")
    assert enforce(switch, kernel, {"vnet0": REFERENCE}, adopt=["vnet0"], enforce="average").drifts == []
    assert foreign in {row["_uuid"] for row in lab.ovs.rows("QoS")}


def powerless(lab: Lab, *command: str) -> str:
    """The error of a command that may not set qdiscs."""
    ended = subprocess.run(
        ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", NETQOS, *command],
        input=XML,
        env=environment(lab),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    return ended.stderr


@pytest.mark.parametrize("command", [["apply", "--enforce", "average", "vnet1", "-"], ["clear", "vnet0"]])
def test_without_the_right_to_shape_nothing_is_changed(
    lab: Lab, switch: Switch, kernel: Kernel, port: Port, command: list[str]
) -> None:
    port("vnet0")
    port("vnet1")
    hold(switch, kernel, "vnet0")
    before = switch.ports()
    said = "netqos: without CAP_NET_ADMIN netqos cannot shape by itself; nothing was changed\n"
    assert powerless(lab, *command) == said
    assert switch.ports() == before and classes(lab, "vnet0") == [TC]


def test_a_class_that_cannot_be_removed_is_told(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    hold(switch, kernel, "vnet0")
    lab.ovs.vsctl("clear", "Port", "vnet0", "qos")
    said = "netqos: the rows are committed, but vnet0 is not shaped by them: Operation not permitted\n"
    assert powerless(lab, "clear", "vnet0") == said


def test_a_device_that_goes_meanwhile_is_none_to_shape(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    switch.apply({"vnet0": REFERENCE}, enforce="average")
    links = {"vnet0": replace(kernel.read(["vnet0"])["vnet0"], index=0x7FFFFFFE)}
    shape.hold(kernel, switch.ports(["vnet0"]), links, Psched())
    assert classes(lab, "vnet0") == []


def test_outbound_is_policed_as_ever(lab: Lab, switch: Switch, kernel: Kernel, port: Port) -> None:
    port("vnet0")
    both = Bandwidth(inbound=REFERENCE.inbound, outbound=Rate(average=100, burst=50))
    enforce(switch, kernel, {"vnet0": both}, enforce="average")
    policing = switch.ports(["vnet0"])["vnet0"].interfaces[0].policing
    assert policing == Policing(ingress_policing_rate=800, ingress_policing_burst=400)
    assert kernel.read(["vnet0"])["vnet0"].tree == TREE


def test_the_commands_know_it(lab: Lab, port: Port) -> None:
    port("vnet0")
    applied = run(lab, "apply", "--enforce", "average", "vnet0", "-", stdin=XML)
    assert applied.exit_code == 0 and "vnet0: changed: inbound average 512 kB/s" in applied.stdout
    assert applied.stderr == (
        "netqos: vnet0: average-holds: in the long run the guest receives 512 kB/s; "
        "32768 bytes beyond that come at 1024 kB/s\n"
    )
    assert run(lab, "explain", "--enforce", "average", "--tc", "-", stdin=XML).stdout == f"{TC} \n"
    assert run(lab, "verify").stdout == "ports 2, with drift 0, foreign 0; leaked rows 0\n"
    _, line = [each for each in run(lab, "show").stdout.splitlines() if not each.startswith("br0")]
    rates = "4.096 Mbit/s 8.192 Mbit/s"
    # The guest's kernel may have sent a word of IPv6's.
    assert re.fullmatch(rf"vnet0 netqos average {rates} {rates} \d+ B 0", " ".join(line.split()))
    shown = run(lab, "show", "vnet0").stdout
    assert "is held to  4.096 Mbit/s (4096000 bit/s)" in shown and "bursts at   8.192 Mbit/s" in shown
    (document,) = json.loads(run(lab, "show", "--json", "vnet0").stdout)
    assert (document["guaranteed_bps"], document["limit_bps"]) == (4_096_000, 4_096_000)
    assert document["bandwidth"]["inbound"] == {"average": 512, "peak": 1024, "burst": 32, "floor": None}
    assert [*document["counters"]] == ["6e71:1"]
    assert run(lab, "clear", "vnet0").exit_code == 0
    assert (lab.ovs.rows("QoS"), classes(lab, "vnet0")) == ([], [])


def test_a_burst_comes_at_peak_and_then_the_average(own_lab: Lab) -> None:
    _, source = own_lab.guest("192.0.2.1/24")
    port, sink = own_lab.guest("192.0.2.2/24")
    source.add_neighbour("192.0.2.2", sink.mac)
    bandwidth = Bandwidth(inbound=Rate(average=500, peak=2000, burst=400))
    with Kernel(own_lab.host.path) as kernel:
        hold(Switch(own_lab.ovs.db), kernel, port.name, bandwidth=bandwidth)
    wanted: object = (pytest.approx((2_000_000, 409_600), rel=0.1), pytest.approx(4_000_000, rel=0.03))
    for _ in range(8):  # a starved host sends too little
        with Sink(sink.namespace, "192.0.2.2", 4) as opened, Source(source.namespace, "192.0.2.2", 40e6, 5):
            opened.wait()
        arrived = opened.measurement
        # 400 KiB above the average last 0.27 s at peak, in which 546 kB come.
        soon = next(sample for sample in arrived.samples if sample[0] >= 0.2)
        end, total = arrived.samples[-1]
        seen = (soon[1] / soon[0], total - 500_000 * end), arrived.rate_bps(after=0.5)
        assert (seen[0][1] < 460_000, seen[1] < 4_130_000) == (True, True), "too much is too much, whoever starves"
        if seen == wanted:
            break
        time.sleep(1)  # the bucket fills in 0.8 s
    assert seen == wanted


def test_until_its_class_is_there_nothing_goes_through(own_lab: Lab) -> None:
    port, guest = own_lab.guest("192.0.2.2/24")
    with Kernel(own_lab.host.path) as kernel, Flood(own_lab.host, port.name, 0, rate_bps=8e6):
        hold(Switch(own_lab.ovs.db), kernel, port.name)
        tc(own_lab, f"class del dev {port.name} classid 6e71:1")
        before = guest.counters.rx_packets
        time.sleep(0.2)
        assert guest.counters.rx_packets == before
        hold(Switch(own_lab.ovs.db), kernel, port.name)
        time.sleep(0.2)
        assert guest.counters.rx_packets > before
