from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netqos import CODES, Enforce, Finding, Policing, Psched, find, predict, translate
from vifkit import Bandwidth, Rate, Vif

OLD, NEW = (3, 1, 0), (3, 5, 0)
Version = tuple[int, ...]
BITS_AND_PACKETS = Policing(ingress_policing_rate=4096, ingress_policing_burst=256, ingress_policing_kpkts_rate=3)
HIGH_RESOLUTION = Psched(ticks_per_s=15_625_000, buffer_hz=1_000_000_000)


def findings(
    bandwidth: Bandwidth | None,
    version: Version = NEW,
    *,
    mtu: int = 1500,
    as_libvirt: bool = False,
    vif: Vif | None = None,
    psched: Psched = HIGH_RESOLUTION,
    link_speed_bps: int | None = None,
    enforce: Enforce = "htb",
    policing: Policing | None = None,
    in_userspace: bool = False,
) -> list[Finding]:
    rows = translate(bandwidth, "vnet0", as_libvirt=as_libvirt, enforce=enforce)
    rows = replace(rows, policing=policing or rows.policing)
    tree = predict(rows.qos, mtu=mtu, ovs_version=version, psched=psched, link_speed_bps=link_speed_bps)
    return find(bandwidth, rows, tree, mtu=mtu, ovs_version=version, psched=psched, vif=vif, in_userspace=in_userspace)


def inbound(**figures: int) -> Bandwidth:
    return Bandwidth(inbound=Rate(**figures))


def outbound(**figures: int) -> Bandwidth:
    return Bandwidth(outbound=Rate(**figures))


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


# Each code, what produces it and nothing else, and what is said. `rate-raised` cannot be alone: what is raised
# is below the limit, and so either a peak or no limit at all is there too.
EXAMPLES = [
    (
        "peak-is-the-limit",
        lambda: findings(inbound(average=512, peak=1024, burst=32)),
        (
            "the parent class lets the guest receive 1024 kB/s for ever; 512 kB/s is only what it is guaranteed "
            "when others compete"
        ),
    ),
    (
        "average-holds",
        lambda: findings(inbound(average=512, peak=1024, burst=32), enforce="average"),
        "in the long run the guest receives 512 kB/s; 32768 bytes beyond that come at 1024 kB/s",
    ),
    (
        "average-above-peak",
        lambda: findings(inbound(average=512, peak=256)),
        "the guest receives 256 kB/s at most, and its average of 512 kB/s is cut to that",
    ),
    (
        "no-limit",
        lambda: findings(inbound(average=512), as_libvirt=True),
        "without a max-rate the guest may receive 10000000000 bit/s: the average is no limit",
    ),
    (
        "switch-aborts",  # what else is found is there with all versions
        lambda: findings(inbound(average=512), (3, 2, 2), as_libvirt=True)[1:],
        "ovs-vswitchd 3.2.0 to 3.2.2 aborts on a QoS row without a max-rate",
    ),
    (
        "rate-wraps",
        lambda: findings(inbound(average=5_000_000), OLD),
        (
            "Open vSwitch before 3.2 keeps 32 bits of bytes/s: min-rate, max-rate becomes 5640261632 bit/s guaranteed, "
            "5640261632 bit/s at most"
        ),
    ),
    (
        "rate-raised",
        lambda: findings(inbound(average=1, peak=1000))[1:],
        "8000 bit/s is under one packet of 1500 bytes a second: the guaranteed rate becomes 12000 bit/s",
    ),
    (
        "burst-raised",
        lambda: findings(inbound(average=512, burst=1)),
        "a burst of 1024 bytes is under one packet: it becomes 1564 bytes",
    ),
    (
        "burst-wraps",
        lambda: findings(inbound(average=2, burst=1024)),
        "a burst of 1048576 bytes at 16000 bit/s does not fit 32 bits: it becomes 498820 bytes",
    ),
    (
        "outbound-peak-ignored",
        lambda: findings(outbound(average=100, peak=200, burst=50)),
        "outbound peak 200 kB/s: policing knows the average only",
    ),
    (
        "outbound-burst-default",
        lambda: findings(outbound(average=100)),
        "outbound has no burst: Open vSwitch takes 8000 kbit (1000 KiB)",
    ),
    (
        "burst-below-packet",
        lambda: findings(outbound(average=512, burst=1)),
        "an outbound burst of 1024 bytes holds no packet of 1500 bytes: none over 1024 bytes passes",
    ),
    (
        "burst-slows-tcp",
        lambda: findings(outbound(average=512, burst=32)),
        (
            "an outbound burst of 32768 bytes is 64 ms of the average, and what exceeds it is lost: TCP may stay far "
            "below the average"
        ),
    ),
    (
        "policing-refused",
        lambda: findings(outbound(average=512, burst=256), policing=BITS_AND_PACKETS),
        ("4096 kbit/s and 3 kpkt/s: Linux refuses both in one action, so that nothing limits what the guest sends"),
    ),
    (
        "policing-bypassed",
        lambda: findings(outbound(average=512, burst=256), in_userspace=True),
        (
            "the bridges have their datapath in user space (netdev), which reads each packet before the kernel polices "
            "it: nothing limits what the guest sends"
        ),
    ),
    (
        "floor-ignored",
        lambda: findings(inbound(floor=100)),
        "inbound floor 100 kB/s: Open vSwitch does not carry a floor out",
    ),
    (
        "interface-unsupported",
        lambda: findings(inbound(average=512), vif=Vif(type="direct", source="eth0")),
        (
            "an interface of type 'direct' without an openvswitch virtualport is not on Open vSwitch: none of this is "
            "carried out there"
        ),
    ),
]


