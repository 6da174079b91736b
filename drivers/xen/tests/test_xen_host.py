"""What a real Xen does: what its host is told, and what guests send and receive.

ci/xen-lab boots it. Rates are low, as software emulates all of it.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from vifkit import Bandwidth, Domain, Rate, State
from vifkit_conformance.guest import interface
from vifkit_conformance.lab import until
from vifkit_libvirt.metadata import NAMESPACE
from vifkit_xen.driver import XenConnection, XenDomain

if TYPE_CHECKING:
    from vifkit_conformance.observe.remote import Remote

pytestmark = pytest.mark.xen

Write = Callable[..., str]
MAC = "52:54:00:00:00:01"
BOTH = "<bandwidth><inbound average='128' peak='200' burst='32'/><outbound average='100' burst='64'/></bandwidth>"
SECONDS = 60.0


def credit(host: "Remote", device: str) -> str:
    """Read what netback is told to limit, of XenStore."""
    domain, _, number = device.removeprefix("vif").partition(".")
    return host.output("xenstore-read", f"/local/domain/0/backend/vif/{domain}/{number}/rate").strip()


def target(domain: Domain, number: int = 0) -> str:
    found = domain.vifs()[number].target
    assert found is not None
    return found


def classes(host: "Remote", device: str) -> str:
    return host.run("tc", "class", "show", "dev", device)


def test_netback_is_told_of_no_limit(connection: XenConnection, host: "Remote", write: Write) -> None:
    domain = connection.create(write(BOTH))
    device = target(domain)
    assert credit(host, device) == ""
    assert "rate 1024Kbit ceil 1600Kbit" in classes(host, device)
    assert "rate 800Kbit" in host.run("tc", "filter", "show", "dev", device, "parent", "ffff:")
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=50)))
    assert credit(host, device) == ""
    assert "rate 400Kbit" in host.run("tc", "filter", "show", "dev", device, "parent", "ffff:")
    assert "htb" not in classes(host, device)


def test_what_virsh_has_told_libvirt_is_moved_out_of_its_sight_by_a_start(
    connection: XenConnection, host: "Remote", write: Write
) -> None:
    theirs = connection.session.connection().defineXML(write(BOTH))
    domain = connection.domain(theirs.name())
    domain.start()
    assert credit(host, target(domain)) == ""
    assert "rate 1024Kbit ceil 1600Kbit" in classes(host, target(domain))
    kept = theirs.XMLDesc(2)
    assert NAMESPACE in kept
    assert "<bandwidth>" not in kept


def test_a_port_says_whose_it_is_and_a_plugged_one_too(connection: XenConnection, host: "Remote", write: Write) -> None:
    domain = connection.create(write(BOTH))
    assert isinstance(domain, XenDomain)
    domain.attach_vif(interface("52:54:00:00:00:02", BOTH))
    rows = {row["name"]: row["external_ids"] for row in host.rows("Interface", "name", "external_ids")}
    for vif in domain.vifs():
        assert vif.target is not None
        ids = rows[vif.target]
        assert (ids["attached-mac"], ids["vm-id"], ids["xen-vm-uuid"]) == (vif.mac, domain.uuid, domain.uuid)
        assert ids["iface-id"] == vif.interface_id
        assert "rate 1024Kbit ceil 1600Kbit" in classes(host, vif.target)


def test_a_guest_that_ends_by_itself_leaves_nothing_when_it_is_forgotten(
    connection: XenConnection, host: "Remote", write: Write
) -> None:
    domain = connection.define(write(BOTH))
    assert isinstance(domain, XenDomain)
    domain.start()
    boot(host)
    domain.shutdown()
    until(lambda: domain.state() is State.SHUTOFF, "the guest has ended", SECONDS)
    domain.undefine()
    assert (host.rows("QoS"), host.rows("Queue")) == ([], [])


@pytest.mark.parametrize(
    ("direction", "traffic", "least"),
    [
        ("inbound", "timeout 30 nc 192.0.2.2 10 </dev/zero", 0.8),
        ("outbound", "timeout 30 nc 192.0.2.2 9 </dev/null >/dev/null", 0.2),  # what is policed is lost to TCP
    ],
)
def test_a_guest_gets_the_rate_that_it_is_given(
    connection: XenConnection, host: "Remote", write: Write, direction: str, traffic: str, least: float
) -> None:
    """1.6 Mbit/s, and not the tenfold that emulation passes."""
    domain = connection.create(write(f"<bandwidth><{direction} average='200' burst='32'/></bandwidth>"))
    assert isinstance(domain, XenDomain)
    boot(host)
    host.run("sh", "-c", f"({traffic}) >/dev/null 2>&1 &")
    measured = sampled(domain, direction)
    assert 200_000 * least < measured < 200_000 * 1.1, f"{measured:.0f} bytes/s"


def boot(host: "Remote") -> None:
    """Wait until the guest answers."""
    ping = "busybox ping -c 1 -W 1 192.0.2.2 >/dev/null && echo answers"
    until(lambda: "answers" in host.output("sh", "-c", ping), "the guest has booted", SECONDS)


def sampled(domain: XenDomain, direction: str) -> float:
    """Count bytes a second at the vif, when the burst is over."""

    def count() -> tuple[float, int]:
        counted = domain.statistics(MAC)
        return time.monotonic(), counted.received_bytes if direction == "inbound" else counted.sent_bytes

    time.sleep(2)
    began, first = count()
    time.sleep(6)
    ended, last = count()
    return (last - first) / (ended - began)
