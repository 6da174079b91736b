"""Distributed switches, of vCenter alone: both directions of a port are shaped."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import names
from .api import vim
from .networks import Group, Networks
from .session import select
from .shaping import FIGURES, Limit, Limits, held

_portgroup = vim.dvs.DistributedVirtualPortgroup
_OURS = {"description": "The port group of one virtual adapter, made by vifkit for its bandwidth.", "numPorts": 1}
_POLICIES = {"outbound": "inShapingPolicy", "inbound": "outShapingPolicy"}
_PATHS = {direction: f"config.defaultPortConfig.{policy}" for direction, policy in _POLICIES.items()}


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
        switch = group.held.config.distributedVirtualSwitch
        port = vim.dvs.PortConnection(switchUuid=switch.uuid, portgroupKey=group.key)
        return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)

    def put(self, name: str, like: Group, wanted: Limits) -> None:
        """Change the limits of a port group, or make one that is like another in all else."""
        config = like.held.config
        policies = {policy: _policy(wanted[direction]) for direction, policy in _POLICIES.items()}
        if name == like.name:
            setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(**policies)
            spec = _portgroup.ConfigSpec(configVersion=config.configVersion, defaultPortConfig=setting)
            return self.session.wait(like.held.ReconfigureDVPortgroup_Task(spec))
        spec = _portgroup.ConfigSpec(type="earlyBinding", policy=config.policy, **_OURS)
        spec.name = names.escaped(name, "domain/devices/interface/source")
        spec.defaultPortConfig = config.defaultPortConfig
        for policy, value in policies.items():
            setattr(spec.defaultPortConfig, policy, value)
        return self.session.wait(config.distributedVirtualSwitch.AddDVPortgroup_Task([spec]))

    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""
        self.session.wait(group.held.Destroy_Task())

    def _read(self, objects: Sequence[Any]) -> Iterable[Group]:
        for managed, has in self.session.read(objects, _portgroup, "key", "name", *_PATHS.values()):
            if "key" in has:
                limits = {direction: held(has.get(path)) for direction, path in _PATHS.items()}
                yield Group(names.unescaped(has["name"]), has["key"], limits, managed)


def _policy(limit: Limit | None) -> Any:
    """Write both states out, as what is left out would be inherited."""
    return vim.dvs.DistributedVirtualPort.TrafficShapingPolicy(
        inherited=False,
        enabled=vim.BoolPolicy(inherited=False, value=limit is not None),
        **{name: vim.LongPolicy(inherited=False, value=each) for name, each in zip(FIGURES, limit or (), strict=False)},
    )
