"""The leaked rows of some domains, taken away by either switch."""

from collections.abc import Callable, Iterator

import pytest
from shared.rows import Port, create, inbound, libvirts, next_cfg, table

from netqos.monitor import LiveSwitch
from netqos.ovsdb import Switch
from vifkit_conformance.lab import Lab

pytestmark = pytest.mark.switch


@pytest.fixture(params=[Switch, LiveSwitch])
def either(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Switch]:
    opened: Callable[[str], Switch] = request.param
    with opened(lab.ovs.db) as switch:
        yield switch


def test_only_rows_of_these_domains_are_collected(lab: Lab, either: Switch, port: Port) -> None:
    port("vnet0", vm_id="a")
    port("vnet1", vm_id="b")
    port("vnet2")
    either.apply(dict.fromkeys(("vnet0", "vnet1", "vnet2"), inbound(100)))
    libvirts_own = create(lab, None, *libvirts("vnet3", "a"), queues={0: libvirts("vnet3", "a")})
    lab.ovs.vsctl(*(word for name in ("vnet0", "vnet1", "vnet2") for word in ("--", "del-port", name)))
    before = next_cfg(lab)
    assert (either.collect([]), either.collect(["c", ""]), next_cfg(lab)) == ([], [], before)
    collected = either.collect({"a", "c"})
    assert [(leak.table, leak.owner, leak.external_ids["vm-id"]) for leak in collected if leak.owner == "netqos"] == [
        ("QoS", "netqos", "a"),
        ("Queue", "netqos", "a"),
    ]
    assert libvirts_own in {leak.uuid for leak in collected}
    assert len(collected) == 4
    assert next_cfg(lab) == before + 1
    assert {row["external_ids"].get("vm-id") for row in lab.ovs.rows("QoS")} == {"b", None}
    assert {row["external_ids"].get("vm-id") for row in lab.ovs.rows("Queue")} == {"b", None}
    assert len(either.collect()) == 4
    assert (lab.ovs.rows("QoS"), lab.ovs.rows("Queue")) == ([], [])


def test_rows_of_these_domains_that_are_in_use_stay(lab: Lab, either: Switch, port: Port) -> None:
    port("vnet0", vm_id="a")
    either.apply({"vnet0": inbound(100)})
    assert either.collect(["a"]) == []
    assert len(lab.ovs.rows("QoS")) == len(lab.ovs.rows("Queue")) == 1


def test_a_queue_of_these_domains_in_a_leaked_row_of_another_stays_with_it(
    lab: Lab, either: Switch, port: Port
) -> None:
    uuid = create(lab, None, *libvirts("vnet0", "b"), queues={0: libvirts("vnet1", "a")})
    assert either.collect(["a"]) == []
    assert list(table(lab, "QoS")) == [uuid]
    assert len(either.collect(["a", "b"])) == 2
