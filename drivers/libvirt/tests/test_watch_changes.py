"""What somebody does at libvirt, at Open vSwitch or by tc, who knows of no service, is brought in line."""

import pytest
from watching.domains import AVERAGE, PEAK
from watching.host import Host
from watching.process import Watch

pytestmark = pytest.mark.switch

LIMITED, PEAKING = (512_000, 512_000), (512_000, 1_024_000)
KINDS = pytest.mark.parametrize("kind", ["qemu", "lxc"])


@KINDS
@pytest.mark.parametrize(("bandwidth", "limit"), [(AVERAGE, LIMITED), (PEAK, PEAKING)], ids=["average", "peak"])
def test_a_domain_that_somebody_starts_is_limited(
    host: Host, kind: str, bandwidth: str, limit: tuple[int, int]
) -> None:
    with Watch(host, kind) as watch:
        watch.wait_for_limit(host.start(kind, bandwidth), limit)


@KINDS
def test_a_domain_that_runs_when_the_service_starts_is_limited_when_it_is_ready(host: Host, kind: str) -> None:
    guest = host.start(kind, AVERAGE)
    with Watch(host, kind):
        assert host.limit(guest) == LIMITED


@KINDS
def test_a_vif_that_is_plugged_is_limited(host: Host, kind: str) -> None:
    guest = host.start(kind)
    with Watch(host, kind) as watch:
        second = host.plug(guest, AVERAGE)
        watch.wait_for_limit(second, LIMITED)
        assert host.limit(guest) is None


@KINDS
def test_a_vif_in_a_network_that_leads_to_open_vswitch_is_limited(host: Host, kind: str) -> None:
    with host.network(kind) as network, Watch(host, kind) as watch:
        guest = host.start(kind, AVERAGE, network=network)
        watch.wait_for_limit(guest, LIMITED)
        host.domain(guest).destroy()


def test_a_new_value_of_libvirts_is_taken_over(host: Host) -> None:
    guest = host.start("qemu", PEAK)
    with Watch(host, "qemu") as watch:
        host.tune(guest, average=256, peak=2048, burst=8)
        watch.wait_for_limit(guest, (256_000, 2_048_000))
        assert host.qos(guest)["other_config"] == {"min-rate": "2048000", "max-rate": "16384000", "burst": "65536"}


def test_a_peak_and_a_burst_that_are_dropped_leave_no_keys(host: Host) -> None:
    guest = host.start("qemu", PEAK)
    with Watch(host, "qemu") as watch:
        host.tune(guest, average=256)
        watch.wait_for_limit(guest, (256_000, 256_000))
        assert host.qos(guest)["other_config"] == {"min-rate": "2048000", "max-rate": "2048000"}


def test_a_bandwidth_given_to_a_running_domain_that_had_none_is_in_effect(host: Host) -> None:
    guest = host.start("qemu")
    with Watch(host, "qemu") as watch:
        host.tune(guest, average=512)
        watch.wait_for_limit(guest, LIMITED)


def test_new_metadata_of_a_container_are_in_effect(host: Host) -> None:
    guest = host.start("lxc")
    with Watch(host, "lxc") as watch:
        assert host.limit(guest) is None
        host.keep(guest, PEAK)
        watch.wait_for_limit(guest, PEAKING)


def test_a_cleared_bandwidth_is_cleared_with_its_rows(host: Host) -> None:
    qemu, lxc = host.start("qemu", PEAK), host.start("lxc", PEAK)
    with Watch(host, "qemu", "lxc") as watch:
        assert host.limit(qemu) == host.limit(lxc) == PEAKING
        host.tune(qemu, average=0)
        host.keep(lxc, "")
        watch.wait_for_limit(qemu, None)
        watch.wait_for_limit(lxc, None)
        assert host.rows() == 0


@KINDS
def test_rows_that_somebody_changes_are_restored(host: Host, kind: str) -> None:
    guest = host.start(kind, AVERAGE)
    with Watch(host, kind) as watch:
        host.lab.ovs.vsctl("--no-wait", "set", "QoS", host.qos(guest)["_uuid"], "other_config:max-rate=9000000")
        watch.wait_until(lambda: host.qos(guest)["other_config"].get("max-rate") == "4096000", "the row is restored")
        watch.wait_for_limit(guest, LIMITED)


@KINDS
def test_a_qos_that_somebody_takes_off_is_put_on_again_and_leaves_no_rows(host: Host, kind: str) -> None:
    guest = host.start(kind, AVERAGE)
    with Watch(host, kind) as watch:
        host.lab.ovs.vsctl("clear", "Port", host.port(guest), "qos")
        watch.wait_for_limit(guest, LIMITED)
        watch.wait_until(lambda: host.rows() == 2, "there is one QoS and one Queue")


def test_policing_that_somebody_sets_beside_a_bandwidth_is_taken_off(host: Host) -> None:
    guest = host.start("qemu", AVERAGE)
    with Watch(host, "qemu") as watch:
        host.lab.ovs.vsctl("--no-wait", "set", "Interface", host.port(guest), "ingress_policing_rate=1000")
        watch.wait_until(
            lambda: (
                [
                    row["ingress_policing_rate"]
                    for row in host.lab.ovs.rows("Interface", "name", "ingress_policing_rate")
                    if row["name"] == host.port(guest)
                ]
                == [0]
            ),
            "the policing is taken off",
        )


def test_a_qdisc_that_somebody_deletes_is_found_by_the_audit(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc", options=("--audit", "1")) as watch:
        host.lab.host.run("tc", "qdisc", "del", "dev", host.port(guest), "root")
        assert host.limit(guest) is None
        watch.wait_for_limit(guest, LIMITED)


def test_a_class_that_somebody_changes_is_found_by_the_audit(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc", options=("--audit", "1")) as watch:
        change = ("class", "change", "dev", host.port(guest), "parent", "1:fffe", "classid", "1:1")
        host.lab.host.run("tc", *change, "htb", "rate", "1mbit", "ceil", "2mbit")
        assert host.limit(guest) == (125_000, 250_000)
        watch.wait_for_limit(guest, LIMITED)


def test_a_change_of_which_nobody_tells_is_found_by_the_audit(host: Host) -> None:
    # An outbound peak changes no row, and libvirt has no event for it.
    guest = host.start("qemu", AVERAGE)
    with Watch(host, "qemu", options=("--audit", "1")) as watch:
        figures = {"outbound.average": 100, "outbound.peak": 0, "outbound.burst": 0}
        host.domain(guest).setInterfaceParameters(guest.mac, figures, 1)
        host.domain(guest).setInterfaceParameters(guest.mac, figures | {"outbound.peak": 300}, 1)
        watch.wait_until(
            lambda: (
                [
                    row["external_ids"].get("netqos")
                    for row in host.lab.ovs.rows("Interface", "name", "external_ids")
                    if row["name"] == host.port(guest)
                ]
                == ["average=100 peak=300"]
            ),
            "the mark has the peak",
        )
