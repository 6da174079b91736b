"""Links and their filters: any name, any number, and while they come and go."""

import socket
import subprocess
import sys
import threading

import pytest
from shared.links import read, tc

from netqos import Qdisc, Tree
from netqos.kernel import Kernel
from netqos.link import POLICE, Link
from netqos.policing import Filter, Police
from vifkit import BackendError
from vifkit_conformance.lab import Flood, Namespace, tap, veth

pytestmark = pytest.mark.switch


def batch(host: Namespace, *lines: str) -> None:
    """Run many commands of ip in one process."""
    text = "".join(f"{line}\n" for line in lines)
    subprocess.run(host.command(["ip", "-batch", "-"]), input=text, text=True, check=True, capture_output=True)


def test_an_interface_without_a_qdisc_has_no_tree(host: Namespace) -> None:
    assert read(host, "lo")["lo"].tree.classes == {}
    assert read(host, "lo")["lo"].policers == ()


def test_filters_on_the_ingress_are_listed(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 ingress",
        "filter add dev tap0 parent ffff: pref 49 u32 match u32 0 0",
        "filter add dev tap0 parent ffff: pref 50 protocol ip u32 match u32 0 0",
    )
    filters = read(host, "tap0", policers=True)["tap0"].policers
    assert {(each.kind, each.pref) for each in filters} == {("u32", 49), ("u32", 50)}
    assert all(isinstance(each, Filter) for each in filters)


@pytest.mark.usefixtures("policing")
@pytest.mark.parametrize(
    ("words", "pref", "police"),
    [
        (
            "basic police rate 1mbit burst 10k mtu 64kb drop",  # as Open vSwitch wrote it before 2.16
            49,
            [Police(rate=125_000, burst=1_280_000, mtu=65_536, conform="pass")],
        ),
        (
            "basic action police rate 1mbit burst 10k peakrate 2mbit mtu 64kb conform-exceed pipe/drop action pass",
            50,
            [Police(rate=125_000, burst=1_280_000, mtu=65_536, peakrate=250_000, exceed="pipe", conform="drop")],
        ),
        (
            "matchall action police rate 50gbit burst 10m mtu 64kb conform-exceed drop/pass",
            52,
            [Police(rate=6_250_000_000, burst=26_203, mtu=65_536, conform="pass")],
        ),
        (
            (
                "matchall action police pkts_rate 3000 pkts_burst 2000 conform-exceed drop/reclassify "
                "action police rate 8kbit burst 1k conform-exceed drop/continue"
            ),
            53,
            [
                Police(mtu=2**32 - 1, pkts_rate=3000, pkts_burst=10_416_656, conform="reclassify"),
                Police(rate=1000, burst=16_000_000, mtu=2040),  # 255 slots of 8 bytes, the kernel's own
            ],
        ),
    ],
    ids=["old", "peak", "wide", "two"],
)
def test_a_filter_is_read_with_its_police_actions(
    host: Namespace, device: str, words: str, pref: int, police: list[Police]
) -> None:
    others = "filter add dev tap0 parent ffff: pref 99 u32 match u32 0 0 action police rate 1mbit burst 10k"
    tc(host, "qdisc add dev tap0 ingress", f"filter add dev tap0 parent ffff: pref {pref} protocol all {words}", others)
    first, *rest = read(host, "tap0", policers=True)["tap0"].policers
    assert first == Filter(kind=words.split(maxsplit=1)[0], pref=pref, handle=1, actions=tuple(police))
    assert set(rest) == {Filter(kind="u32", pref=99)}


@pytest.mark.usefixtures("policing")
def test_the_action_that_may_be_open_vswitchs_tells_what_it_has_dropped(host: Namespace) -> None:
    with Namespace() as other, veth(host, "port0", "port1", other):
        police = "matchall action police rate 8kbit burst 100b conform-exceed drop/continue"  # no frame fits
        tc(host, "qdisc add dev port0 ingress", f"filter add dev port0 ingress pref 1 protocol all {police}")
        with Flood(other, "port1", 0, rate_bps=1_200_000, seconds=0.5) as flood:
            flood.wait()
        counted = read(host, "port0", policers=True)["port0"].counters[POLICE]
        flooded = flood.sent_bytes // 1500
        assert flooded <= counted.dropped == counted.overlimits <= flooded + 50  # what the link says of itself, too
        assert counted.bytes >= flooded * 1486  # without Ethernet's header
        assert POLICE not in read(host, "port0")["port0"].counters


@pytest.mark.usefixtures("policing")
def test_a_kernel_that_polices_has_loaded_what_it_needs(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 ingress",
        "filter add dev tap0 parent ffff: matchall action police rate 1mbit burst 9k",
    )
    with Kernel(host.path) as kernel:
        assert kernel.has_police()


