"""Nothing is left behind: not after a stop, and not after a failure half way."""

import pytest

from vifkit import Connection, VifkitError
from vifkit_conformance.bandwidths import LOW, REFERENCE
from vifkit_conformance.guest import Guests
from vifkit_conformance.leftovers import Leftovers


def test_stop_leaves_no_rows_and_no_devices(guest: Guests) -> None:
    """Failing: QoS and Queue rows are roots in the database: `stop` must delete them, with port and device."""
    before = Leftovers.of(guest.observer)
    made = guest(REFERENCE, LOW, "")
    made.domain.stop()
    assert str(Leftovers.of(guest.observer) - before) == ""


@pytest.mark.needs("persistent_domains")
def test_undefine_leaves_nothing(guest: Guests) -> None:
    """Failing: a domain that was started, updated, stopped and undefined must leave no trace."""
    before = Leftovers.of(guest.observer)
    made = guest(REFERENCE)
    made.domain.stop()
    made.domain.undefine()
    assert str(Leftovers.of(guest.observer) - before) == ""


@pytest.mark.needs("inbound")
def test_a_start_that_fails_half_way_leaves_nothing(guest: Guests, connection: Connection) -> None:
    """Failing: when the second vif's bridge is not there, the first must be unplugged again, rows and device."""
    before = Leftovers.of(guest.observer), [each.name for each in connection.domains()]
    xml, _ = guest.write(REFERENCE, LOW)
    head, _, tail = xml.rpartition("bridge='br0'")
    with pytest.raises(VifkitError):
        guest.create(f"{head}bridge='br-nowhere'{tail}")
    assert str(Leftovers.of(guest.observer) - before[0]) == ""
    assert [each.name for each in connection.domains()] == before[1]


@pytest.mark.needs("on_openvswitch")
def test_a_start_whose_port_is_taken_leaves_the_port_alone(guest: Guests) -> None:
    """Failing: a device of this name is a stranger's: `create` must fail and neither use nor delete it."""
    lab = guest.lab
    lab.host.run("ip", "link", "add", "taken0", "type", "veth", "peer", "name", "taken1")
    try:
        lab.ovs.add_port("br0", "taken0")
        xml, _ = guest.write(REFERENCE, target="taken0")
        with pytest.raises(VifkitError):
            guest.create(xml)
        (port,) = [row for row in lab.ovs.rows("Port") if row["name"] == "taken0"]
        assert port["qos"] in (None, [], "")
        assert "taken0" in lab.host.run("ip", "-brief", "link")
    finally:
        lab.ovs.vsctl("--if-exists", "del-port", "taken0")
        lab.host.run("ip", "link", "delete", "taken0")


@pytest.mark.needs("plugs_vifs")
def test_a_domain_starts_after_a_start_that_failed(guest: Guests) -> None:
    """Failing: a failed start must not leave a half of the domain that keeps the next one from starting."""
    xml, _ = guest.write(REFERENCE, bridge="br-nowhere")
    with pytest.raises(VifkitError):
        guest.create(xml)
    domain = guest.create(xml.replace("br-nowhere", "br0"))
    domain.stop()
