"""What an administrator has set for himself is left to him."""

import time

import pytest
from watching.domains import AVERAGE, PEAK
from watching.host import Host
from watching.process import Watch, once

pytestmark = pytest.mark.switch

LIMITED = (512_000, 512_000)


def policing(host: Host, port: str) -> int:
    rows = host.lab.ovs.rows("Interface", "name", "ingress_policing_rate")
    return next(int(row["ingress_policing_rate"]) for row in rows if row["name"] == port)


def hold(host: Host, port: str) -> None:
    """Put somebody else's QoS on a port."""
    create = ("--", "--id=@q", "create", "QoS", "type=linux-htb", "other_config:max-rate=8000000")
    host.lab.ovs.vsctl("set", "Port", port, "qos=@q", *create)


def test_policing_on_a_port_without_a_bandwidth_is_left_alone(host: Host) -> None:
    guest, marker = host.start("qemu"), host.start("lxc")
    with Watch(host, "qemu", "lxc", options=("--audit", "1")) as watch:
        before = host.transactions()
        host.lab.ovs.vsctl("set", "Interface", host.port(guest), "ingress_policing_rate=1000")
        time.sleep(1.5)
        assert policing(host, host.port(guest)) == 1000
        assert host.transactions() == before + 1
        host.keep(marker, AVERAGE)
        watch.wait_for_limit(marker, LIMITED)
    assert once(host, "qemu", "lxc").returncode == 0
    assert policing(host, host.port(guest)) == 1000


def test_somebody_elses_qos_is_told_once_and_left_until_it_goes(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    port = host.port(guest)
    with Watch(host, "lxc", options=("--audit", "1")) as watch:
        hold(host, port)
        said = f"vifkit-libvirt: {guest.name} {port}: its QoS is somebody else's, and is left alone"
        watch.wait_until(lambda: said in watch.lines(), "it is told")
        time.sleep(2.5)
        assert watch.lines().count(said) == 1
        assert host.limit(guest) == (1_500, 1_000_000)
        assert once(host, "lxc").returncode == 1

        host.lab.ovs.vsctl("clear", "Port", port, "qos")
        watch.wait_for_limit(guest, LIMITED)
        watch.wait_until(lambda: f"{guest.name} {port}: as it should be" in watch.lines(), "its end is told")


def test_somebody_elses_qos_on_a_port_without_a_bandwidth_is_nobodys_business(host: Host) -> None:
    guest = host.start("qemu")
    hold(host, host.port(guest))
    ended = once(host, "qemu")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert host.limit(guest) == (1_500, 1_000_000)


def test_somebody_elses_qos_on_one_port_does_not_hold_up_another(host: Host) -> None:
    held, other = host.start("lxc"), host.start("lxc")
    hold(host, host.port(held))
    host.keep(held, AVERAGE)
    host.keep(other, PEAK)
    ended = once(host, "lxc")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"vifkit-libvirt: {held.name} {host.port(held)}: its QoS is somebody else's, and is left alone\n"
    )
    assert host.limit(other) == (512_000, 1_024_000)