def test_whether_the_kernel_polices_may_be_asked_without_a_privilege(host: Namespace) -> None:
    with Kernel(host.path) as kernel:
        privileged = kernel.has_police()
    command = "from netqos.kernel import Kernel; print(Kernel().has_police())"
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
    asked = subprocess.run([*powerless, sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert asked.stdout == f"{privileged}\n"


def test_filters_are_not_read_where_nobody_asks(host: Namespace, device: str) -> None:
    tc(host, "qdisc add dev tap0 ingress", "filter add dev tap0 parent ffff: pref 49 u32 match u32 0 0")
    assert read(host, "tap0")["tap0"].policers == ()


def test_an_ingress_without_a_filter_polices_nothing(host: Namespace, device: str) -> None:
    tc(host, "qdisc add dev tap0 ingress")
    assert read(host, "tap0", policers=True)["tap0"].policers == ()
    assert read(host, "tap0", policers=True)["tap0"].tree.qdisc != Qdisc(kind="ingress", handle="ffff:")


def test_a_filter_on_the_way_out_is_no_policer(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 clsact",
        "filter add dev tap0 egress pref 49 u32 match u32 0 0",
        "qdisc add dev tap0 root handle 1: htb default 1",
        "class add dev tap0 parent 1: classid 1:1 htb rate 8mbit",
        "filter add dev tap0 parent 1: pref 49 u32 match u32 0 0 classid 1:1",
    )
    assert read(host, "tap0", policers=True)["tap0"].policers == ()


def test_mtu_and_index_are_the_kernels(host: Namespace, device: str) -> None:
    host.run("ip", "link", "set", "tap0", "mtu", "9000")
    found = read(host)
    assert set(found) == {"lo", "tap0"}
    assert (found["lo"].index, found["lo"].mtu) == (1, 65536)
    assert (found["tap0"].name, found["tap0"].mtu) == ("tap0", 9000)
    assert found["tap0"].index == host.call(socket.if_nametoindex, "tap0")


def test_names_that_do_not_exist_are_left_out(host: Namespace, device: str) -> None:
    assert set(read(host, "tap0", "nowhere", "a name that is far too long for any device")) == {"tap0"}


def test_no_names_at_all_are_no_interfaces(host: Namespace, device: str) -> None:
    with Kernel(host.path) as kernel:
        assert kernel.read([]) == {}


def test_names_may_be_odd(host: Namespace) -> None:
    with tap(host, "a[0]{1}é"):
        tc(host, "qdisc add dev a[0]{1}é root handle 1: htb default 1")
        assert read(host, "a[0]{1}é")["a[0]{1}é"].tree.qdisc == Qdisc(kind="htb", handle="1:", default=1, r2q=10)


def test_a_link_that_vanishes_between_two_questions_is_one_without_a_tree(host: Namespace) -> None:
    class Slow(Kernel):
        def links(self) -> dict[str, Link]:
            found = super().links()
            host.run("ip", "link", "delete", "port0")
            return found

    with Namespace() as other, veth(host, "port0", "eth0", other):
        tc(
            host,
            "qdisc add dev port0 root handle 1: htb default 1",
            "class add dev port0 parent 1: classid 1:1 htb rate 8mbit",
        )
        with Slow(host.path) as kernel:
            assert kernel.read(["port0"], policers=True)["port0"].tree == Tree()


def test_a_link_whose_classes_vanish_between_two_questions_has_none(host: Namespace) -> None:
    class Slow(Kernel):
        def _qdiscs(self) -> dict[int, tuple[Qdisc | None, bool]]:
            found = super()._qdiscs()
            host.run("ip", "link", "delete", "port0")
            return found

    with Namespace() as other, veth(host, "port0", "eth0", other):
        tc(
            host,
            "qdisc add dev port0 root handle 1: htb default 1",
            "class add dev port0 parent 1: classid 1:1 htb rate 8mbit",
            "qdisc add dev port0 ingress",
        )
        with Slow(host.path) as kernel:
            link = kernel.read(["port0"], policers=True)["port0"]
            assert (link.tree.classes, link.counters, link.policers) == ({}, {}, ())


def test_many_links_are_read_at_once(host: Namespace) -> None:
    names = [f"tap{number}" for number in range(300)]
    batch(host, *(f"tuntap add dev {name} mode tap" for name in names))
    lines = [
        line
        for number, name in enumerate(names, start=1)
        for line in (
            f"qdisc add dev {name} root handle 1: htb default 1",
            f"class add dev {name} parent 1: classid 1:1 htb rate {number}mbit",
        )
    ]
    subprocess.run(
        host.command(["tc", "-batch", "-"]), input="\n".join(lines) + "\n", text=True, check=True, capture_output=True
    )
    found = read(host)
    assert set(found) == {"lo", *names}
    rates = [leaf.rate if (leaf := found[name].tree.leaf) else None for name in names]
    assert rates == [125_000 * number for number in range(1, 301)]


def test_links_may_come_and_go_while_they_are_read(host: Namespace) -> None:
    batch(host, *(f"tuntap add dev tap{number} mode tap" for number in range(100)))
    failed: list[BaseException] = []

    def churn() -> None:
        try:
            for _ in range(15):
                host.run("ip", "link", "add", "port0", "type", "veth", "peer", "name", "port1")
                host.run("ip", "link", "delete", "port0")
        except BaseException as error:  # noqa: BLE001  told to the test
            failed.append(error)

    stable = {"lo"} | {f"tap{number}" for number in range(100)}
    thread = threading.Thread(target=churn)
    thread.start()
    with Kernel(host.path) as kernel:
        while True:
            last = not thread.is_alive()
            found = set(kernel.read())
            assert stable <= found <= stable | {"port0", "port1"}
            if last:
                break
    thread.join()
    assert failed == []
    assert found == stable


def test_an_interrupted_list_is_asked_for_again_and_not_for_ever(host: Namespace, device: str) -> None:
    class Interrupted(Kernel):
        left = 4

        def _ask(self, kind: int, payload: bytes) -> list[memoryview] | None:
            answer = super()._ask(kind, payload)
            self.left -= 1
            return None if self.left >= 0 else answer

    kernel = Interrupted(host.path)
    with kernel:
        assert set(kernel.links()) == {"lo", "tap0"}
        kernel.left = 5
        with pytest.raises(BackendError, match=r"^the kernel's interfaces change faster than they can be read$"):
            kernel.links()


def test_a_closed_socket_is_told_in_one_line(host: Namespace) -> None:
    kernel = Kernel(host.path)
    kernel.close()
    with pytest.raises(BackendError, match=r"^netlink does not answer: Bad file descriptor$"):
        kernel.read()
