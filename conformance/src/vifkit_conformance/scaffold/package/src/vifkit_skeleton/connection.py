"""What the contract asks of a connection: the hypervisor's domains, their vifs ports of Open vSwitch, and shaped.

Who changes a domain holds the hypervisor's lock. What fails half way is undone before the error is raised.
"""

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from netqos.enforce import enforce, insist, judge, restore, version_tuple
from netqos.guard import refuse_undeclared, warn
from netqos.htb import highest_rate_bps
from netqos.kernel import Kernel
from netqos.ovsdb import Plug, Switch
from netqos.probe import policing_available
from vifkit import (
    BackendError,
    Bandwidth,
    Capabilities,
    ConnectError,
    Connection,
    Domain,
    DomainConfig,
    DomainExistsError,
    DomainNotFoundError,
    InvalidStateError,
    Shaping,
    State,
    SwitchUnavailableError,
    UnsupportedError,
    Vif,
    parse_domain,
)

from .domain import SkeletonDomain, find_vif
from .hypervisor import Hypervisor


class SkeletonConnection(Connection):
    """The domains of one hypervisor, on one Open vSwitch."""

    def __init__(self, hypervisor: Hypervisor, switch: Switch, netns: str) -> None:
        self._hypervisor = hypervisor
        self._closed = False
        self.switch = switch
        self.kernel = Kernel(netns)

    @property
    def hypervisor(self) -> Hypervisor:
        """The hypervisor, through which all goes. Raises ConnectError once the connection is closed."""
        if self._closed:
            raise ConnectError("the connection is closed: open another")
        return self._hypervisor

    @property
    def capabilities(self) -> Capabilities:
        """What holds here. Declare no more than works: the suite asks for all of it, and for a refusal of the rest."""
        return Capabilities(
            shaping=Shaping.OVS_HTB,
            inbound=True,
            outbound=policing_available(),
            peak=True,
            burst=True,
            live_update=True,
            mtu=True,
            persistent_domains=True,
            highest_rate_bps=highest_rate_bps(version_tuple(self.switch.version)),
        )

    def version(self) -> str:
        """Name the hypervisor and its version."""
        return self.hypervisor.version()

    def domains(self) -> Sequence[Domain]:
        """List all domains."""
        return [SkeletonDomain(self, config) for config in self.hypervisor.domains()]

    def domain(self, name: str) -> Domain:
        """Find a domain."""
        for config in self.hypervisor.domains():
            if config.name == name:
                return SkeletonDomain(self, config)
        raise DomainNotFoundError(name)

    def define(self, xml: str) -> Domain:
        """Keep a domain."""
        hypervisor, config = self.hypervisor, self._accept(xml)
        with hypervisor.locked():
            self._refuse_rivals(config)
            hypervisor.define(config)
        return SkeletonDomain(self, config)

    def create(self, xml: str) -> Domain:
        """Start a domain that is gone when it stops."""
        hypervisor, config = self.hypervisor, self._accept(xml)
        with hypervisor.locked():
            self._refuse_rivals(config)
            self.start(hypervisor.defined(config.uuid) or config)
        return SkeletonDomain(self, config)

    def close(self) -> None:
        """Let go of Open vSwitch and the kernel."""
        self._closed = True
        self.kernel.close()
        self.switch.close()

    def start(self, config: DomainConfig) -> None:
        """Start a domain, each vif a port with its bandwidth in effect; all of it or nothing."""
        if self.hypervisor.is_running(config.uuid):
            raise InvalidStateError(config.name, State.RUNNING.value, State.SHUTOFF.value)
        config = config.with_targets({str(vif.mac): vif.target or _device(config, vif) for vif in config.vifs})
        plugs = [_plug(config, vif) for vif in config.vifs]
        self._unplug_stale(config)
        with ExitStack() as undo:
            self.hypervisor.start(config)
            undo.callback(self.hypervisor.stop, config)
            try:
                self.switch.plug(*plugs)
            except SwitchUnavailableError as error:
                if error.committed:
                    undo.callback(self._unplug, config)
                raise
            undo.callback(self._unplug, config)
            insist(judge(self.switch, self.kernel, {plug.port: plug.bandwidth for plug in plugs}))
            undo.pop_all()

    def stop(self, config: DomainConfig) -> None:
        """End a domain, its ports and their rows, also where one of the two fails."""
        try:
            self._unplug(config)
        finally:
            self.hypervisor.stop(config)

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Put a new bandwidth of a vif into effect, and keep it."""
        vif = find_vif(config, mac)
        refuse_undeclared(bandwidth, self.capabilities)
        warn(vif, bandwidth, version_tuple(self.switch.version), stacklevel=4)
        if self.hypervisor.is_running(config.uuid):
            self._shape(str(vif.target), vif.bandwidth or None, bandwidth or None)
            self.hypervisor.update(config.with_bandwidth(mac, bandwidth))
        defined = self.hypervisor.defined(config.uuid)
        if defined is not None and vif.mac in {each.mac for each in defined.vifs}:
            self.hypervisor.define(defined.with_bandwidth(mac, bandwidth))

    def _accept(self, xml: str) -> DomainConfig:
        """Read a domain, refuse what is not declared, and warn of what does not do what it says."""
        config = parse_domain(xml)
        for vif in config.vifs:
            if vif.type != "bridge" or not vif.on_openvswitch or vif.source is None:
                raise UnsupportedError("interface", f"an interface of type {vif.type!r} is not on Open vSwitch")
            refuse_undeclared(vif.bandwidth, self.capabilities)
            warn(vif, vif.bandwidth, version_tuple(self.switch.version), stacklevel=4)
        return config

    def _refuse_rivals(self, config: DomainConfig) -> None:
        for other in self.hypervisor.domains():
            if (other.name == config.name) != (other.uuid == config.uuid):
                raise DomainExistsError(other.name)

    def _shape(self, port: str, before: Bandwidth | None, wanted: Bandwidth | None) -> None:
        """Change the bandwidth of a port, and look whether the kernel does it; else bring back what was."""
        try:
            insist(enforce(self.switch, self.kernel, {port: wanted}).drifts)
        except BackendError:
            with suppress(BackendError):
                restore(self.switch, {port: before})
            raise

    def _unplug(self, config: DomainConfig) -> None:
        """Take the ports away with their rows, also those rows that somebody took off a port."""
        self.switch.unplug([str(vif.target) for vif in config.vifs])
        self.switch.collect([config.uuid])

    def _unplug_stale(self, config: DomainConfig) -> None:
        """Take away ports without a device: the database outlives a restart of the host, and the domain does not."""
        ports, devices = self.switch.ports(), self.kernel.links()
        names = [str(vif.target) for vif in config.vifs]
        ours = [name for name in names if name in ports and ports[name].vm_id == config.uuid]
        self.switch.unplug([name for name in ours if name not in devices])


def _plug(config: DomainConfig, vif: Vif) -> Plug:
    ids = {"attached-mac": str(vif.mac), "iface-id": vif.interface_id or config.uuid, "vm-id": config.uuid}
    return Plug(bridge=str(vif.source), port=str(vif.target), external_ids=ids, bandwidth=vif.bandwidth or None)


def _device(config: DomainConfig, vif: Vif) -> str:
    """A name for the host's device that no other vif has: within 15 characters, the same at every start."""
    return "vif" + hashlib.sha256(f"{config.uuid} {vif.mac}".encode()).hexdigest()[:10]
