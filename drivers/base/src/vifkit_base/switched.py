"""Hypervisors whose vifs are ports of Open vSwitch, and shaped there."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress

from netqos.enforce import enforce, insist, judge, restore, version_tuple
from netqos.guard import warn
from netqos.htb import highest_rate_bps
from netqos.kernel import Kernel
from netqos.ovsdb import Plug, Switch
from netqos.probe import policing_available
from netqos.rows import PortRows
from vifkit import (
    BackendError,
    Bandwidth,
    Capabilities,
    DomainConfig,
    PortNotFoundError,
    Shaping,
    State,
    SwitchUnavailableError,
    UnsupportedError,
    Vif,
    VifkitError,
)

from .connection import HypervisorConnection, insist_on
from .hypervisor import Hypervisor, Machine


class SwitchedConnection(HypervisorConnection):
    """The domains of a hypervisor beside an Open vSwitch, whose devices are in the network namespace `netns`.

    The hypervisor's `start` makes a device for each vif; it becomes a port here, and is shaped by netqos.
    """

    def __init__(self, hypervisor: Hypervisor, switch: Switch, netns: str) -> None:
        super().__init__(hypervisor)
        self.switch = switch
        self.kernel = Kernel(netns)

    @property
    def capabilities(self) -> Capabilities:
        """Everything that Open vSwitch and this kernel carry out."""
        return Capabilities(
            shaping=Shaping.OVS_HTB,
            inbound=True,
            outbound=policing_available(),
            peak=True,
            burst=True,
            live_update=True,
            persistent_domains=True,
            highest_rate_bps=highest_rate_bps(version_tuple(self.switch.version)),
        )

    def close(self) -> None:
        """Let go of the hypervisor, the kernel and Open vSwitch."""
        with ExitStack() as steps:
            steps.callback(self.switch.close)
            steps.callback(self.kernel.close)
            steps.callback(super().close)

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a vif that is not on Open vSwitch, and warn of what a bandwidth does not do."""
        _insist_on_openvswitch(vif)
        warn(vif, bandwidth, version_tuple(self.switch.version), stacklevel=5)

    def bandwidth(self, machine: Machine, vif: Vif) -> Bandwidth | None:
        """Tell a vif's bandwidth, as noted. Raises BackendError where a port of ours runs and the note is gone."""
        if not machine.noted and machine.state is not State.SHUTOFF and self._own(machine.config, self.switch.ports()):
            raise BackendError(_no_note(machine))
        return super().bandwidth(machine, vif)

    def insist_on_note(self, machine: Machine) -> None:
        """Refuse where nobody knows the bridges and bandwidths."""
        if not machine.noted:
            raise UnsupportedError("interface", _no_note(machine))

    def start(self, machine: Machine) -> None:
        """Start a domain, each vif a port with its bandwidth in effect; all of it or nothing."""
        insist_on(machine, State.SHUTOFF)
        config = self.ready(machine)
        for vif in config.vifs:  # the hypervisor may have others than those that were defined here
            _insist_on_openvswitch(vif)
        there = self.switch.ports()
        _look_for_bridges(config, there)
        self._unplug_stale(config, there)
        with ExitStack() as undo:
            live = self.hypervisor.start(config)
            undo.callback(self.hypervisor.stop, live)
            plugs = [_plug(live, vif) for vif in live.vifs]
            try:
                self.switch.plug(*plugs)
            except SwitchUnavailableError as error:
                if error.committed:
                    undo.callback(self._unplug, live)
                raise
            undo.callback(self._unplug, live)
            insist(judge(self.switch, self.kernel, {plug.port: plug.bandwidth for plug in plugs}))
            undo.pop_all()

    def stop(self, machine: Machine) -> None:
        """End a domain, its ports and their rows, also where one of the two fails."""
        with ExitStack() as steps:  # the last one first
            steps.callback(super().stop, machine)
            steps.callback(self._unplug, machine.config)

    def undefine(self, machine: Machine) -> None:
        """Forget a domain, and what it has left on the switch if it ended by itself."""
        insist_on(machine, State.SHUTOFF)
        self._unplug_stale(machine.config, self.switch.ports())
        super().undefine(machine)

    def put_into_effect(self, machine: Machine, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Shape the port of a running vif, and see that the kernel does it; else bring back what was."""
        if machine.state is State.SHUTOFF:
            self.keep_definition(machine, vif, bandwidth)
            return
        if vif.target is None:
            raise BackendError(f"domain {machine.config.name!r} runs, and no device of its vif {vif.mac} is known")
        with ExitStack() as undo:
            undo.callback(self._bring_back, vif.target, vif.bandwidth or None)
            try:
                insist(enforce(self.switch, self.kernel, {vif.target: bandwidth}).drifts)
            except SwitchUnavailableError as error:
                said = "Open vSwitch is not answering: the bandwidth stays what it was"
                raise SwitchUnavailableError(said) from error
            undo.callback(self._keep_again, machine.config)
            self.hypervisor.keep(machine.config.with_bandwidth(str(vif.mac), bandwidth), running=True)
            self.keep_definition(machine, vif, bandwidth)
            undo.pop_all()

    def _bring_back(self, port: str, bandwidth: Bandwidth | None) -> None:
        with suppress(BackendError):
            restore(self.switch, {port: bandwidth})

    def _keep_again(self, config: DomainConfig) -> None:
        with suppress(VifkitError):
            self.hypervisor.keep(config, running=True)

    def _unplug(self, config: DomainConfig) -> None:
        """Take the ports away with their rows, also those of which no note tells, and rows that are off a port."""
        known = [vif.target for vif in config.vifs if vif.target and vif.on_openvswitch]
        self.switch.unplug([*known, *self._own(config, self.switch.ports())])
        self.switch.collect([config.uuid])

    def _unplug_stale(self, config: DomainConfig, there: Mapping[str, PortRows]) -> None:
        """Take away the ports that a domain has left which ended by itself, or with its host."""
        self.switch.unplug(self._own(config, there))
        self.switch.collect([config.uuid])

    @staticmethod
    def _own(config: DomainConfig, there: Mapping[str, PortRows]) -> list[str]:
        """Name the ports that were made for a domain: they carry its UUID, whatever becomes of its note."""
        return [name for name, port in there.items() if port.vm_id == config.uuid]


def _no_note(machine: Machine) -> str:
    said = "vifkit's note is missing (others made the machine, or wrote over the note)"
    return f"domain {machine.config.name!r}: {said}, so its bandwidths are not known: stop it and define it again"


def _look_for_bridges(config: DomainConfig, there: Mapping[str, PortRows]) -> None:
    """Find each bridge, by its port of the same name, before anything is started. Raises PortNotFoundError."""
    for bridge in sorted({str(vif.source) for vif in config.vifs} - there.keys()):
        raise PortNotFoundError(bridge, f"no bridge is named {bridge!r}")


def _insist_on_openvswitch(vif: Vif) -> None:
    if vif.type != "bridge" or not vif.on_openvswitch:
        raise UnsupportedError("interface", f"an interface of type {vif.type!r} is not on Open vSwitch")
    if not vif.source:
        raise UnsupportedError("interface", "an interface of type 'bridge' names its bridge: <source bridge='…'/>")


def _plug(config: DomainConfig, vif: Vif) -> Plug:
    if vif.target is None:
        raise BackendError(f"domain {config.name!r} was started, and no device of its vif {vif.mac} is known")
    ids = {"attached-mac": str(vif.mac), "iface-id": vif.interface_id or config.uuid, "vm-id": config.uuid}
    return Plug(bridge=str(vif.source), port=vif.target, external_ids=ids, bandwidth=vif.bandwidth or None)
