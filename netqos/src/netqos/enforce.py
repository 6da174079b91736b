"""Puts bandwidths into effect, and looks at the kernel before it says that they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from vifkit import BackendError, Bandwidth, Rate

from . import average, shape
from .htb import Version
from .kernel import Kernel
from .link import Link
from .ovsdb import Switch
from .rows import Enforce, PortRows, translate
from .units import Psched
from .verify import Drift, verify

REFRESHES = 4
"""ovs-vswitchd may use an MTU that it read before the kernel's news of another reached it: seen in 1 of 10."""
RENEWALS = 2
"""What ovs-vswitchd sets anew it takes to be set, also where the kernel was busy: seen once, in a slow kernel."""
RESTORE_SECONDS = 1.0
"""How long a restore waits for ovs-vswitchd, which often is why there is something to restore."""

NO_LIMIT = Rate(average=4_000_000)
"""32 Gbit/s, which every Open vSwitch polices to the letter."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `enforce` did: the ports whose rows it changed, and what is not as it should be all the same."""

    changed: list[str]
    drifts: list[Drift]


def enforce(
    switch: Switch,
    kernel: Kernel,
    wanted: Mapping[str, Bandwidth | None],
    *,
    adopt: Collection[str] = (),
    enforce: Enforce = "htb",
) -> Outcome:
    """Apply bandwidths in one transaction and hold the resulting trees against the prediction.

    Where a tree differs ovs-vswitchd is made to go over the ports again: a changed MTU it sees a little later
    only, and what somebody else does by tc not at all. A qdisc that somebody deleted it takes to be there for ever
    (tc_query_qdisc in OVS's lib/netdev-linux.c asks the kernel once), so there the QoS is taken off the port and
    put on again. So it is with policing: netdev_linux_set_policing acts when the figures are others than it set last,
    and then removes all that there is on the port's ingress.

    With `enforce="average"` netqos makes the trees, and takes them away again when a port is cleared: both need
    CAP_NET_ADMIN. Whoever applies without it puts the port back to linux-htb. Raises as `Switch.apply`, `Kernel.read`
    and `shape.hold` do; AccessDeniedError, before anything is changed.
    """
    if enforce == "average" or _to_remove(switch, wanted):
        shape.insist(kernel)
    changed = switch.apply(wanted, adopt=adopt, enforce=enforce)
    drifts = judge(switch, kernel, wanted, enforce)
    if any(drift.code.startswith("tree-") for drift in drifts):
        shape.hold(kernel, *_look(switch, kernel, wanted), Psched.here())
        drifts = judge(switch, kernel, wanted, enforce)
    for _ in range(REFRESHES):
        if not any(drift.code == "tree-differs" for drift in drifts):
            break
        switch.refresh()
        drifts = judge(switch, kernel, wanted, enforce)
    for _ in range(RENEWALS):
        others = _others(switch, kernel, wanted, drifts, enforce)
        if not others:
            break
        try:
            switch.apply(others, enforce=enforce)
        finally:  # also where ovs-vswitchd does not answer: the rows must not stay so
            switch.apply({port: wanted[port] for port in others}, enforce=enforce)
        drifts = judge(switch, kernel, wanted, enforce)
    return Outcome(changed, drifts)


def judge(
    switch: Switch, kernel: Kernel, wanted: Mapping[str, Bandwidth | None], enforce: Enforce = "htb"
) -> list[Drift]:
    """List what of these bandwidths is not in effect. Raises PortNotFoundError, BackendError."""
    ports, links = _look(switch, kernel, wanted)
    return verify(
        ports,
        links,
        ovs_version=version_tuple(switch.version),
        psched=Psched.here(),
        has_police=kernel.has_police(),
        wanted=wanted,
        enforce=enforce,
    )


def _look(switch: Switch, kernel: Kernel, names: Collection[str]) -> tuple[dict[str, PortRows], dict[str, Link]]:
    ports = switch.ports(names)
    devices = {interface.name for port in ports.values() for interface in port.interfaces}
    return ports, kernel.read(devices, policers=True)


def _to_remove(switch: Switch, wanted: Mapping[str, Bandwidth | None]) -> bool:
    """Tell whether a port that is to have no limit is one whose tree netqos made."""
    cleared = [name for name, bandwidth in wanted.items() if translate(bandwidth, name).qos is None]
    return bool(cleared) and any(average.enforced(port.qos) for port in switch.ports(cleared).values())


def _others(
    switch: Switch, kernel: Kernel, wanted: Mapping[str, Bandwidth | None], drifts: Sequence[Drift], enforce: Enforce
) -> dict[str, Bandwidth]:
    """Give each port whose limits have to be set anew another bandwidth for a moment: without what is astray.

    A filter that nobody asked for goes with one that is asked, so there a limit that is none comes for a moment.
    """
    astray = ("tree-missing", "tree-unexpected") if enforce == "htb" else ()  # of an average the trees are ours
    trees = {drift.port for drift in drifts if drift.code in astray}
    filters = {drift.port for drift in drifts if drift.code in ("policing-missing", "policing-differs")}
    strays = {drift.port for drift in drifts if drift.code == "policing-unexpected"}
    if (filters or strays) and not kernel.has_police():
        filters, strays = set(), set()
    foreign = {name for name, port in switch.ports(strays).items() if port.foreign} if strays else set()
    others = {}
    for port in trees | filters | strays - foreign:
        asked = wanted[port] or Bandwidth()
        other = Bandwidth(
            inbound=None if port in trees else asked.inbound,
            outbound=NO_LIMIT if port in strays else None if port in filters else asked.outbound,
        )
        if other != asked:
            others[port] = other
    return others


def insist(drifts: Sequence[Drift]) -> None:
    """Raise BackendError, which names the first drift, where there is any."""
    if drifts:
        raise BackendError(f"the kernel does not shape as it should: {drifts[0]}")


def restore(switch: Switch, before: Mapping[str, Bandwidth | None]) -> None:
    """Write rows again as they were before a change that failed, and give ovs-vswitchd a second to take note.

    Where it does not, the rows are back all the same. Raises as `Switch.apply` does.
    """
    Switch(switch.db, timeout=RESTORE_SECONDS).apply(before)


def version_tuple(version: str) -> Version:
    """Read `3.1.0` as (3, 1, 0); of words that are no number the figures count. Empty is the oldest."""
    parts = ("".join(figure for figure in part if figure.isdigit()) for part in version.split(".")[:3])
    return tuple(int(part) for part in parts if part)
