"""Distributed switches, of vCenter alone: both directions of a port are shaped."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import names
from .api import vim
from .networks import Group, Networks
from .session import select
from .shaping import FIGURES, Limit, Limits

_portgroup = vim.dvs.DistributedVirtualPortgroup
_NOTE = "The port group of one virtual adapter, made by vifkit for its bandwidth."
_VERSION = "config.configVersion"
_POLICIES = {
    "outbound": "config.defaultPortConfig.inShapingPolicy",
    "inbound": "config.defaultPortConfig.outShapingPolicy",
}


class Distributed(Networks):
    """The distributed port groups of a datacenter. The switch's ingress is what a guest sends.

    ("The traffic is classified to ingress and egress according to the traffic direction in the switch": vSphere
    Networking, Edit the Traffic Shaping Policy on a Distributed Port Group.)
    """

    inbound = True

    def of(self, machines: Sequence[Any]) -> Iterable[Group]:
        """Read the port groups that virtual machines are on."""
        return self._read([select(each, "network") for each in machines])

    def find(self, wanted: Callable[[str], bool]) -> Iterable[Group]:
        """Read the port groups of which the name is wanted, the others' names alone."""
        found = self.session.read([select(self.root, "network")], _portgroup, "name")
        return self._read([select(group) for group, has in found if wanted(names.unescaped(has.get("name", "")))])

    def backing(self, group: Group) -> Any:
        """Put an adapter on a port group."""
        switch = group.held[0].config.distributedVirtualSwitch
        port = vim.dvs.PortConnection(switchUuid=switch.uuid, portgroupKey=group.key)
        return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)

    def put(self, name: str, like: Group, wanted: Limits) -> None:
        """Change the limits of a port group, or make one that is like another in all else."""
        managed, version = like.held
        outbound, inbound = (_policy(wanted.get(direction)) for direction in _POLICIES)
        if name == like.name:
            setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(
                inShapingPolicy=outbound, outShapingPolicy=inbound
            )
            spec = _portgroup.ConfigSpec(configVersion=version, defaultPortConfig=setting)
            return self.session.wait(managed.ReconfigureDVPortgroup_Task(spec))
        config = managed.config
        config.defaultPortConfig.inShapingPolicy, config.defaultPortConfig.outShapingPolicy = outbound, inbound
        spec = _portgroup.ConfigSpec(
            name=names.escaped(name),
            description=_NOTE,
            type=_portgroup.PortgroupType.earlyBinding,
            numPorts=1,
            defaultPortConfig=config.defaultPortConfig,
            policy=config.policy,
        )
        return self.session.wait(config.distributedVirtualSwitch.AddDVPortgroup_Task([spec]))

    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""
        self.session.wait(group.held[0].Destroy_Task())

    def _read(self, objects: Sequence[Any]) -> Iterable[Group]:
        for managed, has in self.session.read(objects, _portgroup, "key", "name", _VERSION, *_POLICIES.values()):
            if "key" in has:
                found = {direction: _limit(has.get(path)) for direction, path in _POLICIES.items()}
                limits = {direction: limit for direction, limit in found.items() if limit}
                yield Group(names.unescaped(has["name"]), has["key"], limits, (managed, has.get(_VERSION)))


def _policy(limit: Limit | None) -> Any:
    """Write both states out, as what is left out would be inherited."""
    figures = zip(FIGURES, limit or (), strict=False)
    return vim.dvs.DistributedVirtualPort.TrafficShapingPolicy(
        inherited=False,
        enabled=vim.BoolPolicy(inherited=False, value=limit is not None),
        **{name: vim.LongPolicy(inherited=False, value=value) for name, value in figures},
    )


def _limit(policy: Any) -> Limit | None:
    if policy is None or policy.enabled is None or not policy.enabled.value:
        return None
    figures = (getattr(policy, name) for name in FIGURES)
    return Limit(*(each.value if each is not None and each.value else 0 for each in figures))
