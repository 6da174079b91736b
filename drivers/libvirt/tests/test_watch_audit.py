"""An audit reads a share of the domains, so that it holds nobody up, and comes to all."""

from collections.abc import Iterator

import pytest
from watching.domains import AVERAGE
from watching.host import Host

import vifkit
from vifkit_libvirt.connection import LibvirtConnection
from vifkit_libvirt.watch import reconciler as module
from vifkit_libvirt.watch.reconciler import Reconciler
from vifkit_libvirt.watch.source import Source

pytestmark = pytest.mark.switch

LIMITED = (512_000, 512_000)


@pytest.fixture
def reconciler(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reconciler]:
    """The service without its loop: nobody hears of events."""
    monkeypatch.setattr(module, "SHARE", 2)
    uri = host.libvirtd.uri("lxc")
    connection = vifkit.connect(uri)
    assert isinstance(connection, LibvirtConnection) and connection.shaper is not None
    made = Reconciler([Source(uri, connection, lambda: None)], connection.shaper)
    yield made
    made.close()


def test_each_domain_has_its_turn(host: Host, reconciler: Reconciler) -> None:
    guests = [host.start("lxc", AVERAGE) for _ in range(5)]
    assert reconciler.act().read == 5
    assert reconciler.shares == 3
    for guest in guests:
        host.lab.host.run("tc", "qdisc", "del", "dev", host.port(guest), "root")
    mended = []
    for _ in range(reconciler.shares):
        first = reconciler.audit()
        assert first.retry and first.read <= 2
        assert not reconciler.act().retry
        mended.append(sum(host.limit(guest) == LIMITED for guest in guests))
    assert mended == [2, 4, 5]


def test_where_all_is_right_an_audit_only_reads(host: Host, reconciler: Reconciler) -> None:
    for _ in range(2):
        host.start("lxc", AVERAGE)
    reconciler.act()
    before = host.transactions()
    report = reconciler.audit()
    assert (report.read, report.changed, report.retry) == (2, [], False)
    assert reconciler.act().read == 0
    assert host.transactions() == before


def test_without_a_domain_there_is_one_share(reconciler: Reconciler) -> None:
    assert reconciler.act().read == 0
    assert reconciler.shares == 1
    assert reconciler.audit().read == 0
