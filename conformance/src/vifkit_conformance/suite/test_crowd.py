"""Many at once: domains that start and stop together, and a domain with many vifs."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from vifkit import Bandwidth, Driver, Rate, State
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.leftovers import Leftovers

from .trees import leaf

THREADS, DOMAINS, VIFS = 8, 16, 8


def limited(kBps: int) -> str:
    """Write a bandwidth that no other has."""
    return f"<bandwidth><inbound average='{kBps}' peak='{kBps}'/></bandwidth>"


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_domains_that_start_and_stop_at_once_do_not_disturb_each_other(guest: Guests) -> None:
    """Failing: whatever is shared (names of devices, rows, the database) must bear verbs of several threads at once."""
    before = Leftovers.of(guest.observer)
    made = [guest(limited(100 + number), start=False) for number in range(DOMAINS)]
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda each: each.domain.start(), made))
    assert [leaf(each).ceil for each in made] == [(100 + number) * 1000 for number in range(DOMAINS)]
    assert len({each.device() for each in made}) == DOMAINS
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda each: each.domain.stop(), made))
    assert {each.domain.state() for each in made} == {State.SHUTOFF}
    assert str(Leftovers.of(guest.observer) - before) == ""


@pytest.mark.needs("inbound", "live_update", "persistent_domains", shaping="ovs-htb")
def test_starts_stops_and_updates_go_on_side_by_side(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: a start or stop must not undo an update of another domain that another connection makes meanwhile."""
    steady, *others = [guest(limited(100 + number), start=number == 0) for number in range(3)]

    def come_and_go(each: Guest) -> None:
        for _ in range(3):
            each.domain.start()
            each.domain.stop()

    with driver.open(uri) as connection, ThreadPoolExecutor(len(others)) as threads:
        domain = connection.domain(steady.domain.name)
        busy = [threads.submit(come_and_go, each) for each in others]
        for average in range(200, 220):
            domain.set_bandwidth(steady.mac, Bandwidth(inbound=Rate(average=average, peak=average)))
            assert leaf(steady).ceil == average * 1000
        for each in busy:
            each.result()


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_each_of_many_vifs_has_its_own_bandwidth(guest: Guests) -> None:
    """Failing: each vif of a domain has a port and rows of its own, however many there are, and so has its update."""
    made = guest(*(limited(100 + number) for number in range(VIFS)))
    assert [leaf(made, number).ceil for number in range(VIFS)] == [(100 + number) * 1000 for number in range(VIFS)]
    made.domain.set_bandwidth(made.macs[5], Bandwidth(inbound=Rate(average=900)))
    made.domain.set_bandwidth(made.macs[2], None)
    ceilings = [leaf(made, number).ceil for number in range(VIFS) if number != 2]
    assert ceilings == [100_000, 101_000, 103_000, 104_000, 900_000, 106_000, 107_000]
    assert made.tree(2).classes == {}
