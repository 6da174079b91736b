"""Standard switches, of one ESX each: what guests send is shaped, and what they receive is not."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .api import vim
from .networks import Group, Networks
from .session import select
from .shaping import FIGURES, Limit, Limits


class Standard(Networks):
    """The port groups of a host's standard switches, which shape what guests send alone.

    ("ESXi shapes outbound network traffic on standard switches and inbound and outbound traffic on distributed
    switches": vSphere Networking, Traffic Shaping Policy.)
    """

    inbound = False

    def of(self, machines: Sequence[Any]) -> Iterable[Group]:
        """Read all, as one call does."""
        del machines
        return self.find(lambda _: True)

    def find(self, wanted: Callable[[str], bool]) -> Iterable[Group]:
        """Read the port groups of which the name is wanted."""
        for _, has in self.session.read([select(self.root)], vim.host.NetworkSystem, "networkInfo.portgroup"):
            for each in has.get("networkInfo.portgroup", ()):
                name = each.spec.name
                if wanted(name):
                    yield Group(name, name, _limits(each.computedPolicy.shapingPolicy), each.spec)

    def backing(self, group: Group) -> Any:
        """Put an adapter on a port group."""
        return vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=group.name)

    def put(self, name: str, like: Group, wanted: Limits) -> None:
        """Change the limits of a port group, or make one that is like another in all else."""
        limit = wanted.get("outbound")
        shaping = vim.host.NetworkPolicy.TrafficShapingPolicy(
            enabled=limit is not None, **dict(zip(FIGURES, limit or (), strict=False))
        )
        held = like.held.policy
        policy = vim.host.NetworkPolicy(
            security=held.security, nicTeaming=held.nicTeaming, offloadPolicy=held.offloadPolicy, shapingPolicy=shaping
        )
        spec = vim.host.PortGroup.Specification(
            name=name, vlanId=like.held.vlanId, vswitchName=like.held.vswitchName, policy=policy
        )
        if name == like.name:
            self.root.UpdatePortGroup(name, spec)
        else:
            self.root.AddPortGroup(spec)

    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""
        self.root.RemovePortGroup(group.name)


def _limits(policy: Any) -> Limits:
    if policy is None or not policy.enabled:
        return {}
    return {"outbound": Limit(*(getattr(policy, name) or 0 for name in FIGURES))}
