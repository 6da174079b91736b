"""The driver and the service at work at once: each update is right, and they do not undo each other's work."""

import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from itertools import count
from typing import Any

import pytest
from watching.domains import Guest, write
from watching.host import Host
from watching.process import Watch

import vifkit
from netqos.ovsdb import Switch
from vifkit import Bandwidth, Connection, Rate
from vifkit_libvirt.shaper import Shaper

pytestmark = [pytest.mark.switch, pytest.mark.filterwarnings("ignore::vifkit.BandwidthWarning")]

ROUNDS = 12


@pytest.fixture(params=["qemu", "lxc"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(host: Host, kind: str) -> Iterator[Connection]:
    with vifkit.connect(host.libvirtd.uri(kind)) as opened:
        yield opened


def rates() -> Iterator[tuple[Bandwidth | None, tuple[int, int] | None]]:
    """Give bandwidths, and what the kernel then says: an average, a peak, none, and so on."""
    for number in count(100):
        yield Bandwidth(inbound=Rate(average=number)), (number * 1000, number * 1000)
        yield Bandwidth(inbound=Rate(average=number, peak=2 * number, burst=64)), (number * 1000, number * 2000)
        yield None, None


def updated(host: Host, connection: Connection, guest: Guest) -> int:
    """Set a bandwidth again and again; give the transactions that this took."""
    domain, before = connection.domain(guest.name), host.transactions()
    for (bandwidth, limit), _ in zip(rates(), range(ROUNDS), strict=False):
        domain.set_bandwidth(guest.mac, bandwidth)
        assert host.limit(guest) == limit
    time.sleep(2.5)  # as long as the service may gather
    assert host.limit(guest) == limit
    return host.transactions() - before


def come_to_rest(host: Host) -> None:
    """Wait for a second without a transaction."""
    for _ in range(10):
        before = host.transactions()
        time.sleep(1)
        if host.transactions() == before:
            return
    raise AssertionError("transactions go on and on")


def test_updates_by_the_driver_are_right_and_cost_few_transactions_more(
    host: Host, kind: str, connection: Connection
) -> None:
    guest = host.start(kind)
    alone = updated(host, connection, guest)
    with Watch(host, kind) as watch:
        together = updated(host, connection, guest)
        after = host.transactions()
        time.sleep(1)
        assert host.transactions() == after
        assert [line for line in watch.lines() if line.startswith("vifkit-libvirt: ")] == []
    assert together <= alone + ROUNDS


@pytest.mark.parametrize(("averages", "fails"), [((102, 101), False), ((103, 102, 101), True)])
def test_what_the_service_read_too_early_does_not_stay(host: Host, averages: tuple[int, ...], fails: bool) -> None:
    guest = host.start("qemu")
    shaper = Shaper(host.lab.ovs.db, host.lab.host.path, sees_kernel=True)
    other, apply = Switch(host.lab.ovs.db), shaper.switch.apply
    stale = list(averages)

    def overtaken(*args: Any, **kwargs: Any) -> list[str]:
        changed = apply(*args, **kwargs)
        if stale:
            other.apply({host.port(guest): Bandwidth(inbound=Rate(average=stale.pop()))})
        return changed

    shaper.switch.apply = overtaken  # type: ignore[method-assign]
    with pytest.raises(vifkit.BackendError, match="rows-differ") if fails else nullcontext():
        shaper.shape({host.port(guest): None})
    assert host.limit(guest) == ((103_000, 103_000) if fails else None)


def test_domains_start_and_stop_by_the_driver_beside_the_service(host: Host, kind: str, connection: Connection) -> None:
    with Watch(host, kind) as watch:
        for number in range(4):
            bandwidth = f"<bandwidth><inbound average='{100 + number}'/></bandwidth>"
            guest, xml = write(kind, host.root, "")
            xml = xml.replace("<virtualport", f"{bandwidth}<virtualport")
            domain = connection.create(xml)
            assert host.limit(guest) == ((100 + number) * 1000, (100 + number) * 1000)
            domain.stop()
            assert host.rows() == 0
        assert [line for line in watch.lines() if line.startswith("vifkit-libvirt: ")] == []


def test_two_who_set_a_bandwidth_at_once_and_the_service_agree_in_the_end(
    host: Host, kind: str, connection: Connection
) -> None:
    guest = host.start(kind)

    def work(averages: range) -> None:
        with vifkit.connect(host.libvirtd.uri(kind)) as own:
            for average in averages:
                # Who finds the other's rate in effect says so.
                with suppress(vifkit.BackendError):
                    own.domain(guest.name).set_bandwidth(guest.mac, Bandwidth(inbound=Rate(average=average)))

    with Watch(host, kind) as watch:
        threads = [threading.Thread(target=work, args=(range(start, start + 10),)) for start in (100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = connection.domain(guest.name).bandwidth(guest.mac)
        assert kept is not None and kept.inbound is not None and kept.inbound.average is not None
        watch.wait_for_limit(guest, (kept.inbound.average * 1000,) * 2)
        come_to_rest(host)
        assert host.limit(guest) == (kept.inbound.average * 1000,) * 2
