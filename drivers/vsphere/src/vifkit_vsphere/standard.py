"""Standard switches, of one ESX each: what guests send is shaped, and what they receive is not."""

from collections.abc import Callable, Iterable
from typing import Any

from .api import vim
from .networks import Group, Networks
from .session import select
from .shaping import FIGURES, Limits, held


class Standard(Networks):
    """The port groups of a host's standard switches, which shape what guests send alone.

    ("ESXi shapes outbound network traffic on standard switches and inbound and outbound traffic on distributed
    switches": vSphere Networking, Traffic Shaping Policy.)
    """

    inbound = False

    def find(self, wanted: Callable[[str], bool]) -> Iterable[Group]:
        """Read the port groups of which the name is wanted."""
        for _, has in self.session.read([select(self.root)], vim.host.NetworkSystem, "networkInfo.portgroup"):
            for each in has.get("networkInfo.portgroup", ()):
                if wanted(name := each.spec.name):
                    limits = {"inbound": None, "outbound": held(each.computedPolicy.shapingPolicy)}
                    yield Group(name, name, limits, each.spec)

    def backing(self, group: Group) -> Any:
        """Put an adapter on a port group."""
        return vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=group.name)

    def put(self, name: str, like: Group, wanted: Limits) -> None:
        """Change the limits of a port group, or make one that is like another in all else."""
        limit = wanted["outbound"]
        figures = dict(zip(FIGURES, limit or (), strict=False))
        spec = like.held  # read for this, and for nothing after it
        spec.name = name
        spec.policy.shapingPolicy = vim.host.NetworkPolicy.TrafficShapingPolicy(enabled=limit is not None, **figures)
        if name == like.name:
            self.root.UpdatePortGroup(name, spec)
        else:
            self.root.AddPortGroup(spec)

    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""
        self.root.RemovePortGroup(group.name)
