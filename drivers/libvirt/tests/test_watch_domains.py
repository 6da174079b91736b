"""What happens to domains does not confuse the service."""

import time
from contextlib import ExitStack

import libvirt
import pytest
from watching.domains import AVERAGE, PEAK
from watching.host import Host, new_host
from watching.process import Watch

from vifkit_conformance.lab import veth

pytestmark = pytest.mark.switch

LIMITED, PEAKING = (512_000, 512_000), (512_000, 1_024_000)


def test_a_container_that_reboots_is_limited_again(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc") as watch:
        before = host.qos(guest)["_uuid"]
        host.reboot(guest)
        watch.wait_until(
            lambda: before not in [row["_uuid"] for row in host.lab.ovs.rows("QoS", "_uuid")] and host.rows() == 2,
            "the rows are its second life's",
        )
        watch.wait_for_limit(guest, LIMITED)


def test_a_running_domain_that_is_undefined_stays_limited(host: Host) -> None:
    guest = host.start("qemu", AVERAGE, persistent=True)
    with Watch(host, "qemu") as watch:
        host.domain(guest).undefine()
        host.tune(guest, average=1024)
        watch.wait_for_limit(guest, (1_024_000, 1_024_000))
        host.domain(guest).destroy()
        watch.wait_until(lambda: host.rows() == 0, "the rows are deleted")


def test_a_domain_that_is_renamed_is_told_by_its_new_name(host: Host) -> None:
    guest = host.start("qemu", AVERAGE, persistent=True)
    with Watch(host, "qemu") as watch:
        domain = host.domain(guest)
        domain.destroy()
        watch.wait_until(lambda: host.rows() == 0, "the rows are deleted")
        domain.rename(f"{guest.name}-new")
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        watch.wait_for_limit(guest, LIMITED)
        watch.wait_until(lambda: f"in effect: {guest.name}-new {host.port(guest)}" in watch.lines(), "it is told")


def test_a_domain_that_is_suspended_and_resumed_stays_limited(host: Host) -> None:
    guest = host.start("lxc", AVERAGE)
    with Watch(host, "lxc", options=("--json",)) as watch:
        transactions = host.transactions()
        host.domain(guest).suspend()
        host.domain(guest).resume()
        time.sleep(0.5)
        assert host.limit(guest) == LIMITED
        assert host.transactions() == transactions
        assert [each["changed"] for each in watch.passes()][1:] in ([[]], [[], []])


def test_a_domain_whose_bandwidths_are_not_understood_is_told_and_holds_up_no_other(host: Host) -> None:
    odd, other = host.start("lxc", AVERAGE), host.start("lxc", AVERAGE)
    with Watch(host, "lxc", options=("--audit", "1")) as watch:
        host.keep(odd, "<bandwidth><inbound average='much'/></bandwidth>")
        said = f"vifkit-libvirt: {odd.name}: its bandwidths are not understood: "
        watch.wait_until(lambda: any(line.startswith(said) for line in watch.lines()), "it is told")
        host.keep(other, PEAK)
        watch.wait_for_limit(other, PEAKING)
        time.sleep(1.5)
        assert sum(line.startswith(said) for line in watch.lines()) == 1
        assert host.limit(odd) == LIMITED

        host.keep(odd, PEAK)
        watch.wait_for_limit(odd, PEAKING)
        watch.wait_until(lambda: f"{odd.name}: its bandwidths are understood now" in watch.lines(), "its end is told")


def test_what_a_person_should_know_is_told_once_for_a_domain(host: Host) -> None:
    with Watch(host, "lxc") as watch:
        guest = host.start("lxc", PEAK)
        watch.wait_for_limit(guest, PEAKING)
        for bandwidth, limit in ((AVERAGE, LIMITED), (PEAK, PEAKING)):
            host.keep(guest, bandwidth)
            watch.wait_for_limit(guest, limit)
        watch.wait_until(lambda: len(watch.lines()) == 5, "each pass is told")
        (note,) = (line for line in watch.lines() if line.startswith("note: "))
        assert note.startswith(
            f"note: {guest.name}: peak-is-the-limit: the parent class lets the guest receive 1024 kB/s"
        )


def test_two_hypervisors_beside_one_switch_are_watched_by_one_process(host: Host) -> None:
    with Watch(host, "qemu", "lxc") as watch:
        assert watch.lines() == ["watching qemu:///system (0 running), lxc:///system (0 running)"]
        qemu, lxc = host.start("qemu", AVERAGE), host.start("lxc", PEAK)
        watch.wait_for_limit(qemu, LIMITED)
        watch.wait_for_limit(lxc, PEAKING)
        host.domain(qemu).destroy()
        watch.wait_until(lambda: host.rows() == 2, "the rows of one are deleted")
        assert host.limit(lxc) == PEAKING


def test_a_domain_that_migrates_is_limited_where_it_arrives_and_leaves_no_rows(host: Host) -> None:
    here, there = "203.0.113.5", "203.0.113.6"
    with ExitStack() as stack:
        other = stack.enter_context(new_host(qemu_conf=f'migration_host = "{there}"'))
        ends = stack.enter_context(veth(host.lab.host, "migrate0", "migrate1", other.lab.host))
        for end, address in zip(ends, (here, there), strict=True):
            end.add_address(f"{address}/24")
        guest = host.start("qemu", AVERAGE)
        source, destination = (stack.enter_context(Watch(each, "qemu")) for each in (host, other))
        host.domain(guest).migrate3(other.connection("qemu"), {}, libvirt.VIR_MIGRATE_LIVE)
        destination.wait_for_limit(guest, LIMITED)
        source.wait_until(lambda: host.rows() == 0, "the rows at the source are deleted")
        other.domain(guest).destroy()
        destination.wait_until(lambda: other.rows() == 0, "the rows at the destination are deleted")
