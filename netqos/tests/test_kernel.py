import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netqos import HtbClass, Qdisc, Tree
from netqos.kernel import Kernel
from netqos.link import Counters, Filter, Link
from vifkit import BackendError
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import Flood, Namespace, tap, until, veth

pytestmark = pytest.mark.switch


@pytest.fixture
def host(_environment: None) -> Iterator[Namespace]:
    """A namespace of the test's own."""
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def device(host: Namespace) -> Iterator[str]:
    with tap(host, "tap0") as (link, _):
        yield link.name


def tc(host: Namespace, *commands: str) -> None:
    for command in commands:
        host.run("tc", *command.split())


def read(host: Namespace, *names: str, policers: bool = False) -> dict[str, Link]:
    with Kernel(host.path) as kernel:
        return kernel.read(names or None, policers=policers)


def tree(host: Namespace, name: str = "tap0") -> Tree:
    return read(host, name)[name].tree


def batch(host: Namespace, *lines: str) -> None:
    """Run many commands of ip in one process."""
    text = "".join(f"{line}\n" for line in lines)
    subprocess.run(host.command(["ip", "-batch", "-"]), input=text, text=True, check=True, capture_output=True)


def test_a_tree_is_read_to_the_tick(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb default 1",
        "class add dev tap0 parent 1: classid 1:fffe htb rate 8192kbit burst 1500 cburst 1500 mpu 60",
        "class add dev tap0 parent 1:fffe classid 1:1 htb "
        "rate 4096kbit ceil 8192kbit burst 32k cburst 32k mpu 60 prio 3 quantum 9000",
        "class add dev tap0 parent 1:fffe classid 1:1f htb rate 8kbit ceil 16kbit burst 2000 cburst 3000",
    )
    assert tree(host) == Tree(
        qdisc=Qdisc(kind="htb", handle="1:", default=1, r2q=10),
        classes={
            "1:fffe": HtbClass(
                handle="1:fffe",
                parent="root",
                rate=1_024_000,
                ceil=1_024_000,
                # tc counts in whole microseconds, of 15.625 ticks each: 1464 of them.
                buffer=22_875,
                cbuffer=22_875,
                quantum=None,
                prio=None,
                level=7,
                mpu=60,
            ),
            "1:1": HtbClass(
                handle="1:1",
                parent="1:fffe",
                rate=512_000,
                ceil=1_024_000,
                buffer=1_000_000,
                cbuffer=500_000,
                quantum=9000,
                prio=3,
                level=0,
                mpu=60,
            ),
            "1:1f": HtbClass(
                handle="1:1f",
                parent="1:fffe",
                rate=1000,
                ceil=2000,
                buffer=31_250_000,
                cbuffer=23_437_500,
                quantum=1000,
                prio=0,
                level=0,
                mpu=0,
            ),
        },
    )


def test_the_parent_comes_first(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb",
        "class add dev tap0 parent 1: classid 1:fffe htb rate 8mbit",
        "class add dev tap0 parent 1:fffe classid 1:2 htb rate 8mbit",
        "class add dev tap0 parent 1:fffe classid 1:1 htb rate 8mbit",
    )
    read_tree = tree(host)
    assert next(iter(read_tree.classes)) == "1:fffe"
    assert set(read_tree.classes) == {"1:fffe", "1:1", "1:2"}


@pytest.mark.parametrize(
    ("rate", "rate_Bps", "ceil", "ceil_Bps"),
    [
        ("40gbit", 5_000_000_000, "100gbit", 12_500_000_000),
        ("8mbit", 1_000_000, "40gbit", 5_000_000_000),
        ("4294967295bps", 4_294_967_295, "4294967295bps", 4_294_967_295),
        ("4294967296bps", 4_294_967_296, "4294967297bps", 4_294_967_297),
        ("8bit", 1, "8bit", 1),
    ],
)
def test_rates_of_64_bits_are_read(
    host: Namespace, device: str, rate: str, rate_Bps: int, ceil: str, ceil_Bps: int
) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb default 1",
        f"class add dev tap0 parent 1: classid 1:1 htb rate {rate} ceil {ceil} burst 1 cburst 1",
    )
    leaf = tree(host).leaf
    assert leaf is not None
    assert (leaf.rate, leaf.ceil) == (rate_Bps, ceil_Bps)


def test_several_levels_of_classes_are_read(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle a: htb default 30 r2q 5",
        "class add dev tap0 parent a: classid a:1 htb rate 8mbit",
        "class add dev tap0 parent a:1 classid a:20 htb rate 4mbit",
        "class add dev tap0 parent a:20 classid a:30 htb rate 2mbit prio 7",
    )
    found = tree(host)
    assert found.qdisc == Qdisc(kind="htb", handle="a:", default=0x30, r2q=5)
    assert {handle: (each.parent, each.level, each.prio) for handle, each in found.classes.items()} == {
        "a:1": ("root", 7, None),
        "a:20": ("a:1", 6, None),
        "a:30": ("a:20", 0, 7),
    }


