"""VirtualBox's virtual machines, their adapters ports of Open vSwitch.

    vbox:///session?program=/opt/VirtualBox/VBoxManage&db=unix:/var/run/openvswitch/db.sock&netns=4711&timeout=60

`program` is VBoxManage, by name or by its whole path (default: VBoxManage, by PATH), `timeout` the seconds that one
call of it may take. `db` is the database of the Open vSwitch (default: the local one), `netns` the namespace that it
runs in, and VirtualBox too, as a name, path or process id (default: ours).
"""

import os

from netqos.kernel import namespace_path
from netqos.ovsdb import Switch
from vifkit import BackendError, ConnectError, Connection, Credentials, Domain, DomainConfig, Driver
from vifkit_base.command import Program
from vifkit_base.lockfile import LockFile
from vifkit_base.pausing import pausable
from vifkit_base.switched import SwitchedConnection
from vifkit_base.uri import parse

from .hypervisor import VirtualBox
from .links import Links

LIMIT_BYTES = 64 << 20
"""What VBoxManage may say: of 1,000 machines it tells in some 6 MB."""


class VirtualboxDriver(Driver):
    """Opens `vbox:` URIs."""

    name = "virtualbox"
    schemes = ("vbox",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError if VBoxManage, Open vSwitch or the namespace is not to be had, ValueError."""
        address = parse(uri, self.schemes, ("db", "netns", "program", "timeout"))
        program = address.query.get("program", "VBoxManage")
        timeout = address.query.get("timeout", "60")
        if address.host or address.path not in ("", "/", "/session"):
            raise ValueError(f"not understood: {uri!r}; vbox:///session is")
        if not program or ("/" in program and not program.startswith("/")):
            raise ValueError(f"not understood: {uri!r}; program is a name, or a whole path")
        if not timeout.isdecimal() or not 1 <= int(timeout) <= 3600:
            raise ValueError(f"not understood: {uri!r}; timeout is from 1 to 3600 seconds")
        namespace = str(namespace_path(address.query.get("netns", os.getpid())))
        try:
            hypervisor = VirtualBox(
                Program(program, timeout_s=int(timeout), limit_bytes=LIMIT_BYTES),
                Links(namespace),
                LockFile("virtualbox", program),
            )
            hypervisor.version()
            return VirtualboxConnection(hypervisor, Switch(address.query.get("db")), namespace)
        except (BackendError, OSError) as error:
            raise ConnectError(f"{uri}: {error}") from error


class VirtualboxConnection(SwitchedConnection):
    """The virtual machines of one user of VirtualBox."""

    domain_types = ("vbox",)

    def __init__(self, hypervisor: VirtualBox, switch: Switch, netns: str) -> None:
        super().__init__(hypervisor, switch, netns)
        self._pausing = hypervisor

    def handle(self, config: DomainConfig) -> Domain:
        """Make the Domain of a domain, which pauses."""
        return pausable(self, self._pausing, config)
