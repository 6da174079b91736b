import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared.reference import TREE

from netqos import Psched, Tree
from netqos.kernel import Kernel
from netqos.render import human_bytes, human_rate, printable
from netqos.tc import tc_lines, tc_rate, tc_size
from vifkit_conformance.lab import Link, Namespace, privileged, tap, why_not

LINES = 500


@pytest.fixture
def device() -> Iterator[Link]:
    reason = why_not() or (None if privileged() else "neither root nor in a user namespace")
    if reason:
        (pytest.fail if os.environ.get("VIFKIT_REQUIRE_ENVIRONMENT") == "1" else pytest.skip)(reason)
    with Namespace() as namespace, tap(namespace, "tap0") as (link, _):
        yield link


def test_the_reference_example_is_written_as_tc_writes_it() -> None:
    assert tc_lines(TREE, Psched()) == [
        (
            "class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit linklayer ethernet "
            "burst 32Kb/1 mpu 60b cburst 32Kb/1 mpu 60b level 0 "
        ),
        (
            "class htb 1:fffe root rate 8192Kbit ceil 8192Kbit linklayer ethernet "
            "burst 1499b/1 mpu 60b cburst 1499b/1 mpu 60b level 7 "
        ),
    ]
    assert tc_lines(Tree(), Psched()) == []


@pytest.mark.parametrize(
    ("rate_Bps", "text"),
    [
        (0, "0bit"),
        (1, "8bit"),
        (124, "992bit"),
        (125, "1Kbit"),
        (126, "1008bit"),
        (124_999, "999992bit"),
        (125_001, "1Mbit"),  # from a million bits on, what is left over is cut off
        (125_125, "1001Kbit"),
        (512_000, "4096Kbit"),
        (1_250_000, "10Mbit"),
        (705_032_704, "5640Mbit"),
        (5_000_000_000, "40Gbit"),
        (125 * 10**9, "1Tbit"),
        (125 * 10**12, "1000Tbit"),  # there is no larger prefix
        (2**61, "0bit"),  # 64 bits of bits/s
    ],
)
def test_a_rate_is_shortened_by_the_rule_of_tc(rate_Bps: int, text: str) -> None:
    assert tc_rate(rate_Bps) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (60, "60b"),
        (1023, "1023b"),
        (1024, "1Kb"),
        (1039, "1Kb"),
        (1040, "1040b"),
        (1499, "1499b"),
        (2033, "2Kb"),
        (32768, "32Kb"),
        (2**20 - 1, "1024Kb"),
        (2**20 + 1023, "1Mb"),
        (2**20 + 1024, "1025Kb"),
        (1_024_001_024, "1e+06Kb"),  # %g
        (2**32 - 1, "4096Mb"),
    ],
)
def test_a_size_is_rounded_by_the_rule_of_tc(size_bytes: int, text: str) -> None:
    assert tc_size(size_bytes) == text


@pytest.mark.parametrize(
    ("bps", "text"),
    [
        (0, "0 bit/s"),
        (999, "999 bit/s"),
        (8000, "8 kbit/s"),
        (4_096_000, "4.096 Mbit/s"),
        (999_999_999, "1000 Mbit/s"),
        (5_640_261_632, "5.64 Gbit/s"),
        (40 * 10**9, "40 Gbit/s"),
        (8 * (2**64 - 1), "147.6 Ebit/s"),
    ],
)
def test_a_rate_for_people_has_four_digits(bps: int, text: str) -> None:
    assert human_rate(bps) == text


def test_a_size_for_people_has_four_digits() -> None:
    assert [human_bytes(size) for size in (0, 1500, 123_456_789)] == ["0 B", "1.5 kB", "123.5 MB"]


def test_what_would_move_a_cursor_is_escaped() -> None:
    assert printable("vnet0 é") == "vnet0 é"
    assert printable("a\x1b[2Jb\n") == r"a\x1b[2Jb\n"


@pytest.mark.switch
def test_every_line_is_that_of_the_real_tc(device: Link, tmp_path: Path) -> None:
    dice = random.Random(20240817)
    batch = ["qdisc add dev tap0 root handle 1: htb default 1"]
    for number in range(1, LINES + 1):
        figures = f"rate {_rate(dice)}bps ceil {_rate(dice)}bps burst {_burst(dice)} cburst {_burst(dice)}"
        parent = "1:1" if number % 5 else "1:"
        batch.append(f"class add dev tap0 parent {parent if number > 1 else '1:'} classid 1:{number:x} htb {figures}")
    (tmp_path / "batch").write_text("\n".join(batch))
    device.namespace.run("tc", "-batch", str(tmp_path / "batch"))
    with Kernel(device.namespace.path) as kernel:
        tree = kernel.read(["tap0"])["tap0"].tree
    lines = device.namespace.run("tc", "-d", "class", "show", "dev", "tap0").splitlines()
    assert len(lines) == LINES
    assert sorted(tc_lines(tree, Psched.here())) == sorted(lines)


@pytest.mark.switch
def test_a_leaf_stands_before_its_parent_as_in_the_real_tc(device: Link) -> None:
    for words in (
        "qdisc add dev tap0 root handle 1: htb default 1",
        "class add dev tap0 parent 1: classid 1:fffe htb rate 8192Kbit",
        "class add dev tap0 parent 1:fffe classid 1:1 htb rate 4096Kbit ceil 8192Kbit burst 32k",
    ):
        device.namespace.run("tc", *words.split())
    with Kernel(device.namespace.path) as kernel:
        tree = kernel.read(["tap0"])["tap0"].tree
    lines = device.namespace.run("tc", "-d", "class", "show", "dev", "tap0").splitlines()
    assert tc_lines(tree, Psched.here()) == lines
    assert lines[0].startswith("class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit ")


def _rate(dice: random.Random) -> int:
    """Bytes/s from 8 to beyond 32 bits, often round."""
    rate = int(2 ** dice.uniform(3, 38))
    return max(rate - rate % dice.choice([1, 1, 125, 1000, 125_000, 1_000_000]), 8)


def _burst(dice: random.Random) -> int:
    return dice.choice([int(2 ** dice.uniform(4, 31)), 1024 * dice.randint(1, 4000), 2**20 * dice.randint(1, 2000)])
