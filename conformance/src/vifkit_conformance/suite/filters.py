"""The filter that polices a port, held against a golden one, so that a failure names what is wrong."""

from dataclasses import asdict, replace

from netqos.policing import Filter, Police, find
from vifkit_conformance import cases
from vifkit_conformance.guest import Guest
from vifkit_conformance.judging.declared import unjudged
from vifkit_conformance.observe import Observer


def columns(made: Guest, number: int = 0) -> tuple[int, int]:
    """The policing columns of one vif's port, rate and burst: right or wrong on every kernel."""
    row = made.port(number)
    return row["ingress_policing_rate"], row["ingress_policing_burst"]


def needs_policing(observer: Observer) -> None:
    """Leave the test out where the kernel polices nothing."""
    if lacks := observer.police_lacks:
        unjudged(f"this kernel does not police: as root, modprobe {lacks}, or run in a kernel that has it (--lab uml)")


def policer(made: Guest, number: int = 0) -> Filter | None:
    """The filter that polices one vif's port; the test is left out where the kernel has none at all."""
    needs_policing(made.observer)
    return find(made.link(number).policers)


def differences(made: Guest, golden: Police | str, number: int = 0) -> list[str]:
    """List what is not as in a golden police action, or the golden case of this name: a line for each field.

    What this host does not show to the digit (None) is not held against it.
    """
    if isinstance(golden, str):
        golden = cases.load_outbound(golden).police
    found = policer(made, number)
    if found is None:
        return ["there is no filter that polices"]
    if len(found.actions) > 1:
        return [f"the filter polices {len(found.actions)} times"]
    have = found.actions[0]
    want = asdict(replace(golden, conform=have.conform))
    pairs = [(name, getattr(have, name), value) for name, value in want.items()]
    return [f"{name} is {seen}, and not {value}" for name, seen, value in pairs if seen is not None and seen != value]
