"""Virtuozzo's containers and virtual machines, their host devices ports of Open vSwitch.

    vz:///system?program=/usr/bin/prlctl&db=unix:/var/run/openvswitch/db.sock&netns=4711&timeout=60

`program` is prlctl, by name or by its whole path (default: prlctl, by PATH), `timeout` the seconds that one call of it
may take. `db` is the database of the Open vSwitch (default: the local one), `netns` the namespace that it runs in, and
Virtuozzo too, as a name, path or process id (default: ours).
"""

from netqos.ovsdb import Switch
from vifkit import (
    BackendError,
    Bandwidth,
    ConnectError,
    Connection,
    Credentials,
    Domain,
    DomainConfig,
    Driver,
    InvalidXmlError,
    UnsupportedError,
    Vif,
)
from vifkit_base.local import local
from vifkit_base.pausing import pausable
from vifkit_base.switched import SwitchedConnection

from .hypervisor import Virtuozzo


class VirtuozzoDriver(Driver):
    """Opens `vz:` URIs."""

    name = "virtuozzo"
    schemes = ("vz",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError if prlctl, Open vSwitch or the namespace is not to be had, ValueError."""
        where = local(uri, self.schemes, "/system", "prlctl")
        try:
            hypervisor = Virtuozzo(where.program, where.tool("ip", "link"), where.lock)
            hypervisor.version()
            return VirtuozzoConnection(hypervisor, Switch(where.db), where.netns)
        except (BackendError, OSError) as error:
            raise ConnectError(f"{uri}: {error}") from error


class VirtuozzoConnection(SwitchedConnection):
    """The containers and virtual machines of one host."""

    domain_types = ("vz",)

    def __init__(self, hypervisor: Virtuozzo, switch: Switch, netns: str) -> None:
        super().__init__(hypervisor, switch, netns)
        self._pausing = hypervisor

    def check_domain(self, config: DomainConfig) -> None:
        """Refuse names that prlctl would not take for some."""
        for where, given in ("name", config.name), *(("devices/interface/source", vif.source) for vif in config.vifs):
            if str(given).startswith("-"):
                raise InvalidXmlError(f"domain/{where}", f"prlctl would take {given!r} for an option")

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a device's name as well: Virtuozzo gives it, after the MAC address."""
        if vif.target is not None and not vif.target.startswith("vme"):
            raise UnsupportedError("interface", f"Virtuozzo names the host's devices itself, not {vif.target!r}")
        super().check(vif, bandwidth)

    def handle(self, config: DomainConfig) -> Domain:
        """Make the Domain of a domain, which pauses."""
        return pausable(self, self._pausing, config)
