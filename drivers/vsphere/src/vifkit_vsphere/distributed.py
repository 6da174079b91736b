"""Distributed switches, of vCenter alone: both directions of a port are shaped."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import names
from .api import vim
from .networks import Group, Networks
from .session import Session, obj
from .shaping import Limit, Limits

_card = vim.vm.device.VirtualEthernetCard
_NOTE = "The port group of one virtual adapter, made by vifkit for its bandwidth."


class Distributed(Networks):
    """The distributed port groups of a datacenter. The switch's ingress is what a guest sends.

    ("The traffic is classified to ingress and egress according to the traffic direction in the switch": vSphere
    Networking, Edit the Traffic Shaping Policy on a Distributed Port Group.)
    """

    _pg = vim.dvs.DistributedVirtualPortgroup
    _policies = "config.defaultPortConfig.inShapingPolicy", "config.defaultPortConfig.outShapingPolicy"
    properties = {_pg: ("key", "name", "config.configVersion", *_policies)}  # noqa: RUF012

    def __init__(self, session: Session, datacenter: Any) -> None:
        super().__init__(session)
        self._datacenter = datacenter

    def sources(self) -> Sequence[Any]:
        """Select, beside virtual machines, what is to be read."""
        return ()  # what an adapter is on is found by way of its virtual machine

    def groups(self, found: Sequence[tuple[Any, dict[str, Any]]]) -> Mapping[str, Group]:
        """Take the port groups, by key, out of what was read."""
        made = {}
        for managed, has in found:
            if isinstance(managed, self._pg) and "key" in has:
                ingress, egress = (_distributed(has.get(path)) for path in self._policies)
                held = managed, has.get("config.configVersion")
                made[has["key"]] = Group(names.unescaped(has["name"]), has["key"], Limits(egress, ingress), held)
        return made

    def find(self, wanted: Callable[[str], bool]) -> Mapping[str, Group]:
        """Find the port groups of which the name is wanted, by name."""
        start = obj(self._datacenter, (vim.Datacenter, "network"), skip=True)
        found = self.session.read([start], {self._pg: ("name",)})
        there = [obj(managed) for managed, has in found if wanted(names.unescaped(has.get("name", "")))]
        groups = self.groups(self.session.read(there, self.properties)) if there else {}
        return {each.name: each for each in groups.values()}

    def key(self, backing: Any) -> str:
        """Give the key of the port group that an adapter is on."""
        return str(backing.port.portgroupKey) if isinstance(backing, _card.DistributedVirtualPortBackingInfo) else ""

    def backing(self, group: Group) -> Any:
        """Put an adapter on a port group."""
        port = vim.dvs.PortConnection(switchUuid=self._switch(group)[1], portgroupKey=group.key)
        return _card.DistributedVirtualPortBackingInfo(port=port)

    def make(self, name: str, like: Group, wanted: Limits) -> None:
        """Make a port group like another one, but for its limits."""
        config = self.session.get(like.held[0], "config.defaultPortConfig", "config.policy")
        setting = config["config.defaultPortConfig"]
        setting.inShapingPolicy, setting.outShapingPolicy = _policy(wanted.outbound), _policy(wanted.inbound)
        spec = self._pg.ConfigSpec(
            name=names.escaped(name),
            description=_NOTE,
            type=self._pg.PortgroupType.earlyBinding,
            numPorts=1,
            defaultPortConfig=setting,
            policy=config["config.policy"],
        )
        self.session.run(self._switch(like)[0].AddDVPortgroup_Task([spec]))

    def change(self, group: Group, wanted: Limits) -> None:
        """Change the limits of a port group."""
        managed, version = group.held
        setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(
            inShapingPolicy=_policy(wanted.outbound), outShapingPolicy=_policy(wanted.inbound)
        )
        spec = self._pg.ConfigSpec(configVersion=version, defaultPortConfig=setting)
        self.session.run(managed.ReconfigureDVPortgroup_Task(spec))

    def remove(self, group: Group) -> None:
        """Remove a port group that nobody uses."""
        self.session.run(group.held[0].Destroy_Task())

    def _switch(self, group: Group) -> tuple[Any, str]:
        switch = self.session.get(group.held[0], "config.distributedVirtualSwitch")["config.distributedVirtualSwitch"]
        return switch, self.session.get(switch, "uuid")["uuid"]


def _policy(limit: Limit | None) -> Any:
    """Write both states out, as what is left out would be inherited."""
    policy = vim.dvs.DistributedVirtualPort.TrafficShapingPolicy(
        inherited=False, enabled=vim.BoolPolicy(inherited=False, value=limit is not None)
    )
    if limit is not None:
        policy.averageBandwidth = vim.LongPolicy(inherited=False, value=limit.average_bps)
        policy.peakBandwidth = vim.LongPolicy(inherited=False, value=limit.peak_bps)
        policy.burstSize = vim.LongPolicy(inherited=False, value=limit.burst_bytes)
    return policy


def _distributed(policy: Any) -> Limit | None:
    if policy is None or policy.enabled is None or not policy.enabled.value:
        return None
    figures = policy.averageBandwidth, policy.peakBandwidth, policy.burstSize
    return Limit(*(each.value if each is not None and each.value else 0 for each in figures))
