"""Classes that others have published, as tc printed them for them."""

from collections.abc import Mapping

import pytest

from netqos import HtbClass, Psched, QosRow, QueueRow, predict
from netqos.htb import Version
from netqos.tc import tc_burst_bytes, tc_rate

PSCHED = Psched(ticks_per_s=15_625_000, buffer_hz=1_000_000_000)
Configs = list[Mapping[str, str]]  # of the QoS row, then of the queues from 0 on

# (versions, rows, the link's Mbit/s, classes)
PUBLISHED: dict[str, tuple[list[Version], Configs, int, dict[str, str]]] = {
    # OVS's tests/system-traffic.at at v3.1.0: "QoS - basic configuration"
    "basic": (
        [(3, 1, 0), (3, 2, 0)],
        [{"max-rate": "3000000"}, {"min-rate": "2000000", "max-rate": "3000000", "burst": "3000000"}],
        10_000,
        {"1:1": "rate 2Mbit ceil 3Mbit burst 375000b cburst 375000b"},
    ),
    # The same at v3.2.6: the second queue relies on the speed of the link
    "link": (
        [(3, 2, 3), (3, 2, 6)],
        [
            {},
            {"min-rate": "2000000", "max-rate": "3000000", "burst": "3000000"},
            {"min-rate": "4000000", "burst": "4000000"},
        ],
        5_000,
        {
            "1:1": "rate 2Mbit ceil 3Mbit burst 375000b cburst 375000b",
            "1:2": "rate 4Mbit ceil 5Gbit burst 500000b cburst 500000b",
        },
    ),
    # OVS's tests/system-traffic.at at v3.2.0 and v3.2.6: "QoS - 64bit"
    "64 bits": (
        [(3, 2, 0), (3, 2, 6)],
        [{"max-rate": "50000000000"}, {"min-rate": "40000000000", "max-rate": "50000000000", "burst": "5000000"}],
        10_000,
        {"1:1": "rate 40Gbit ceil 50Gbit burst 620000b cburst 618750b"},
    ),
    # github.com/openvswitch/ovs-issues, issue 268, of October 2022: a tap that OpenStack limits; of which version?
    "OpenStack": (
        [(2, 15, 0), (2, 17, 0), (3, 0, 0)],
        [{"max-rate": "102400000"}],
        10,
        {
            "1:1": "rate 12Kbit ceil 102400Kbit burst 1563b cburst 1561b",
            "1:fffe": "rate 102400Kbit ceil 102400Kbit burst 1497b cburst 1497b",
        },
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_classes_are_those_that_were_published(name: str) -> None:
    versions, (config, *queues), link_mbps, classes = PUBLISHED[name]
    rows = {number: QueueRow(other_config=each) for number, each in enumerate(queues)}
    qos = QosRow(type="linux-htb", other_config=config, queues=rows)
    for version in versions:
        tree = predict(qos, mtu=1500, ovs_version=version, psched=PSCHED, link_speed_bps=link_mbps * 1_000_000)
        assert {handle: printed(tree.classes[handle]) for handle in classes} == classes, version


def printed(each: HtbClass) -> str:
    burst = tc_burst_bytes(each.buffer, each.rate, PSCHED)
    cburst = tc_burst_bytes(each.cbuffer, each.ceil, PSCHED)
    return f"rate {tc_rate(each.rate)} ceil {tc_rate(each.ceil)} burst {burst}b cburst {cburst}b"