def test_what_went_through_a_class_is_counted(host: Namespace) -> None:
    with Namespace() as other, veth(host, "port0", "eth0", other):
        tc(
            host,
            "qdisc add dev port0 root handle 1: htb default 1",
            "class add dev port0 parent 1: classid 1:1 htb rate 80mbit burst 1mb",
            "class add dev port0 parent 1: classid 1:2 htb rate 80mbit burst 1mb",
        )
        with Flood(host, "port0", 0x10002, rate_bps=8_000_000, seconds=0.1) as flood:
            flood.wait()
        counters = until(lambda: _sent(host, "1:2", flood.sent_bytes), "all that was sent is counted")
    assert counters is not None
    assert (counters.bytes, counters.packets) == (flood.sent_bytes, flood.sent_bytes // 1500)
    assert counters.dropped == 0


def _sent(host: Namespace, handle: str, total: int) -> Counters | None:
    counters = read(host, "port0")["port0"].counters[handle]
    return counters if counters.bytes >= total else None


def test_what_a_class_drops_is_counted(host: Namespace) -> None:
    with Namespace() as other, veth(host, "port0", "eth0", other):
        host.run("ip", "link", "set", "port0", "txqueuelen", "2")
        tc(
            host,
            "qdisc add dev port0 root handle 1: htb default 1",
            "class add dev port0 parent 1: classid 1:2 htb rate 8kbit burst 1500 cburst 1500",
        )
        with Flood(host, "port0", 0x10002, rate_bps=8_000_000, seconds=0.1) as flood:
            flood.wait()
        counters = read(host, "port0")["port0"].counters["1:2"]
    assert counters.dropped > 0
    assert counters.overlimits > 0
    assert counters.packets < flood.sent_bytes // 1500


@pytest.mark.parametrize(
    ("command", "kind", "handle"),
    [
        ("qdisc replace dev tap0 root handle 2: pfifo", "pfifo", "2:"),
        ("qdisc replace dev tap0 root handle 2: tbf rate 1mbit burst 10k latency 50ms", "tbf", "2:"),
        ("qdisc replace dev tap0 root handle ffe0: pfifo limit 10", "pfifo", "ffe0:"),
    ],
)
def test_a_qdisc_of_another_kind_has_no_classes(
    host: Namespace, device: str, command: str, kind: str, handle: str
) -> None:
    tc(host, command)
    assert tree(host) == Tree(qdisc=Qdisc(kind=kind, handle=handle))


def test_a_qdisc_below_a_class_is_not_taken_for_the_root(host: Namespace, device: str) -> None:
    tc(
        host,
        "qdisc add dev tap0 root handle 1: htb default 1",
        "class add dev tap0 parent 1: classid 1:1 htb rate 8mbit",
        "qdisc add dev tap0 parent 1:1 handle 5: pfifo",
    )
    found = tree(host)
    assert found.qdisc == Qdisc(kind="htb", handle="1:", default=1, r2q=10)
    assert list(found.classes) == ["1:1"]


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


def test_a_namespace_is_found_by_the_id_of_a_process_in_it(host: Namespace, device: str) -> None:
    with sleeper(host) as pid:
        for netns in (pid, str(pid), f"/proc/{pid}/ns/net"):
            with Kernel(netns) as kernel:
                assert set(kernel.links()) == {"lo", "tap0"}


def test_a_namespace_is_found_by_its_name(host: Namespace, device: str, request: pytest.FixtureRequest) -> None:
    if not os.access("/run", os.W_OK):
        lacking(request.config, "/run may not be written to: there is no place for the name of a namespace")
    name = f"netqos-{os.getpid()}"
    with sleeper(host) as pid:
        subprocess.run(["ip", "netns", "attach", name, str(pid)], check=True)
        try:
            with Kernel(name) as kernel:
                assert set(kernel.links()) == {"lo", "tap0"}
        finally:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def inode(path: str) -> int:
    return Path(path).stat().st_ino


@contextmanager
def sleeper(namespace: Namespace) -> Iterator[int]:
    """A process that does nothing, in a namespace."""
    with subprocess.Popen(namespace.command(["sleep", "1000"])) as process:
        try:
            inside = inode(namespace.path)
            until(lambda: inode(f"/proc/{process.pid}/ns/net") == inside, "the process is inside")
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)


def test_this_process_stays_in_its_own_namespace(host: Namespace, device: str) -> None:
    before = inode("/proc/self/ns/net")
    with Kernel() as ours, Kernel(host.path) as other:
        assert inode("/proc/thread-self/ns/net") == before
        assert set(other.links()) == {"lo", "tap0"}
        assert "tap0" not in ours.links() or ours.links()["tap0"] != other.links()["tap0"]


@pytest.mark.parametrize(
    ("netns", "reason"),
    [
        ("nowhere-at-all", "No such file or directory"),
        ("/nowhere/at/all", "No such file or directory"),
        (2**31 - 1, "No such file or directory"),
        ("4194305", "No such file or directory"),
        ("/", "Is a directory"),
        ("/etc/passwd", "Invalid argument"),
        ("/proc/self/ns/uts", "Invalid argument"),
        ("/proc/self/\0", "embedded null byte"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_a_namespace_that_is_none_is_one_line(netns: str | int, reason: str) -> None:
    with pytest.raises(BackendError, match=rf"^network namespace [^\n]*: {reason}$") as raised:
        Kernel(netns)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None


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
