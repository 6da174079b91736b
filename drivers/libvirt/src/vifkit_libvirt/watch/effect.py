"""Puts the bandwidths of running domains into effect, and does not take a kernel that is a moment late for a fault."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from netqos import Finding, Psched, find, predict, translate
from netqos.edits import holds
from netqos.enforce import enforce, judge, version_tuple
from netqos.guard import DEFAULT_MTU
from netqos.kernel import Kernel
from netqos.monitor import LiveSwitch
from netqos.rows import MARK, PortRows
from vifkit import Bandwidth, ForeignQosError, PortNotFoundError

from ..shaper import Shaper

ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What came of it, by port."""

    changed: list[PortRows]
    right: set[str]
    doubtful: set[str]
    """Not right yet: look again."""
    wrong: dict[str, str]
    """Not right in spite of a second look, or somebody else's to shape: why."""


def put_into_effect(
    switch: LiveSwitch, shaper: Shaper, wanted: Mapping[str, Bandwidth | None], doubted: Collection[str]
) -> Effect:
    """Make rows and kernel what is wanted of the ports that are there, in one transaction.

    A port that is not right afterwards may be about to go, or be changed by somebody else just now. It is mended
    where it was `doubted` before. Raises SwitchUnavailableError, BackendError.
    """
    changed: set[str] = set()
    for attempt in range(ATTEMPTS):
        rows = {name: port for name, port in switch.ports().items() if name in wanted}
        ours = {name: wanted[name] for name, port in rows.items() if _is_ours(port, wanted[name])}
        try:
            changed |= set(switch.apply(ours))
            drifting = _drifts(switch, shaper, ours)
            again = {name: ours[name] for name in drifting.keys() & doubted}
            wrong = _drifts(switch, shaper, again, mend=True)
            changed |= again.keys() - wrong.keys()
        except (PortNotFoundError, ForeignQosError):  # it has gone, or was taken, just now
            if attempt + 1 == ATTEMPTS:
                raise
        else:
            break
    doubtful = drifting.keys() - again.keys()
    held = {name for name, port in rows.items() if port.foreign and wanted[name] is not None}
    return Effect(
        changed=[rows[name] for name in sorted(changed & rows.keys())],
        right=ours.keys() - doubtful - wrong.keys(),
        doubtful=doubtful,
        wrong=wrong | dict.fromkeys(held, "its QoS is somebody else's, and is left alone"),
    )


def as_wanted(port: PortRows, wanted: Mapping[str, Bandwidth | None]) -> bool:
    """Tell whether the rows of a port are what its domain wants."""
    if port.name not in wanted:
        return False
    if port.foreign:
        return wanted[port.name] is None
    return holds(port, translate(wanted[port.name], port.name, port.vm_id))


def findings(port: PortRows, bandwidth: Bandwidth | None, version: str) -> list[Finding]:
    """List what a person should know of a bandwidth on this port."""
    ovs_version, psched = version_tuple(version), Psched.here()
    mtu = port.interfaces[0].mtu or DEFAULT_MTU
    rows = translate(bandwidth, port.name, port.vm_id)
    tree = predict(rows.qos, mtu=mtu, ovs_version=ovs_version, psched=psched)
    return find(
        bandwidth,
        rows,
        tree,
        mtu=mtu,
        ovs_version=ovs_version,
        psched=psched,
        in_userspace=port.in_userspace,
    )


def _is_ours(port: PortRows, bandwidth: Bandwidth | None) -> bool:
    """Tell whether a port is ours to change; where nothing is wanted, only what we or libvirt wrote is."""
    marked = any(MARK in interface.external_ids for interface in port.interfaces)
    return not port.foreign and (bandwidth is not None or port.qos is not None or marked)


def _drifts(
    switch: LiveSwitch, shaper: Shaper, wanted: Mapping[str, Bandwidth | None], *, mend: bool = False
) -> dict[str, str]:
    """Say what is not right with each port; nothing where the kernel is not ours to look at."""
    if not wanted or not shaper.sees_kernel:
        return {}
    with Kernel(shaper.netns) as kernel:
        found = enforce(switch, kernel, wanted).drifts if mend else judge(switch, kernel, wanted)
    # Of several the first: the others follow from it.
    return {
        drift.port: f"{drift.code}: {drift.where}: wanted {drift.wanted}, there is {drift.actual}"
        for drift in reversed(found)
    }
