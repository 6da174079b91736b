from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from shared.measured import CASES, Case
from shared.reference import TREE

from netqos import Psched, QosRow, QueueRow, Tree, predict, translate
from netqos.htb import highest_rate_bps
from vifkit import parse_bandwidth
from vifkit_conformance import cases

HIGH_RESOLUTION = Psched(ticks_per_s=15_625_000, buffer_hz=1_000_000_000)
JIFFIES = Psched(ticks_per_s=976_562, buffer_hz=100)
OLD, NEW = (3, 1, 0), (3, 2, 0)
Version = tuple[int, ...]


def rows(config: Mapping[str, str], *queues: Mapping[str, str]) -> QosRow:
    return QosRow(
        type="linux-htb",
        other_config=config,
        queues={number: QueueRow(other_config=each) for number, each in enumerate(queues)},
    )


def tree(
    config: Mapping[str, str],
    *queues: Mapping[str, str],
    version: Version = OLD,
    mtu: int = 1500,
    link_speed_bps: int | None = None,
    psched: Psched = HIGH_RESOLUTION,
) -> Tree:
    qos = rows(config, *queues)
    return predict(qos, mtu=mtu, ovs_version=version, psched=psched, link_speed_bps=link_speed_bps)


def rates(made: Tree) -> dict[str, tuple[int, int]]:
    """The rate and ceil of each class in bytes/s."""
    return {handle: (each.rate, each.ceil) for handle, each in made.classes.items()}


@pytest.mark.parametrize("version", [OLD, NEW, (3, 5, 0)])
@pytest.mark.parametrize("case", cases.load_all(), ids=lambda case: case.name)
def test_the_tree_is_the_one_that_was_read_off_a_kernel(case: cases.Case, version: Version) -> None:
    qos = translate(parse_bandwidth(case.xml), "vnet0").qos
    assert predict(qos, mtu=case.mtu or 1500, ovs_version=version, psched=HIGH_RESOLUTION) == case.tree


def test_there_are_golden_pairs_to_hold_it_against() -> None:
    assert len(cases.load_all()) >= 21


def test_the_reference_example_to_the_tick() -> None:
    config = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
    assert tree(config, config) == TREE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_tree_is_the_one_that_was_measured_with_each_version(case: Case) -> None:
    for version, (link_speed, measured) in case.measured.items():
        assert measured == predict(
            case.qos, mtu=case.mtu, ovs_version=version, psched=HIGH_RESOLUTION, link_speed_bps=link_speed
        ), version


@pytest.mark.parametrize("kind", ["", "linux-hfsc", "linux-noop", "linux-fq_codel", "LINUX-HTB"])
def test_only_linux_htb_makes_a_tree(kind: str) -> None:
    qos = QosRow(type=kind, other_config={"max-rate": "8000000"})
    assert predict(qos, mtu=1500, ovs_version=NEW, psched=HIGH_RESOLUTION) == Tree()


def test_no_row_makes_no_tree() -> None:
    empty = predict(None, mtu=1500, ovs_version=NEW, psched=HIGH_RESOLUTION)
    assert empty == Tree(qdisc=None, classes={})
    assert empty.leaf is None


def test_queue_0_is_there_even_if_no_row_names_it() -> None:
    assert rates(tree({"max-rate": "8000000"})) == {"1:fffe": (1_000_000, 1_000_000), "1:1": (1500, 1_000_000)}


@pytest.mark.parametrize("version", [(), (2, 17, 9), (3, 1), (3, 1, 99)])
def test_before_3_2_rates_wrap_at_32_bits_of_bytes(version: Version) -> None:
    forty_gigabit = {"min-rate": "40000000000", "max-rate": "40000000000"}
    made = tree(forty_gigabit, forty_gigabit, version=version)
    assert rates(made) == {"1:fffe": (705_032_704, 705_032_704), "1:1": (705_032_704, 705_032_704)}
    assert (made.classes["1:fffe"].buffer, made.classes["1:1"].buffer) == (33, 34)  # 33.24 and 34.66


@pytest.mark.parametrize("version", [(3, 2), (3, 2, 0), (3, 10, 0), (4, 0, 0)])
def test_from_3_2_on_rates_are_kept(version: Version) -> None:
    forty_gigabit = {"min-rate": "40000000000", "max-rate": "40000000000"}
    made = tree(forty_gigabit, forty_gigabit, version=version)
    assert rates(made) == {"1:fffe": (5_000_000_000, 5_000_000_000), "1:1": (5_000_000_000, 5_000_000_000)}


def test_before_3_2_a_max_rate_that_wraps_to_nothing_is_none() -> None:
    assert rates(tree({"max-rate": "34359738368"}))["1:fffe"] == (1_250_000_000, 1_250_000_000)
    assert rates(tree({"max-rate": "34359738376"}))["1:fffe"] == (1, 1)


