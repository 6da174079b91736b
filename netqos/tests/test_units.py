from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netqos import Psched, units
from vifkit_conformance.fixtures import lacking

U32 = 4_294_967_296


@pytest.mark.parametrize(
    ("text", "ticks_per_s", "buffer_hz"),
    # The table in the comment of read_psched in OVS's lib/netdev-linux.c.
    [
        ("000c8000 000f4240 000f4240 00000064", 819_200, 100),
        ("000003e8 00000400 000f4240 3b9aca00", 976_562, 1_000_000_000),
        ("000003e8 00000400 000f4240 00000064", 976_562, 100),
        ("000003e8 00000040 000f4240 3b9aca00", 15_625_000, 1_000_000_000),
        ("000003e8 00000040 000f4240 000000f9", 15_625_000, 249),
        ("000003e8 00000040 000f4240 3b9aca00\n", 15_625_000, 1_000_000_000),
    ],
)
def test_the_clocks_that_open_vswitch_documents_are_read(text: str, ticks_per_s: int, buffer_hz: int) -> None:
    assert Psched.parse(text) == Psched(ticks_per_s=ticks_per_s, buffer_hz=buffer_hz)


def test_the_last_word_counts_only_where_the_third_is_a_million() -> None:
    assert Psched.parse("3e8 40 3b9aca00 3b9aca00") == Psched(ticks_per_s=15_625_000_000, buffer_hz=100)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3e8 40 f4240",
        "3e8 40 f4240 3b9aca00 0",
        "0 40 f4240 3b9aca00",
        "3e8 0 f4240 3b9aca00",
        "3e8 40 0 3b9aca00",
        "3e8 40 f4240 0",
        "-3e8 40 f4240 3b9aca00",
        "3e8 40 f4240 rate",
        "3e8,40,f4240,3b9aca00",
    ],
)
def test_a_broken_clock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Psched.parse(text)


def test_the_clock_of_this_kernel_is_read(request: pytest.FixtureRequest) -> None:
    if not Path("/proc/net/psched").exists():
        lacking(request.config, "this kernel has no /proc/net/psched")
    a, b, c, d = (int(word, 16) for word in Path("/proc/net/psched").read_text().split())
    assert (Psched.here().ticks_per_s, Psched.here().buffer_hz) == (a * c // b, d)


def test_where_there_is_no_clock_to_read_it_is_a_high_resolution_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(units, "Path", lambda _: tmp_path / "psched")
    assert Psched.here() == Psched(ticks_per_s=15_625_000, buffer_hz=1_000_000_000)


@pytest.mark.parametrize(
    ("size_bytes", "rate_Bps", "ticks"),
    [
        (32_768, 512_000, 1_000_000),
        (32_768, 1_024_000, 500_000),
        (1_564, 1_024_000, 23_864),  # 23864.7
        (1_500, 10_000_000_000, 2),
        (1_500, 100_000_000_000, 0),
        (0, 512_000, 0),
        (1_500, 0, 0),
    ],
)
def test_a_size_becomes_the_ticks_that_it_takes(size_bytes: int, rate_Bps: int, ticks: int) -> None:
    assert Psched().ticks(size_bytes, rate_Bps) == ticks


@pytest.mark.parametrize(
    ("size_bytes", "ticks"),
    [
        (274, 4_281_250_000),
        (275, 1_907_704),  # 275 x 15625000 - 2^32
        (4_294_967_295, 4_279_342_296),  # -15625000 from 2^32
    ],
)
def test_ticks_wrap_at_32_bits(size_bytes: int, ticks: int) -> None:
    assert Psched().ticks(size_bytes, 1) == ticks


@given(size=st.integers(0, U32 - 1), rate=st.integers(1, 2**64 - 1))
def test_ticks_are_what_the_size_takes_by_the_clock_but_for_their_32_bits(size: int, rate: int) -> None:
    ticks = Psched().ticks(size, rate)
    assert 0 <= ticks < U32
    if 15_625_000 * size < U32 * rate:
        assert ticks * rate <= 15_625_000 * size < (ticks + 1) * rate


def test_the_factors_are_libvirts() -> None:
    assert units.bps_from_kBps(512) == 4_096_000
    assert units.bits_from_KiB(32) == 262_144
    assert units.kbps_from_kBps(100) == 800
    assert units.kbit_from_KiB(50) == 400
    assert units.Bps_from_bps(4_096_007) == 512_000
    assert units.bps_from_Bps(512_000) == 4_096_000
