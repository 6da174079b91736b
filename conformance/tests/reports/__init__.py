"""Runs written by hand: what a report is made of, without a run of the suite."""

from typing import Any

from vifkit_conformance.judging.profiles import results
from vifkit_conformance.judging.verdicts import Outcome, Verdict
from vifkit_conformance.report.run import Run, outcome

INBOUND = "test_inbound.py::test_the_tree_is_that_of_the_golden_case[reference]"
RATE = "test_behaviour.py::test_a_guest_receives_its_peak_and_no_more"
UPDATE = "test_update.py::test_a_dropped_peak_is_gone"
OUTBOUND = "test_outbound.py::test_outbound_becomes_policing"
REFUSES = "test_capabilities.py::test_an_undeclared_direction_is_refused_at_start[outbound]"
BANDWIDTH = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
DOMAIN = f"<domain type='netns'><devices><interface type='bridge'>{BANDWIDTH}</interface></devices></domain>"

QDISC = {"kind": "htb", "handle": "1:", "default": 1, "r2q": 10}
PARENT = {
    "handle": "1:fffe",
    "parent": "root",
    "rate": 1024000,
    "ceil": 1024000,
    "buffer": 22888,
    "cbuffer": 22888,
    "quantum": None,
    "prio": None,
    "level": 7,
    "mpu": 60,
}
LEAF = {
    "handle": "1:1",
    "parent": "1:fffe",
    "rate": 512000,
    "ceil": 1024000,
    "buffer": 1000000,
    "cbuffer": 500000,
    "quantum": 51200,
    "prio": 0,
    "level": 0,
    "mpu": 60,
}
XML = {"kind": "xml", "text": DOMAIN}
ROW = {"other_config": {"max-rate": "8192000"}, "external_ids": {"vm-id": "7"}}
ROWS = {
    "kind": "rows",
    "port": "vif0",
    "qos": {"type": "linux-htb", **ROW},
    "queue": ROW,
    "policing_kbps": 0,
    "policing_burst_kb": 0,
}
DECLARED = {"shaping": "ovs-htb", "inbound": True, "outbound": False, "hotplug": False, "highest_rate_bps": None}
SAMPLES = [[tenth / 10, 8_000_000 + 100_000 * (tenth % 3)] for tenth in range(1, 31)]
MEASURED = {
    "kind": "rate",
    "what": "received by the guest",
    "samples": SAMPLES,
    "offered_bps": 16_384_000,
    "average_bps": 4_096_000,
    "peak_bps": 8_192_000,
}


def tree(**changes: int) -> dict[str, Any]:
    """Write the reference tree, with changes in the leaf."""
    return {"qdisc": QDISC, "classes": [PARENT, {**LEAF, **changes}]}


def compared(*differences: str, **changes: int) -> dict[str, Any]:
    """Write a comparison with the reference tree."""
    return {"kind": "tree", "wanted": tree(), "live": tree(**changes), "differences": list(differences)}


HELD = [
    Verdict(test=INBOUND, outcome=Outcome.HELD, seconds=0.25, worker="gw0", evidence=[XML, ROWS, compared()]),
    Verdict(test=RATE, outcome=Outcome.HELD, seconds=3.5, worker="gw1", evidence=[MEASURED]),
    Verdict(test=UPDATE, outcome=Outcome.HELD, seconds=0.5, evidence=[XML]),
    Verdict(
        test=OUTBOUND,
        outcome=Outcome.REFUSED,
        reason="the driver does not declare outbound, and refuses it: " + REFUSES,
        evidence=[{"kind": "undeclared", "capability": "outbound"}],
    ),
    Verdict(test=REFUSES, outcome=Outcome.HELD, evidence=[{"kind": "refused", "capability": "outbound"}]),
]
FAILED = Verdict(
    test=UPDATE,
    outcome=Outcome.FAILED,
    reason="AssertionError: assert (512000, 1024000) == (512000, 512000)",
    said="a traceback",
    evidence=[XML, ROWS, compared("class 1:1 has buffer 47729, and not 1000000", buffer=47729)],
)


def replaced(*verdicts: Verdict) -> list[Verdict]:
    """Give the verdicts of a run in which everything holds, with some in place of theirs."""
    return list({each.test: each for each in [*HELD, *verdicts]}.values())


def run(*verdicts: Verdict, unseen: tuple[str, ...] = (), **changes: Any) -> Run:
    """Write a run in which everything holds, but for these verdicts."""
    known = replaced(*verdicts)
    return {
        "driver": "netns",
        "package": "vifkit-netns 0.1.0",
        "testbed": "netns",
        "uri": None,
        "parameters": [],
        "hypervisor": "Linux 6.1",
        "capabilities": DECLARED,
        "host": "bench",
        "versions": {"Open vSwitch": "3.1.0", "iproute2": "6.1.0", "Linux": "6.1.0"},
        "suite": "0.1.0",
        "started": "2026-01-02T03:04:05Z",
        "seconds": 12.5,
        "commands": ["pytest --pyargs vifkit_conformance.suite --driver netns"],
        "complaints": [],
        **outcome(known, results(known, [*(each.test for each in known), *unseen], DECLARED)),
        **changes,
    }