def test_the_highest_rate_that_is_carried_out_to_the_letter() -> None:
    assert highest_rate_bps((3, 1, 0)) == 34_359_738_360
    assert highest_rate_bps(()) == 34_359_738_360
    assert highest_rate_bps((3, 2, 0)) is None


def test_several_queues_share_what_the_parent_has() -> None:
    made = tree(
        {"max-rate": "80000000"},
        {"min-rate": "8000000", "max-rate": "16000000", "priority": "3"},
        {"min-rate": "8000000", "max-rate": "8000000000"},
        {"min-rate": "8000000000", "priority": "7"},
        {"max-rate": "4000", "priority": "8"},
        {"min-rate": "16000000", "max-rate": "8000000", "priority": "4294967296"},
    )
    assert rates(made) == {
        "1:fffe": (10_000_000, 10_000_000),
        "1:1": (1_000_000, 2_000_000),
        "1:2": (1_000_000, 10_000_000),
        "1:3": (10_000_000, 10_000_000),
        "1:4": (1_500, 1_500),
        "1:5": (2_000_000, 2_000_000),
    }
    assert {handle: each.prio for handle, each in made.classes.items()} == {
        "1:fffe": None,
        "1:1": 3,
        "1:2": 0,
        "1:3": 7,
        "1:4": 7,
        "1:5": 0,
    }
    assert {each.parent for handle, each in made.classes.items() if handle != "1:fffe"} == {"1:fffe"}


@pytest.mark.parametrize(
    ("version", "link_speed_bps", "rate"),
    [
        ((3, 1, 0), 10_000_000, 1_250_000),
        ((3, 2, 0), 10_000_000, 1_000_000),
        ((3, 1, 0), 1_000_000_000, 125_000_000),
        ((3, 2, 0), 1_000_000_000, 125_000_000),
        ((3, 1, 0), 40_000_000_000, 705_032_704),
        ((3, 2, 0), 40_000_000_000, 5_000_000_000),
        ((3, 2, 0), None, 1_250_000_000),
        ((3, 1, 0), None, 1_250_000_000),
        ((3, 0, 9), None, 12_500_000),
        ((2, 13, 0), None, 12_500_000),
        ((3, 0, 9), 10_000_000, 1_250_000),
    ],
)
def test_without_a_max_rate_the_speed_of_the_link_holds(
    version: Version, link_speed_bps: int | None, rate: int
) -> None:
    made = tree({}, {}, version=version, link_speed_bps=link_speed_bps)
    assert rates(made) == {"1:fffe": (rate, rate), "1:1": (1500, rate)}


def test_with_a_max_rate_the_speed_of_the_link_does_not_matter() -> None:
    assert rates(tree({"max-rate": "8000000"}, link_speed_bps=10_000_000_000))["1:fffe"] == (1_000_000, 1_000_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "8e6",
        "8000000.0",
        "8000000 ",
        "8_000_000",
        "0x10",
        "8 000",
        "+",
        "--8",
        "\N{ARABIC-INDIC DIGIT FIVE}",
        "\N{SUPERSCRIPT TWO}",
        "18446744073709551616",
        "-18446744073709551616",
        "9" * 5000,
        "7",
        "0",
        "-0",
    ],
)
def test_what_is_no_rate_counts_as_not_set(text: str) -> None:
    made = tree({"max-rate": text}, {"min-rate": text, "burst": text})
    assert rates(made) == {"1:fffe": (1_250_000_000, 1_250_000_000), "1:1": (1500, 1_250_000_000)}
    assert made.classes["1:1"].buffer == 16_291_666  # 1564 bytes


@pytest.mark.parametrize("text", ["8000000", "+8000000", " 8000000", "\t\n8000000", "0" * 30 + "8000000", "8000007"])
def test_a_rate_may_be_written_as_strtoull_takes_it(text: str) -> None:
    assert rates(tree({"max-rate": text}))["1:fffe"] == (1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("version", "rate"), [(OLD, 4_294_967_295), (NEW, 2_305_843_009_213_693_951)]
)  # 2^64 - 8, by 8
def test_a_negative_rate_is_a_very_high_one(version: Version, rate: int) -> None:
    assert rates(tree({"max-rate": "-8"}, version=version))["1:fffe"] == (rate, rate)


def test_queue_ids_beyond_those_of_open_vswitch_are_left_out() -> None:
    queues = {number: QueueRow(other_config={}) for number in (61439, 61440, 4294967295, -1)}
    qos = QosRow(type="linux-htb", other_config={}, queues=queues)
    made = predict(qos, mtu=1500, ovs_version=NEW, psched=HIGH_RESOLUTION)
    assert list(made.classes) == ["1:fffe", "1:1", "1:f000"]


