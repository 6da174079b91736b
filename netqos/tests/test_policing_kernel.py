"""Random limits on what a guest sends, as predicted and as the kernel has them."""

import math
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from netqos import Policing, Psched, translate, verify
from netqos.enforce import version_tuple
from netqos.kernel import Kernel
from netqos.ovsdb import Switch
from netqos.policing import find, predict
from netqos.tc import tc_filter_lines
from vifkit import Bandwidth, Rate
from vifkit.bandwidth import MAX_BURST_KIB, MAX_RATE_KBPS
from vifkit_conformance.lab import Lab, LabUnavailableError

pytestmark = [pytest.mark.switch, pytest.mark.usefixtures("policing")]

NAMES = [f"vnet{number}" for number in range(300)]
SEED = 20261123
EXTREMES = (1, 2, 7, 4_294_967, 4_294_968, 5_000_000, 536_870_911, 536_870_912, MAX_RATE_KBPS)


@pytest.fixture(scope="module", params=["netdev", "system"])
def many(request: pytest.FixtureRequest, _environment: None) -> Iterator[Lab]:
    """A switch with 300 taps, on a bridge of either datapath."""
    with Lab() as lab:
        try:
            lab.bridge("br0", datapath=request.param)
        except LabUnavailableError as error:
            pytest.skip(str(error))
        batch(lab, "ip", [f"tuntap add dev {name} mode tap" for name in NAMES])
        lab.ovs.vsctl(*(word for name in NAMES for word in ("--", "add-port", "br0", name)))
        yield lab


def batch(lab: Lab, tool: str, lines: list[str]) -> str:
    """Run many commands of ip or tc in one process."""
    command, text = lab.host.command([tool, "-d", "-batch", "-"]), "".join(f"{line}\n" for line in lines)
    return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout


def log_uniform(dice: random.Random, high: int) -> int:
    return min(max(round(math.exp(dice.uniform(0, math.log(high)))), 1), high)


def test_300_random_bandwidths_are_policed_as_predicted_to_the_tick_and_to_tcs_letter(many: Lab) -> None:
    dice = random.Random(SEED)
    wanted: dict[str, Bandwidth | None] = {}
    for number, name in enumerate(NAMES):
        average = EXTREMES[number] if number < len(EXTREMES) else log_uniform(dice, dice.choice([10**7, MAX_RATE_KBPS]))
        burst = log_uniform(dice, dice.choice([10**6, MAX_BURST_KIB])) if dice.random() < 0.7 else None
        peak = log_uniform(dice, 10**7) if dice.random() < 0.2 else None
        wanted[name] = Bandwidth(outbound=Rate(average=average, peak=peak, burst=burst))
    with Switch(many.ovs.db, timeout=60) as switch, Kernel(many.host.path) as kernel:
        assert switch.apply(wanted) == NAMES
        version, links, rows = version_tuple(switch.version), kernel.read(NAMES, policers=True), switch.ports(NAMES)
    predicted = {
        name: predict(translate(bandwidth, name).policing, ovs_version=version, psched=Psched.here())
        for name, bandwidth in wanted.items()
    }
    assert {name: find(links[name].policers) for name in NAMES} == predicted
    assert verify(rows, links, ovs_version=version, psched=Psched.here(), wanted=wanted) == []
    printed = batch(many, "tc", [f"filter show dev {name} ingress" for name in NAMES]).replace(" parent ffff:", "")
    lines = [line for each in predicted.values() if each for line in tc_filter_lines(each, Psched.here())]
    assert re.sub("police 0x[0-9a-f]+ ", "police 0x1 ", printed).splitlines() == lines


def test_300_random_columns_for_bits_and_packets_are_policed_as_predicted(many: Lab) -> None:
    if many.ovs.version_info < (2, 16):
        pytest.skip("this Open vSwitch has no columns for packets")
    dice = random.Random(SEED)
    wanted = {}
    for name in NAMES:
        rate, burst, packets, packet_burst = (log_uniform(dice, 2**33) for _ in range(4))
        bits, some = dice.random() < 0.5, dice.random() < 0.8
        wanted[name] = Policing(
            ingress_policing_rate=rate if bits else 0,
            ingress_policing_burst=burst if dice.random() < 0.7 else 0,
            ingress_policing_kpkts_rate=packets if some and (not bits or dice.random() < 0.2) else 0,
            ingress_policing_kpkts_burst=packet_burst if dice.random() < 0.7 else 0,
        )
    settings = {name: [f"{column}={value}" for column, value in asdict(each).items()] for name, each in wanted.items()}
    many.ovs.vsctl(*(word for name, each in settings.items() for word in ("--", "set", "Interface", name, *each)))
    with Kernel(many.host.path) as kernel:
        links = kernel.read(NAMES, policers=True)
    predicted = {
        name: predict(each, ovs_version=many.ovs.version_info, psched=Psched.here()) for name, each in wanted.items()
    }
    assert {name: find(links[name].policers) for name in NAMES} == predicted
    assert sum(each is not None for each in predicted.values()) > 150
