"""`vifkit-libvirt watch --once`, for cron: what it does, says, and how it ends."""

import json
import os
import signal
from uuid import uuid4

import pytest
from watching.domains import AVERAGE, PEAK
from watching.host import Host
from watching.process import once

pytestmark = pytest.mark.switch

LIMITED = (512_000, 512_000)


def test_it_brings_all_in_line_says_so_and_a_second_run_does_and_says_nothing(host: Host) -> None:
    qemu, lxc = host.start("qemu", AVERAGE), host.start("lxc", PEAK)
    gone = host.start("qemu", AVERAGE)
    host.domain(gone).destroy()
    ends = [once(host, "qemu", "lxc") for _ in range(2)]
    assert [(ended.returncode, ended.stderr) for ended in ends] == [(0, ""), (0, "")]
    assert host.limit(qemu) == LIMITED
    assert host.limit(lxc) == (512_000, 1_024_000)
    assert ends[0].stdout.splitlines()[:2] == [
        "in effect: " + ", ".join(sorted(f"{guest.name} {host.port(guest)}" for guest in (qemu, lxc))),
        "deleted: 2 rows that no port led to",
    ]
    assert ends[0].stdout.splitlines()[2].startswith(f"note: {lxc.name}: peak-is-the-limit: ")
    assert ends[1].stdout == ""


def test_a_second_run_makes_no_transaction(host: Host) -> None:
    host.start("qemu", AVERAGE)
    host.start("qemu")
    once(host, "qemu")
    before = host.transactions()
    assert once(host, "qemu").returncode == 0
    assert host.transactions() == before


def test_in_json_it_says_the_same_in_one_object_a_line(host: Host) -> None:
    guest, gone = host.start("lxc", PEAK), host.start("qemu", AVERAGE)
    host.domain(gone).destroy()
    (line,) = once(host, "qemu", "lxc", options=("--json",)).stdout.splitlines()
    said = json.loads(line)
    assert said.pop("time") > 1_700_000_000
    assert 0 < said.pop("seconds") < 10
    (finding,) = said.pop("findings")
    assert (finding["domain"], finding["code"]) == (guest.name, "peak-is-the-limit")
    changed = [{"domain": guest.name, "port": host.port(guest)}]
    assert said == {"read": 1, "changed": changed, "collected": 2, "troubles": [], "over": []}


def test_one_that_cannot_be_brought_in_line_is_exit_code_1(host: Host) -> None:
    guest, other = host.start("lxc", AVERAGE), host.start("lxc", AVERAGE)
    host.keep(guest, "<bandwidth><inbound/></bandwidth>")
    ended = once(host, "lxc")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"vifkit-libvirt: {guest.name}: its bandwidths are not understood: ")
    assert ended.stderr.count("\n") == 1
    assert host.limit(other) == LIMITED


def test_a_qdisc_that_somebody_deleted_is_mended(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    assert once(host, "lxc").returncode == 0
    host.lab.host.run("tc", "qdisc", "del", "dev", host.port(guest), "root")
    ended = once(host, "lxc")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert host.limit(guest) == LIMITED


def test_without_libvirtd_it_is_exit_code_3_in_one_line(host: Host) -> None:
    host.libvirtd.kill()
    try:
        ended = once(host, "qemu")
    finally:
        host.libvirtd.start()
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("vifkit-libvirt: qemu:///system")
    assert ended.stderr.count("\n") == 1


def test_without_ovsdb_server_it_is_exit_code_3_in_one_line(host: Host) -> None:
    host.lab.ovs.ovsdb_server.kill()
    try:
        ended = once(host, "qemu")
    finally:
        host.lab.ovs.start_ovsdb_server()
        host.lab.ovs.wait_until_settled()
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "no Open vSwitch database answers" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.timeout(60)
def test_with_an_ovs_vswitchd_that_hangs_it_is_exit_code_3_in_one_line(host: Host) -> None:
    host.start("lxc", AVERAGE)
    os.kill(host.lab.ovs.vswitchd.pid, signal.SIGSTOP)
    try:
        ended = once(host, "lxc")
    finally:
        os.kill(host.lab.ovs.vswitchd.pid, signal.SIGCONT)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "ovs-vswitchd is not answering" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_rows_of_a_domain_of_another_libvirt_stay_while_it_has_a_port(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    once(host, "lxc")
    host.lab.ovs.vsctl("clear", "Port", host.port(guest), "qos")
    assert once(host, "qemu").returncode == 0
    assert host.rows() == 2
    assert once(host, "lxc").returncode == 0
    assert host.limit(guest) == LIMITED
    assert host.rows() == 2


def test_rows_with_the_mark_of_netqos_that_are_of_no_domain_stay(host: Host) -> None:
    ids = ("external_ids:netqos=average=1", f"external_ids:ifname=tap{uuid4().hex[:4]}")
    host.lab.ovs.vsctl("--no-wait", "create", "QoS", "type=linux-htb", *ids)
    assert once(host, "qemu", "lxc").returncode == 0
    assert host.rows() == 1