@pytest.mark.parametrize(("code", "found", "message"), EXAMPLES, ids=[code for code, *_ in EXAMPLES])
def test_each_finding_says_what_really_happens(code: str, found: Callable[[], list[Finding]], message: str) -> None:
    assert found() == [Finding(code, message)]


def test_every_code_has_its_example() -> None:
    assert sorted(code for code, *_ in EXAMPLES) == sorted(CODES)


def test_only_a_row_without_a_max_rate_and_only_those_versions_abort() -> None:
    for version in (3, 1, 7), (3, 2, 3), (3, 3, 0):
        assert codes(findings(inbound(average=512), version, as_libvirt=True)) == ["no-limit"]
    assert findings(inbound(average=512), (3, 2, 0)) == []


def test_a_rate_is_only_raised_below_the_limit() -> None:
    assert codes(findings(inbound(average=1, peak=1000))) == ["peak-is-the-limit", "rate-raised"]
    assert findings(inbound(average=1)) == []
    assert findings(inbound(average=2, peak=2)) == []


@pytest.mark.parametrize(
    "bandwidth",
    [
        None,
        Bandwidth(),
        inbound(average=512),
        inbound(average=512, peak=512, burst=32),
        inbound(average=512, peak=512, burst=2),
        outbound(average=100, burst=50),
        Bandwidth(inbound=Rate(average=1000), outbound=Rate(average=1000, burst=1000)),
    ],
)
@pytest.mark.parametrize("version", [OLD, NEW])
def test_what_does_what_it_says_is_not_remarked_on(bandwidth: Bandwidth | None, version: Version) -> None:
    assert findings(bandwidth, version) == []


def test_a_rate_that_open_vswitch_keeps_is_not_said_to_wrap() -> None:
    assert findings(inbound(average=5_000_000), NEW) == []
    assert findings(inbound(average=4_294_967), OLD) == []  # 4294967000 bytes/s
    assert codes(findings(inbound(average=4_294_968), OLD)) == ["rate-wraps"]


def test_outbound_rates_have_32_bits_before_3_2() -> None:
    wraps, *_ = findings(outbound(average=4_294_968, burst=20_000), OLD)
    assert (wraps.code, wraps.message) == (
        "rate-wraps",
        "outbound 34359744 kbit/s does not fit 32 bits: it becomes 5632 bit/s",
    )
    for kept, version in ((4_294_967, OLD), (4_294_968, NEW), (536_870_911, NEW)):
        assert codes(findings(outbound(average=kept, burst=20_000), version)) == ["burst-slows-tcp"]


def test_a_column_of_policing_is_cut_at_32_bits_in_every_version() -> None:
    cut, *_ = findings(outbound(average=600_000_000, burst=20_000), NEW)
    assert cut.message == "outbound 4800000000 kbit/s does not fit 32 bits: it becomes 4294967288000 bit/s"


