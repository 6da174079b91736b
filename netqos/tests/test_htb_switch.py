"""What is predicted is what the installed ovs-vswitchd makes; `ci/openvswitch` runs this on other versions."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared.links import read
from shared.measured import CASES
from shared.rows import clear

from netqos import Psched, QosRow, QueueRow, predict
from netqos.link import Link
from netqos.ovsdb import Switch
from vifkit_conformance.lab import Lab, tap

pytestmark = pytest.mark.switch

MTUS = (68, 576, 1500, 9000, 65521)
SPEEDS = (10, 11, 2500, 10000, 25000, 40000, 4294967)  # Mbit/s

# Tiny ones, such as people write, and what is at the edges of 32 and of 64 bits.
RATES = (
    st.sampled_from(["0", "7", "8", "11999", "12000", "34359738360", "34359738368", "40000000000", "-8", "1e6", ""])
    | st.integers(1, 2**14).map(str)
    | st.integers(2**14, 2**31).map(str)
    | st.integers(2**31, 2**44).map(str)
)
BURSTS = st.sampled_from(["0", "12511", "12512", "34359738368"]) | st.integers(1, 2**25).map(str)
PRIORITIES = st.sampled_from(["8", "4294967296", "-1"]) | st.integers(0, 7).map(str)
CONFIGS = st.fixed_dictionaries(
    {}, optional={"max-rate": RATES, "min-rate": RATES, "burst": BURSTS, "priority": PRIORITIES}
)
NUMBERS = st.integers(0, 4) | st.sampled_from([255, 61439, 61440])
QUEUES = st.dictionaries(NUMBERS, st.builds(QueueRow, other_config=CONFIGS), max_size=4)
QOS = st.builds(QosRow, type=st.just("linux-htb"), other_config=CONFIGS, queues=QUEUES)


def add(lab: Lab, stack: ExitStack, name: str, mbps: int | None, mtu: int) -> str:
    """Make a device of this speed, or one that tells none, a port of br0."""
    if mbps is None:
        lab.host.run("ip", "link", "add", name, "mtu", str(mtu), "type", "ifb")
        stack.callback(lab.host.run, "ip", "link", "delete", name)
    else:
        stack.enter_context(tap(lab.host, name))
        lab.host.run("ethtool", "-s", name, "speed", str(mbps), "duplex", "full", "autoneg", "off")
        lab.host.run("ip", "link", "set", name, "mtu", str(mtu))
    lab.ovs.add_port("br0", name)
    return name


def shape(lab: Lab, rows: Mapping[str, QosRow]) -> dict[str, Link]:
    """Give each port a QoS row in one transaction, and read what has become of it."""
    operations: list[dict[str, Any]] = [{"op": "delete", "table": table, "where": []} for table in ("QoS", "Queue")]
    for name, qos in rows.items():
        pairs = []
        for number, queue in qos.queues.items():
            each: dict[str, Any] = {"other_config": ["map", list(queue.other_config.items())]}
            operations.append({"op": "insert", "table": "Queue", "row": each, "uuid-name": f"{name}q{number}"})
            pairs.append([number, ["named-uuid", f"{name}q{number}"]])
        row = {"type": qos.type, "other_config": ["map", list(qos.other_config.items())], "queues": ["map", pairs]}
        operations.append({"op": "insert", "table": "QoS", "row": row, "uuid-name": name})
        port = {"table": "Port", "where": [["name", "==", name]]}
        operations.append({"op": "update", "row": {"qos": ["named-uuid", name]}, **port})
    lab.ovs.transact(*operations)
    lab.ovs.wait_until_settled()
    return read(lab.host, *rows)


@pytest.fixture(scope="module")
def ports(lab: Lab) -> Iterator[list[str]]:
    with ExitStack() as stack:
        stack.callback(clear, lab)
        yield [add(lab, stack, f"tap{number}", mbps, MTUS[number % len(MTUS)]) for number, mbps in enumerate(SPEEDS)]


@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_class_is_as_predicted(lab: Lab, ports: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.fixed_dictionaries(dict.fromkeys(ports, QOS)))
    links = shape(lab, rows)
    for name, port in Switch(lab.ovs.db).ports(ports).items():
        assert links[name].tree == predict(
            rows[name],
            mtu=links[name].mtu,
            ovs_version=lab.ovs.version_info,
            psched=Psched.here(),
            link_speed_bps=port.interfaces[0].link_speed,
        ), (name, rows[name])


def test_what_was_measured_once_is_so_here(own_lab: Lab) -> None:
    """Of the newest version that was measured and is not newer than this one."""
    cases = {f"dev{number}": case for number, case in enumerate(CASES)}
    with ExitStack() as stack:
        for name, case in cases.items():
            add(own_lab, stack, name, case.link_mbps, case.mtu)
        links = shape(own_lab, {name: case.qos for name, case in cases.items()})
        ports = Switch(own_lab.ovs.db).ports(list(cases))
        for name, case in cases.items():
            if case.link_mbps is None and own_lab.ovs.version_info == (3, 3, 0):
                continue  # it takes what stands in its memory for the speed (netdev_linux_get_speed_locked)
            version = max(each for each in case.measured if each <= own_lab.ovs.version_info)
            speed, tree = case.measured[version]
            assert (ports[name].interfaces[0].link_speed, links[name].tree) == (speed, tree), (case.name, version)
