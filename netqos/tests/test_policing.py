"""The filter that Open vSwitch polices by, as Open vSwitch 3.1.0 and Linux 6.1 have shown it, or as its source says."""

import pytest

from netqos import Filter, Police, Policing, Psched
from netqos.policing import MTU_BYTES, burst_bytes, predict

CLOCK = Psched(ticks_per_s=15_625_000, buffer_hz=1_000_000_000)
U32_MAX = 2**32 - 1


def filter_of(*figures: int, version: tuple[int, ...] = (3, 1, 0), classifier: str | None = None) -> Filter | None:
    """Predict for kbit/s, kbit, 1000 packets/s and 1000 packets."""
    kbps, kbit, kpps, kpkts = (*figures, 0, 0, 0, 0)[:4]
    columns = Policing(
        ingress_policing_rate=kbps,
        ingress_policing_burst=kbit,
        ingress_policing_kpkts_rate=kpps,
        ingress_policing_kpkts_burst=kpkts,
    )
    return predict(columns, ovs_version=version, psched=CLOCK, classifier=classifier)


def police(*figures: int, version: tuple[int, ...] = (3, 1, 0), classifier: str | None = None) -> Police:
    made = filter_of(*figures, version=version, classifier=classifier)
    assert made is not None
    (action,) = made.actions
    return action


def test_it_is_a_matchall_filter_with_one_police_action() -> None:
    action = Police(rate=512_000, burst=1_000_000, mtu=65_535, mpu=60, exceed="drop", conform="continue")
    assert filter_of(4096, 256) == Filter(kind="matchall", pref=1, handle=1, actions=(action,))


@pytest.mark.parametrize(
    ("kbps", "kbit", "rate", "burst"),
    [
        (4096, 256, 512_000, 1_000_000),
        (4096, 0, 512_000, 31_250_000),
        (8, 8, 1_000, 16_000_000),
        (8, 0, 1_000, 3_115_098_112),
        (1024, 131_072, 128_000, 2_048_000_000),
        (1_000_000, 8192, 125_000_000, 131_072),
        (10_000_000, 8192, 1_250_000_000, 13_107),
        (2664, 56, 333_000, 336_336),
        (4096, 1, 512_000, 3_906),
        (1, 0, 125, 3_445_948_416),
        (7, 0, 875, 1_105_845_101),
        (34_359_738, 0, 4_294_967_250, 3_725),
        (34_359_739, 0, 79, 668_182_657),
        (40_000_000, 0, 705_032_704, 22_693),
        (U32_MAX, 0, 4_294_967_171, 3_725),
        (2**32, 0, 4_294_967_171, 3_725),
        (10**12, 5, 4_294_967_171, 2),
        (4096, 4_194_303, 512_000, 3_499_094_205),
        (4096, 4_194_304, 512_000, 3_499_094_205),
        (4096, 2**33, 512_000, 3_499_094_205),
    ],
)
def test_3_1_has_shown_this_rate_and_burst(kbps: int, kbit: int, rate: int, burst: int) -> None:
    action = police(kbps, kbit)
    assert (action.rate, action.burst, action.mtu, action.mpu) == (rate, burst, 65_535, 60)


@pytest.mark.parametrize(
    ("kpps", "kpkts", "rate", "burst"),
    [
        (3, 2, 3_000, 10_416_666),
        (3, 0, 3_000, 83_333_333),
        (5_000_000, 0, 705_032_704, 354),
        (1, 5_000_000, 1_000, 3_839_853_056),
    ],
)
def test_3_1_has_shown_this_packet_rate_and_burst(kpps: int, kpkts: int, rate: int, burst: int) -> None:
    assert police(0, 0, kpps, kpkts) == Police(mtu=MTU_BYTES, pkts_rate=rate, pkts_burst=burst)


@pytest.mark.parametrize(
    "columns", [(), (0, 77, 0, 9), (4096, 256, 3, 2), (0, 0, 2**29)], ids=["none", "bursts", "both", "wraps-to-none"]
)
def test_3_1_has_shown_no_limit(columns: tuple[int, ...]) -> None:
    assert filter_of(*columns) is None


