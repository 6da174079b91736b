"""Virtuozzo's containers and virtual machines, their host devices ports of Open vSwitch.

    vz:///system?program=/usr/bin/prlctl&db=unix:/var/run/openvswitch/db.sock&netns=4711&timeout=60

`program` is prlctl, by name or by its whole path (default: prlctl, by PATH), `timeout` the seconds that one call of it
may take. `db` is the database of the Open vSwitch (default: the local one), `netns` the namespace that it runs in, and
Virtuozzo too, as a name, path or process id (default: ours).
"""

import os
from shutil import which

from netqos.kernel import namespace_path
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
    UnsupportedError,
    Vif,
)
from vifkit_base.command import Program
from vifkit_base.lockfile import LockFile
from vifkit_base.pausing import pausable
from vifkit_base.switched import SwitchedConnection
from vifkit_base.uri import parse

from .hypervisor import Virtuozzo

LIMIT_BYTES = 64 << 20
"""What prlctl may say: of 1,000 containers it tells in some 4 MB."""


class VirtuozzoDriver(Driver):
    """Opens `vz:` URIs."""

    name = "virtuozzo"
    schemes = ("vz",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError if prlctl, Open vSwitch or the namespace is not to be had, ValueError."""
        address = parse(uri, self.schemes, ("db", "netns", "program", "timeout"))
        program = address.query.get("program", "prlctl")
        timeout = address.query.get("timeout", "60")
        if address.host or address.path not in ("", "/", "/system"):
            raise ValueError(f"not understood: {uri!r}; vz:///system is")
        if not program or ("/" in program and not program.startswith("/")):
            raise ValueError(f"not understood: {uri!r}; program is a name, or a whole path")
        if not timeout.isdecimal() or not 1 <= int(timeout) <= 3600:
            raise ValueError(f"not understood: {uri!r}; timeout is from 1 to 3600 seconds")
        namespace = str(namespace_path(address.query.get("netns", os.getpid())))
        # A user's PATH often lacks the administrator's tools.
        path = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
        enter = (which("nsenter", path=path) or "nsenter", f"--net={namespace}", "--")
        try:
            hypervisor = Virtuozzo(
                Program(program, timeout_s=int(timeout), limit_bytes=LIMIT_BYTES),
                Program(*enter, which("ip", path=path) or "ip", "link"),
                LockFile("virtuozzo", program),
            )
            hypervisor.version()
            return VirtuozzoConnection(hypervisor, Switch(address.query.get("db")), namespace)
        except (BackendError, OSError) as error:
            raise ConnectError(f"{uri}: {error}") from error


class VirtuozzoConnection(SwitchedConnection):
    """The containers and virtual machines of one host."""

    domain_types = ("vz",)

    def __init__(self, hypervisor: Virtuozzo, switch: Switch, netns: str) -> None:
        super().__init__(hypervisor, switch, netns)
        self._pausing = hypervisor

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a device's name as well: Virtuozzo gives it, after the MAC address."""
        if vif.target is not None and not vif.target.startswith("vme"):
            raise UnsupportedError("interface", f"Virtuozzo names the host's devices itself, not {vif.target!r}")
        super().check(vif, bandwidth)

    def handle(self, config: DomainConfig) -> Domain:
        """Make the Domain of a domain, which pauses."""
        return pausable(self, self._pausing, config)
