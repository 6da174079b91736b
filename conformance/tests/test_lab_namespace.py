import socket
import subprocess
from pathlib import Path

import pytest

from vifkit_conformance.lab import CommandError, LabError, LabUnavailableError, Namespace, counters, tap, until, veth

pytestmark = pytest.mark.switch


def test_a_new_namespace_has_only_lo_and_it_is_up() -> None:
    with Namespace() as namespace:
        assert list(counters(namespace)) == ["lo"]
        assert "LOOPBACK,UP" in namespace.run("ip", "link", "show", "lo")


def test_the_path_leads_other_processes_into_the_namespace() -> None:
    with Namespace() as namespace, veth(namespace, "here", "there", namespace):
        argv = ["nsenter", f"--net={namespace.path}", "ip", "-brief", "link"]
        shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert "here@there" in shown


def test_a_socket_made_by_call_stays_in_the_namespace() -> None:
    with (
        Namespace() as namespace,
        socket.socket() as outside,
        namespace.call(socket.create_server, ("127.0.0.1", 0)) as server,
        namespace.call(socket.create_connection, server.getsockname()),
    ):
        assert outside.connect_ex(server.getsockname()) != 0


def test_a_namespace_is_opened_by_its_path_and_lives_on_when_that_is_closed() -> None:
    with Namespace() as namespace:
        with Namespace.at(namespace.path) as again, veth(again, "here", "there", again):
            assert {"here", "there"} <= set(counters(namespace))
        assert list(counters(namespace)) == ["lo"]


def test_a_path_without_a_namespace_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no network namespace: .*nowhere"):
        Namespace.at(tmp_path / "nowhere")


def test_call_raises_what_the_function_raises() -> None:
    with Namespace() as namespace, pytest.raises(ZeroDivisionError):
        namespace.call(divmod, 1, 0)


def test_call_leaves_the_caller_where_it_was() -> None:
    before = Path("/proc/thread-self/ns/net").readlink()
    with Namespace() as namespace:
        assert namespace.call(Path("/proc/thread-self/ns/net").readlink) != before
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_a_command_that_fails_says_what_it_wrote() -> None:
    with Namespace() as namespace, pytest.raises(CommandError, match="nowhere") as raised:
        namespace.run("ip", "link", "show", "nowhere")
    assert raised.value.status == 1
    assert "does not exist" in raised.value.stderr


def test_a_closed_namespace_is_freed_with_all_its_devices() -> None:
    with Namespace() as witness:
        namespace = Namespace()
        namespace.run("ip", "link", "add", "inside", "type", "veth", "peer", "name", "outside", "netns", witness.path)
        assert "outside" in counters(witness)
        namespace.close()
        namespace.close()
        until(lambda: "outside" not in counters(witness), "the namespace is gone")


def test_a_namespace_that_the_kernel_refuses_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_flags: int) -> None:
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr("vifkit_conformance.lab.namespace.unshare", refuse)
    with pytest.raises(LabUnavailableError, match="Operation not permitted"):
        Namespace()


def test_a_wire_has_the_addresses_neighbours_and_mtu_it_was_given() -> None:
    with Namespace() as left, Namespace() as right, veth(left, "eth0", "eth0", right) as (near, far):
        near.add_address("192.0.2.1/24")
        near.add_neighbour("192.0.2.2", far.mac)
        near.set_mtu(9000)
        assert near.mtu_bytes == 9000
        assert near.mac != far.mac
        assert f"192.0.2.2 lladdr {far.mac} PERMANENT" in near.ip("neighbour", "show", "dev", "eth0")
        assert "tx-checksumming: off" in far.namespace.run("ethtool", "-k", "eth0")
    assert near.name


def test_a_wire_is_gone_after_its_block_even_if_a_test_cut_it() -> None:
    with Namespace() as namespace:
        with veth(namespace, "here", "there", namespace) as (near, _):
            near.delete()
        with veth(namespace, "here", "there", namespace):
            assert {"here", "there"} <= set(counters(namespace))
        assert list(counters(namespace)) == ["lo"]


def test_a_tap_lasts_as_long_as_its_block() -> None:
    with Namespace() as namespace:
        with tap(namespace, "tap0") as (link, _):
            assert link.mtu_bytes == 1500
            assert "tap0" in counters(namespace)
        assert list(counters(namespace)) == ["lo"]
