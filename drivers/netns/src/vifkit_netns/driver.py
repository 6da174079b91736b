"""The reference driver: a domain is a network namespace, its vif a veth on an Open vSwitch bridge.

    netns:///var/lib/vifkit?db=unix:/var/run/openvswitch/db.sock&netns=4711

The path is a directory that keeps the domains (default /run/vifkit-netns). `db` is the database of the
Open vSwitch (default: the local one), `netns` the namespace that it runs in, as a name, path or process id
(default: ours).
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from netqos.enforce import enforce, insist, judge, restore, version_tuple
from netqos.guard import DEFAULT_MTU, refuse_undeclared, warn
from netqos.htb import highest_rate_bps
from netqos.kernel import Kernel, namespace_path
from netqos.ovsdb import Plug, Switch
from netqos.probe import policing_available
from vifkit import (
    BackendError,
    Bandwidth,
    Capabilities,
    ConnectError,
    Connection,
    Credentials,
    Domain,
    DomainConfig,
    DomainExistsError,
    DomainNotFoundError,
    Driver,
    InvalidStateError,
    Shaping,
    State,
    SwitchUnavailableError,
    UnsupportedError,
    Vif,
    parse_domain,
)

from . import host
from .store import Store


class NetnsDriver(Driver):
    """Opens `netns:` URIs."""

    name = "netns"
    schemes = ("netns",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError if Open vSwitch, the namespace or the directory is not to be had, ValueError."""
        parts = urlsplit(uri)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        unknown = query.keys() - {"db", "netns"}
        if parts.scheme not in self.schemes or parts.netloc or parts.fragment or unknown:
            raise ValueError(f"not understood: {uri!r}; netns:///DIRECTORY?db=ADDRESS&netns=NAMESPACE is")
        namespace = str(namespace_path(query.get("netns", os.getpid())))
        try:
            store = Store(Path(unquote(parts.path) or "/run/vifkit-netns"))
            return self.connection(store, Switch(query.get("db")), namespace)
        except (BackendError, OSError) as error:
            raise ConnectError(f"{uri}: {error}") from error

    def connection(self, store: Store, switch: Switch, namespace: str) -> "NetnsConnection":
        """Make what `open` gives: a driver that varies this one gives its own."""
        return NetnsConnection(store, switch, namespace)