def test_on_a_kernel_of_jiffies_the_burst_holds_what_one_of_them_brings() -> None:
    made = tree({"max-rate": "80000000"}, {"min-rate": "8000000", "burst": "80"}, psched=JIFFIES)
    assert (made.classes["1:fffe"].buffer, made.classes["1:fffe"].cbuffer) == (9_912, 9_912)  # 101500 bytes
    assert (made.classes["1:1"].buffer, made.classes["1:1"].cbuffer) == (11_230, 9_912)  # 11500 and 101500 bytes


def test_a_burst_that_is_asked_for_counts_where_it_is_larger() -> None:
    made = tree({"max-rate": "80000000"}, {"min-rate": "8000000", "burst": "8000000"}, psched=JIFFIES)
    assert (made.classes["1:1"].buffer, made.classes["1:1"].cbuffer) == (976_562, 97_656)  # 1000000 bytes


def test_a_burst_has_32_bits_of_bytes() -> None:
    made = tree({"max-rate": "8000000000"}, {"min-rate": "8000000000", "burst": str(8 * (2**32 + 10_000_000))})
    assert made.classes["1:1"].buffer == 156_250  # 10000000 bytes


@pytest.mark.parametrize(
    ("min_rate", "mtu", "quantum"),
    [
        ("112000", 1500, 1500),
        ("119992", 1500, 1500),  # 14999 bytes/s
        ("120000", 1500, 1500),
        ("120080", 1500, 1501),
        ("4096000", 1500, 51_200),
        ("16000000", 1500, 200_000),
        ("16000080", 1500, 200_000),
        ("7200", 68, 1000),  # 900 bytes/s: under htb's least
        ("5440", 68, 1000),
        ("5432", 68, 68),
    ],
)
def test_the_quantum_is_a_tenth_of_the_rate_within_bounds(min_rate: str, mtu: int, quantum: int) -> None:
    made = tree({"max-rate": "8000000000"}, {"min-rate": min_rate}, mtu=mtu)
    assert made.classes["1:1"].quantum == quantum


def test_the_guaranteed_rate_is_at_least_one_packet_a_second_and_never_above_the_limit() -> None:
    assert rates(tree({"max-rate": "8000000"}, {"min-rate": "8"}, mtu=9000))["1:1"] == (9000, 1_000_000)
    assert rates(tree({"max-rate": "8000"}, {"min-rate": "8"}, mtu=9000))["1:1"] == (1000, 1000)


NUMBERS = st.integers(-(2**65), 2**65).map(str) | st.integers(0, 2**38).map(str) | st.text(max_size=8)
KEYS = st.sampled_from(["min-rate", "max-rate", "burst", "priority"]) | st.text(max_size=4)
CONFIGS = st.dictionaries(KEYS, NUMBERS, max_size=5)
SPEEDS = st.none() | st.integers(0, 2**22).map(lambda mbps: mbps * 1_000_000)


@given(
    config=CONFIGS,
    queues=st.dictionaries(st.integers(-1, 2**32), CONFIGS, max_size=4),
    version=st.sampled_from([(), (2, 9), (3, 1, 0), (3, 2, 0), (3, 6, 1)]),
    mtu=st.integers(68, 65_535),
    psched=st.sampled_from([HIGH_RESOLUTION, JIFFIES, Psched(819_200, 100)]),
    speed=SPEEDS,
)
@example(config={}, queues={}, version=(3, 2), mtu=1500, psched=HIGH_RESOLUTION, speed=4_000_000)
@example(config={"max-rate": "-1"}, queues={}, version=(3, 2), mtu=68, psched=JIFFIES, speed=None)
def test_no_rows_at_all_break_the_bounds_that_htb_keeps(
    config: dict[str, str],
    queues: dict[int, dict[str, str]],
    version: Version,
    mtu: int,
    psched: Psched,
    speed: int | None,
) -> None:
    qos = QosRow(
        type="linux-htb",
        other_config=config,
        queues={number: QueueRow(other_config=each) for number, each in queues.items()},
    )
    made = predict(qos, mtu=mtu, ovs_version=version, psched=psched, link_speed_bps=speed)
    if not made.classes:
        assert version >= (3, 2) and speed is not None and speed < 8_000_000
        return
    top = made.classes["1:fffe"]
    assert top.rate == top.ceil < (2**32 if version < (3, 2) else 2**61)
    assert made.leaf is not None
    assert set(made.classes) == {"1:fffe", "1:1"} | {f"1:{each + 1:x}" for each in queues if 0 <= each <= 61_439}
    for handle, each in made.classes.items():
        assert handle == each.handle
        assert each.rate <= each.ceil <= top.rate
        assert 0 <= each.buffer < 2**32 and 0 <= each.cbuffer < 2**32
        if handle != "1:fffe":
            assert each.rate >= min(mtu, top.rate)
            assert each.quantum is not None and each.prio is not None
            assert min(mtu, 1000) <= each.quantum <= max(mtu, 200_000)
            assert 0 <= each.prio <= 7