@pytest.mark.parametrize(
    ("average", "burst", "kept"),
    [(1, 1000, 199_366), (128, 40_000, 5_775_627), (512, 600_000, 114_658_318)],
    ids=["the-default", "ticks", "bytes"],
)
def test_an_outbound_burst_that_does_not_fit_becomes_another(average: int, burst: int, kept: int) -> None:
    (found,) = findings(outbound(average=average, burst=burst), OLD)
    assert found.code == "burst-wraps" and found.message.endswith(f"does not fit 32 bits: it becomes {kept} bytes")
    if burst == 1000:  # what Open vSwitch takes for none
        assert codes(findings(outbound(average=average), OLD)) == ["outbound-burst-default", "burst-wraps"]


def test_an_outbound_burst_below_a_packet_lets_none_of_them_pass() -> None:
    assert codes(findings(outbound(average=512, burst=1), OLD)) == ["burst-below-packet"]
    assert codes(findings(outbound(average=512, burst=8), OLD, mtu=9000)) == ["burst-below-packet"]


def test_an_outbound_burst_of_a_quarter_of_a_second_is_enough_for_tcp() -> None:
    assert findings(outbound(average=512, burst=125), OLD) == []
    assert codes(findings(outbound(average=512, burst=124), OLD)) == ["burst-slows-tcp"]


def test_a_burst_that_holds_a_packet_of_the_mtu_is_not_raised() -> None:
    assert findings(inbound(average=512, burst=9), mtu=9000) == []
    assert codes(findings(inbound(average=512, burst=8), mtu=9000)) == ["burst-raised"]


def test_a_kernel_of_jiffies_raises_more_bursts() -> None:
    jiffies = Psched(ticks_per_s=976_562, buffer_hz=100)  # 6620 bytes: one hundredth of 512000, and an MTU
    assert codes(findings(inbound(average=512, burst=6), psched=jiffies)) == ["burst-raised"]
    assert findings(inbound(average=512, burst=7), psched=jiffies) == []


def test_a_vif_of_open_vswitch_and_a_bare_bandwidth_are_supported() -> None:
    for vif in (Vif(type="bridge", virtualport="openvswitch"), Vif(type=""), None):
        assert findings(inbound(average=512), vif=vif) == []


def test_an_interface_without_a_bandwidth_is_not_remarked_on() -> None:
    assert findings(None, vif=Vif(type="direct")) == []


def test_findings_come_together_and_inbound_first() -> None:
    both = Bandwidth(inbound=Rate(average=512, peak=1024, burst=1, floor=3), outbound=Rate(average=1, peak=2))
    assert codes(findings(both)) == [
        "floor-ignored",
        "peak-is-the-limit",
        "burst-raised",
        "outbound-peak-ignored",
        "outbound-burst-default",
        "burst-wraps",
    ]


RATES = st.integers(1, 2305843009213693) | st.integers(1, 10_000)
BURSTS = st.integers(1, 2251799813685247) | st.integers(1, 100)


def rate(*, floor: bool) -> st.SearchStrategy[Rate]:
    floors = st.none() | RATES if floor else st.none()
    built = st.builds(Rate, average=RATES, peak=st.none() | RATES, burst=st.none() | BURSTS, floor=floors)
    return built | st.builds(Rate, floor=RATES) if floor else built


@given(
    bandwidth=st.builds(Bandwidth, inbound=st.none() | rate(floor=True), outbound=st.none() | rate(floor=False)),
    version=st.sampled_from([(), (2, 13), OLD, NEW, (3, 6)]),
    mtu=st.integers(68, 65_535),
    as_libvirt=st.booleans(),
    psched=st.sampled_from([HIGH_RESOLUTION, Psched(976_562, 100), Psched(819_200, 249)]),
    speed=st.none() | st.integers(0, 2**40),
)
@example(inbound(average=1, burst=1), NEW, 1500, True, HIGH_RESOLUTION, 4_000_000)
def test_no_bandwidth_at_all_is_too_much_to_judge(
    bandwidth: Bandwidth, version: Version, mtu: int, as_libvirt: bool, psched: Psched, speed: int | None
) -> None:
    found = findings(bandwidth, version, mtu=mtu, as_libvirt=as_libvirt, psched=psched, link_speed_bps=speed)
    assert set(codes(found)) <= set(CODES)
    assert all(finding.message and "\n" not in finding.message for finding in found)
    inbound = bandwidth.inbound
    differs = inbound is not None and bool(inbound.average and inbound.peak and inbound.peak > inbound.average)
    assert ("peak-is-the-limit" in codes(found)) == differs
    assert ("floor-ignored" in codes(found)) == (inbound is not None and inbound.floor is not None)
