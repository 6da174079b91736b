"""Standard switches, of one ESX each: what guests send is shaped, and what they receive is not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .api import vim
from .networks import Group, Networks
from .session import Session, obj
from .shaping import Limit, Limits

_card = vim.vm.device.VirtualEthernetCard


class Standard(Networks):
    """The port groups of a host's standard switches, which shape what guests send alone.

    ("ESXi shapes outbound network traffic on standard switches and inbound and outbound traffic on distributed
    switches": vSphere Networking, Traffic Shaping Policy.)
    """

    properties = {vim.host.NetworkSystem: ("networkInfo.portgroup",)}  # noqa: RUF012

    def __init__(self, session: Session, system: Any) -> None:
        super().__init__(session)
        self._system = system

    def sources(self) -> Sequence[Any]:
        """Select, beside virtual machines, what is to be read."""
        return (obj(self._system),)

    def groups(self, found: Sequence[tuple[Any, dict[str, Any]]]) -> Mapping[str, Group]:
        """Take the port groups, by key, out of what was read."""
        made = {}
        for _, has in found:
            for each in has.get("networkInfo.portgroup", ()):
                made[each.spec.name] = Group(
                    each.spec.name, each.spec.name, _standard(each.computedPolicy.shapingPolicy), each.spec
                )
        return made

    def find(self, wanted: Callable[[str], bool]) -> Mapping[str, Group]:
        """Find the port groups of which the name is wanted, by name."""
        groups = self.groups(self.session.read(self.sources(), self.properties))
        return {name: group for name, group in groups.items() if wanted(name)}

    def key(self, backing: Any) -> str:
        """Give the key of the port group that an adapter is on."""
        return str(backing.deviceName) if isinstance(backing, _card.NetworkBackingInfo) else ""

    def backing(self, group: Group) -> Any:
        """Put an adapter on a port group."""
        return _card.NetworkBackingInfo(deviceName=group.key)

    def make(self, name: str, like: Group, wanted: Limits) -> None:
        """Make a port group like another one, but for its limits."""
        self._system.AddPortGroup(self._spec(name, like, wanted))

    def change(self, group: Group, wanted: Limits) -> None:
        """Change the limits of a port group."""
        self._system.UpdatePortGroup(group.key, self._spec(group.name, group, wanted))

    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""
        self._system.RemovePortGroup(group.key)

    def _spec(self, name: str, like: Group, wanted: Limits) -> Any:
        policy = vim.host.NetworkPolicy(
            security=like.held.policy.security,
            nicTeaming=like.held.policy.nicTeaming,
            offloadPolicy=like.held.policy.offloadPolicy,
            shapingPolicy=vim.host.NetworkPolicy.TrafficShapingPolicy(enabled=wanted.outbound is not None),
        )
        if wanted.outbound is not None:
            policy.shapingPolicy.averageBandwidth = wanted.outbound.average_bps
            policy.shapingPolicy.peakBandwidth = wanted.outbound.peak_bps
            policy.shapingPolicy.burstSize = wanted.outbound.burst_bytes
        return vim.host.PortGroup.Specification(
            name=name, vlanId=like.held.vlanId, vswitchName=like.held.vswitchName, policy=policy
        )


def _standard(policy: Any) -> Limits:
    if policy is None or not policy.enabled:
        return Limits()
    figures = policy.averageBandwidth, policy.peakBandwidth, policy.burstSize
    return Limits(outbound=Limit(*(each or 0 for each in figures)))
