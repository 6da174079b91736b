"""What libvirt leaves is deleted; what anybody else owns is not touched."""

import time
from uuid import uuid4

import libvirt
import pytest
from watching.domains import AVERAGE, PEAK, interface
from watching.host import Host
from watching.process import Watch, once

from vifkit_conformance.lab import tap

pytestmark = pytest.mark.switch

KINDS = pytest.mark.parametrize("kind", ["qemu", "lxc"])
LIMITED = (512_000, 512_000)


def leak(host: Host, vm_id: str, port: str) -> None:
    """Make the rows that libvirt leaves of a port."""
    ids = (f"external_ids:vm-id={vm_id}", f"external_ids:ifname={port}")
    queue = ("--", "--id=@queue", "create", "Queue", "other_config:min-rate=1", *ids)
    host.lab.ovs.vsctl("--no-wait", "create", "QoS", "type=linux-htb", "queues:0=@queue", *ids, *queue)


@KINDS
def test_the_rows_of_a_domain_that_is_destroyed_are_deleted(host: Host, kind: str) -> None:
    guest = host.start(kind, AVERAGE)
    with Watch(host, kind) as watch:
        host.domain(guest).destroy()
        watch.wait_until(lambda: host.rows() == 0, "the rows are deleted")


@KINDS
def test_the_rows_of_a_domain_whose_process_is_killed_are_deleted(host: Host, kind: str) -> None:
    guest, other = host.start(kind, AVERAGE), host.start(kind, PEAK)
    with Watch(host, kind) as watch:
        host.kill(guest)
        watch.wait_until(lambda: host.rows() == 2, "the rows are deleted")
        assert host.limit(other) == (512_000, 1_024_000)


def test_the_rows_of_a_vif_that_is_unplugged_are_deleted(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch:
        assert host.rows() == 2
        host.domain(guest).detachDeviceFlags(interface(guest.mac), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        watch.wait_until(lambda: host.rows() == 0, "the rows are deleted")


def test_rows_that_were_left_before_the_service_started_are_deleted(host: Host) -> None:
    leak(host, str(uuid4()), "vnet77")
    with Watch(host, "qemu"):
        assert host.rows() == 0


def test_rows_that_libvirt_did_not_write_stay(host: Host) -> None:
    host.lab.ovs.vsctl("--no-wait", "create", "QoS", "type=linux-htb", "external_ids:owner=somebody")
    host.lab.ovs.vsctl("--no-wait", "create", "Queue", "other_config:min-rate=1")
    with Watch(host, "qemu", "lxc") as watch:
        guest = host.start("lxc", AVERAGE)
        watch.wait_for_limit(guest, LIMITED)
        host.domain(guest).destroy()
        watch.wait_until(lambda: host.rows() == 2, "the rows of the domain are deleted")
    assert once(host, "qemu", "lxc").returncode == 0
    assert host.rows() == 2


def test_a_port_that_is_nobodys_domain_keeps_its_qos_and_its_policing(host: Host) -> None:
    ovs = host.lab.ovs
    with tap(host.lab.host, "tap7"):
        ovs.vsctl("add-port", "br0", "tap7", "--", "set", "Interface", "tap7", "ingress_policing_rate=1000")
        ids = ("external_ids:vm-id=" + str(uuid4()), "external_ids:ifname=tap7")
        ovs.vsctl("set", "Port", "tap7", "qos=@q", "--", "--id=@q", "create", "QoS", "type=linux-htb", *ids)
        before = (ovs.rows("Port"), ovs.rows("QoS"), ovs.rows("Interface", "name", "ingress_policing_rate"))
        assert once(host, "qemu", "lxc").returncode == 0
        assert before == (ovs.rows("Port"), ovs.rows("QoS"), ovs.rows("Interface", "name", "ingress_policing_rate"))
        ovs.vsctl("del-port", "tap7")


def test_rows_of_a_domain_that_libvirt_is_starting_stay_until_it_runs(host: Host) -> None:
    # Between its search for rows and its use of them libvirt would fail; then the domain has a port, and does not run.
    guest = host.start("qemu", AVERAGE, target="tap9", persistent=True)
    ovs = host.lab.ovs
    with Watch(host, "qemu") as watch:
        host.domain(guest).destroy()
        watch.wait_until(lambda: host.rows() == 0, "the rows are deleted")
        with tap(host.lab.host, "tap9"):
            ovs.vsctl("add-port", "br0", "tap9", "--", "set", "Interface", "tap9", f"external_ids:vm-id={guest.uuid}")
            leak(host, guest.uuid, "tap9")
            time.sleep(0.5)
            assert host.rows() == 2
            ovs.vsctl("del-port", "tap9")
            watch.wait_until(lambda: host.rows() == 0, "the rows are deleted after all")


def test_a_domain_starts_on_the_rows_that_its_last_life_has_left(host: Host) -> None:
    guest = host.start("qemu", AVERAGE, target="tap9", persistent=True)
    host.domain(guest).destroy()
    assert host.rows() == 2
    with Watch(host, "qemu") as watch:
        for _ in range(4):
            host.domain(guest).createWithFlags(1)
            watch.wait_for_limit(guest, LIMITED)
            watch.wait_until(lambda: host.rows() == 2, "one QoS and one Queue are left")
            host.domain(guest).destroy()