class NetnsConnection(Connection):
    """The domains in one directory, on one Open vSwitch."""

    def __init__(self, store: Store, switch: Switch, namespace: str) -> None:
        self._store = store
        self._closed = False
        self.switch = switch
        self.namespace = namespace
        self.kernel = Kernel(namespace)

    @property
    def store(self) -> Store:
        """What keeps the domains, and all goes through. Raises ConnectError once the connection is closed."""
        self._insist_open()
        return self._store

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
            mtu=True,
            persistent_domains=True,
            highest_rate_bps=highest_rate_bps(version_tuple(self.switch.version)),
        )

    def version(self) -> str:
        """The kernel is the hypervisor here."""
        self._insist_open()
        return f"Linux {os.uname().release}"

    def domains(self) -> Sequence[Domain]:
        """List all domains."""
        return [self.handle(config) for config in self.store.configs()]

    def domain(self, name: str) -> Domain:
        """Find a domain."""
        return self.handle(self.store.config(name))

    def define(self, xml: str) -> Domain:
        """Keep a domain."""
        store, config = self.store, self.accept(xml)
        with store.locked():
            self.refuse_rivals(config)
            store.keep(config)
        return self.handle(config)

    def create(self, xml: str) -> Domain:
        """Start a domain that is gone when it stops."""
        store, config = self.store, self.accept(xml)
        with store.locked():
            self.refuse_rivals(config)
            self.start(store.defined(config.name) or config)
        return self.handle(config)

    def close(self) -> None:
        """Let go of Open vSwitch."""
        self._closed = True
        self.kernel.close()
        self.switch.close()

    def handle(self, config: DomainConfig) -> "NetnsDomain":
        """Make the Domain of a domain."""
        return NetnsDomain(self, config.name, config.uuid)

    def start(self, config: DomainConfig) -> None:
        """Make the namespace, its veths, and their ports in one transaction; all of it or nothing."""
        if self.store.is_running(config.name):
            raise InvalidStateError(config.name, State.RUNNING.value, State.SHUTOFF.value)
        config = config.with_targets({_sure(vif.mac): vif.target or _device(config, vif) for vif in config.vifs})
        pin = self.store.pin(config.name)
        plugs = [_plug(config, vif) for vif in config.vifs]
        self._sweep(config)
        with ExitStack() as undo:
            undo.callback(self.store.drop_live, config.name)
            self.store.keep_live(config)
            undo.callback(host.drop_namespace, pin)
            host.make_namespace(pin)
            for number, vif in enumerate(config.vifs):
                port = _sure(vif.target)
                host.add_veth(self.namespace, port, pin, f"eth{number}", _sure(vif.mac), vif.mtu or DEFAULT_MTU)
                undo.callback(host.delete_link, self.namespace, port)
            try:
                self.plug(plugs)
            except SwitchUnavailableError as error:
                if error.committed:
                    undo.callback(self.unplug, config)
                raise
            undo.callback(self.unplug, config)
            self.check(plugs)
            if config.init:
                host.spawn(pin, config.init)
            undo.pop_all()

    def stop(self, config: DomainConfig) -> None:
        """Take everything of a running domain away, whatever of it fails."""
        with ExitStack() as steps:  # the last one first
            steps.callback(self.store.drop_live, config.name)
            steps.callback(host.drop_namespace, self.store.pin(config.name))
            for vif in config.vifs:
                steps.callback(host.delete_link, self.namespace, _sure(vif.target))
            steps.callback(self.unplug, config)

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Carry out a new bandwidth of one vif, and keep it."""
        vif = _find(config, mac)
        refuse_undeclared(bandwidth, self.capabilities)
        warn(vif, bandwidth, version_tuple(self.switch.version), stacklevel=4)
        if self.store.is_running(config.name):
            port = _sure(vif.target)
            try:
                self.shape(port, bandwidth or None)
            except BackendError:
                with suppress(BackendError):
                    restore(self.switch, {port: vif.bandwidth or None})
                raise
            self.store.keep_live(config.with_bandwidth(mac, bandwidth))
        defined = self.store.defined(config.name)
        if defined is not None and vif.mac in {each.mac for each in defined.vifs}:
            self.store.keep(defined.with_bandwidth(mac, bandwidth))

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Make devices ports of their bridges, each with its bandwidth; all of them or none."""
        self.switch.plug(*plugs)

    def check(self, plugs: Sequence[Plug]) -> None:
        """Look whether what was plugged is in effect. Raises BackendError."""
        insist(judge(self.switch, self.kernel, {plug.port: plug.bandwidth for plug in plugs}))

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Put a new bandwidth of a port into effect, and look whether it is. Raises BackendError."""
        insist(enforce(self.switch, self.kernel, {port: bandwidth}).drifts)

    def unplug(self, config: DomainConfig) -> None:
        """Take the ports of a domain off their bridges, with their rows, also those that somebody took off a port."""
        self.switch.unplug([_sure(vif.target) for vif in config.vifs])
        self.switch.collect([config.uuid])

    def accept(self, xml: str) -> DomainConfig:
        """Read a domain, refuse what is not declared, and warn. Raises InvalidXmlError, UnsupportedError."""
        config = parse_domain(xml)
        for vif in config.vifs:
            if vif.type != "bridge" or not vif.on_openvswitch or vif.source is None:
                raise UnsupportedError("interface", f"an interface of type {vif.type!r} is not on Open vSwitch")
            refuse_undeclared(vif.bandwidth, self.capabilities)
            warn(vif, vif.bandwidth, version_tuple(self.switch.version), stacklevel=4)
        return config

    def refuse_rivals(self, config: DomainConfig) -> None:
        """Let nobody else have its name or UUID. Raises DomainExistsError."""
        for other in self.store.configs():
            if (other.name == config.name) != (other.uuid == config.uuid):
                raise DomainExistsError(other.name)

    def _insist_open(self) -> None:
        if self._closed:
            raise ConnectError("the connection is closed: open another")

    def _sweep(self, config: DomainConfig) -> None:
        """Take away the ports that outlived the domain: a restart of the host leaves the database as it was."""
        ports, names = self.switch.ports(), [_sure(vif.target) for vif in config.vifs]
        ours = [name for name in names if name in ports and ports[name].vm_id == config.uuid]
        if ours:
            devices = self.kernel.links()
            self.switch.unplug([name for name in ours if name not in devices])


class NetnsDomain(Domain):
    """A namespace, or the XML that will be one."""

    name = ""
    uuid = ""

    def __init__(self, connection: NetnsConnection, name: str, uuid: str) -> None:
        self.name = name
        self.uuid = uuid
        self._connection = connection

    @property
    def _store(self) -> Store:
        return self._connection.store

    @property
    def namespace(self) -> str:
        """The path of the namespace, while it runs."""
        return str(self._store.pin(self.name))

    def state(self) -> State:
        """Running is to have a namespace."""
        self._config()
        return State.RUNNING if self._store.is_running(self.name) else State.SHUTOFF

    def start(self) -> None:
        """Start it."""
        with self._store.locked():
            self._connection.start(self._config())

    def stop(self) -> None:
        """End it at once."""
        with self._store.locked():
            config = self._config()
            if not self._store.is_running(self.name):
                raise InvalidStateError(self.name, State.SHUTOFF.value, State.RUNNING.value)
            self._connection.stop(config)

    def undefine(self) -> None:
        """Forget it."""
        with self._store.locked():
            if self.state() is not State.SHUTOFF:
                raise InvalidStateError(self.name, State.RUNNING.value, State.SHUTOFF.value)
            self._store.forget(self.name)

    def xml(self) -> str:
        """Give the XML as it runs, or as it is kept."""
        return self._config().to_xml()

    def vifs(self) -> Sequence[Vif]:
        """List the vifs."""
        return self._config().vifs

    def bandwidth(self, mac: str) -> Bandwidth | None:
        """Give a vif's bandwidth."""
        return _find(self._config(), mac).bandwidth or None

    def set_bandwidth(self, mac: str, bandwidth: Bandwidth | None) -> None:
        """Replace a vif's bandwidth."""
        with self._store.locked():
            self._connection.update(self._config(), mac, bandwidth)

    def _config(self) -> DomainConfig:
        config = self._store.config(self.name)
        if config.uuid != self.uuid:
            raise DomainNotFoundError(self.name)
        return config


def _find(config: DomainConfig, mac: str) -> Vif:
    for vif in config.vifs:
        if vif.mac == mac.lower():
            return vif
    raise LookupError(f"domain {config.name!r} has no vif with the MAC address {mac!r}")


def _plug(config: DomainConfig, vif: Vif) -> Plug:
    ids = {"attached-mac": _sure(vif.mac), "iface-id": vif.interface_id or config.uuid, "vm-id": config.uuid}
    return Plug(bridge=_sure(vif.source), port=_sure(vif.target), external_ids=ids, bandwidth=vif.bandwidth or None)


def _device(config: DomainConfig, vif: Vif) -> str:
    """A name for the host's end that no other vif gets: within 15 characters, the same at every start."""
    return "vif" + hashlib.sha256(f"{config.uuid} {vif.mac}".encode()).hexdigest()[:10]


def _sure(value: str | None) -> str:
    """What every vif that got this far has."""
    if value is None:
        raise BackendError("the vif has no MAC address, bridge or device")
    return value
