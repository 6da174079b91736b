"""What a Rate and a Bandwidth take, refuse and mean."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vifkit import Bandwidth, InvalidBandwidthError, Rate
from vifkit.bandwidth import MAX_BURST_KIB, MAX_RATE_KBPS


def test_the_example_of_libvirts_manual_is_kept_as_written() -> None:
    rate = Rate(average=1000, peak=5000, burst=5120, floor=200)
    assert dataclasses.astuple(rate) == (1000, 5000, 5120, 200)


def test_a_floor_may_stand_alone() -> None:
    assert Rate(floor=200).average is None


def test_a_peak_below_the_average_is_legal() -> None:
    assert Rate(average=1000, peak=1).peak == 1


def test_zero_means_not_set() -> None:
    assert Rate(average=1, peak=0, burst=0, floor=0) == Rate(average=1)


@pytest.mark.parametrize("field", ["peak", "burst"])
def test_peak_and_burst_need_an_average(field: str) -> None:
    with pytest.raises(InvalidBandwidthError, match="needs an average") as caught:
        Rate(**{field: 5, "floor": 1})
    assert (caught.value.field, caught.value.value) == (field, 5)


@pytest.mark.parametrize("figures", [{}, {"average": 0}, {"floor": 0}, {"average": 0, "floor": 0}])
def test_a_rate_needs_an_average_or_a_floor(figures: dict[str, int]) -> None:
    with pytest.raises(InvalidBandwidthError, match="an average is needed"):
        Rate(**figures)


@pytest.mark.parametrize("value", [True, 1.0, "1", b"1", float("nan")])
def test_only_whole_numbers_are_taken(value: object) -> None:
    with pytest.raises(InvalidBandwidthError, match="a whole number is needed"):
        Rate(average=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["average", "peak", "burst", "floor"])
def test_the_highest_figure_still_fits_64_bits_once_it_is_bits(field: str) -> None:
    highest, factor = (MAX_BURST_KIB, 8192) if field == "burst" else (MAX_RATE_KBPS, 8000)
    assert highest * factor < 2**64 <= (highest + 1) * factor
    assert getattr(Rate(**{"average": 1, field: highest}), field) == highest
    for value in (highest + 1, 2**64, -1):
        with pytest.raises(InvalidBandwidthError, match=f"{field} .*must be from 0 to {highest}"):
            Rate(**{"average": 1, field: value})


@given(st.dictionaries(st.sampled_from(["average", "peak", "burst", "floor"]), st.integers()))
def test_any_figures_make_a_rate_or_a_typed_error(figures: dict[str, int]) -> None:
    with contextlib.suppress(InvalidBandwidthError):
        kept = dataclasses.asdict(Rate(**figures))
        assert {name: value for name, value in kept.items() if value is not None} == {
            name: value for name, value in figures.items() if value != 0
        }


def test_a_floor_on_outbound_is_refused() -> None:
    with pytest.raises(InvalidBandwidthError, match="for inbound only") as caught:
        Bandwidth(outbound=Rate(average=1, floor=2))
    assert (caught.value.field, caught.value.value) == ("floor", 2)


def test_a_bandwidth_without_directions_is_false() -> None:
    assert not Bandwidth()
    assert Bandwidth(inbound=Rate(floor=1))
    assert Bandwidth(outbound=Rate(average=1))


def test_a_bandwidth_can_be_compared_and_hashed_and_not_changed() -> None:
    bandwidth = Bandwidth(inbound=Rate(average=1))
    assert len({bandwidth, Bandwidth(inbound=Rate(average=1, peak=0))}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        bandwidth.inbound = None  # type: ignore[misc]