@pytest.mark.parametrize(
    ("version", "kind", "pref", "conform"),
    [
        ((), "basic", 49, "pass"),
        ((2, 15, 0), "basic", 49, "pass"),
        ((2, 16, 4), "basic", 49, "pipe"),
        ((2, 16, 5), "basic", 49, "continue"),
        ((2, 17), "matchall", 1, "pipe"),
        ((2, 17, 2), "matchall", 1, "pipe"),
        ((2, 17, 3), "matchall", 1, "continue"),
        ((3, 0, 0), "matchall", 1, "continue"),
        ((3, 7, 1), "matchall", 1, "continue"),
    ],
)
def test_each_version_has_its_classifier_and_goes_on_its_way(
    version: tuple[int, ...], kind: str, pref: int, conform: str
) -> None:
    made = filter_of(4096, 256, version=version)
    action = Police(rate=512_000, burst=1_000_000, mtu=65_535, mpu=60, conform=conform)
    assert made == Filter(kind=kind, pref=pref, handle=1, actions=(action,))


@pytest.mark.parametrize(("version", "burst"), [((2, 15, 0), 125_000), ((2, 15, 1), 1_000_000), ((2, 13, 3), 125_000)])
def test_with_hw_offload_some_old_releases_have_an_eighth_of_the_burst(version: tuple[int, ...], burst: int) -> None:
    assert police(4096, 256, version=version, classifier="matchall").burst == burst
    assert police(4096, 256, version=version).burst == 1_000_000


@pytest.mark.parametrize(
    ("kbps", "rate", "burst"),
    [
        (34_359_738, 4_294_967_250, 3_725),
        (34_359_739, U32_MAX, 3_725),  # whole bytes of 8 kbit/s fit 32 bits, so there is no RATE64
        (34_359_744, 4_294_968_000, 3_725),  # the burst is still counted at what 32 bits hold
        (40_000_000, 5_000_000_000, 3_725),
        (40_000_007, 5_000_000_000, 3_725),
        (2**32, 536_870_911_000, 3_725),
    ],
)
def test_from_3_2_on_a_rate_has_64_bits(kbps: int, rate: int, burst: int) -> None:
    assert (police(kbps, version=(3, 2)).rate, police(kbps, version=(3, 2)).burst) == (rate, burst)


@pytest.mark.parametrize(
    ("version", "classifier", "burst"),
    [
        ((3, 1), None, 3_499_094_205),  # cut to 536870784 bytes
        ((3, 1), "basic", 15_625_000),  # 2^32 + 512000 bytes lose their highest bit
        ((3, 2), None, 15_625_000),
        ((2, 17), "basic", 3_499_094_205),
    ],
)
def test_a_burst_of_more_than_32_bits_is_cut_or_wraps(
    version: tuple[int, ...], classifier: str | None, burst: int
) -> None:
    assert police(4096, 2**25 + 4000, version=version, classifier=classifier).burst == burst


def test_before_3_0_bits_and_packets_are_two_actions_and_the_second_lets_all_pass() -> None:
    made = filter_of(4096, 256, 3, 2, version=(2, 17, 3))
    assert made is not None
    assert made.actions == (
        Police(rate=512_000, burst=1_000_000, mtu=65_535, mpu=60),
        Police(mtu=U32_MAX, pkts_rate=3_000, pkts_burst=10_416_666, exceed="pass"),
    )


def test_before_2_16_there_are_no_limits_for_packets() -> None:
    assert filter_of(0, 0, 3, 2, version=(2, 15, 9)) is None


def test_from_3_4_on_a_packet_rate_has_64_bits() -> None:
    assert police(0, 0, 5_000_000, 0, version=(3, 3)).pkts_rate == 705_032_704
    assert police(0, 0, 5_000_000, 0, version=(3, 4)).pkts_rate == 5_000_000_000
    assert police(0, 0, 5_000_000, 0, version=(3, 4)).pkts_burst == 50


def test_a_burst_in_ticks_is_told_in_bytes() -> None:
    assert burst_bytes(police(4096, 256), CLOCK) == 32_768
    assert burst_bytes(police(8, 0), CLOCK) == 199_366
