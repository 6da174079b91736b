"""VirtualBox's virtual machines, their adapters ports of Open vSwitch.

    vbox:///session?program=/opt/VirtualBox/VBoxManage&db=unix:/var/run/openvswitch/db.sock&netns=4711&timeout=60

`program` is VBoxManage, by name or by its whole path (default: VBoxManage, by PATH), `timeout` the seconds that one
call of it may take. `db` is the database of the Open vSwitch (default: the local one), `netns` the namespace that it
runs in, and VirtualBox too, as a name, path or process id (default: ours).
"""

from netqos.ovsdb import Switch
from vifkit import BackendError, ConnectError, Connection, Credentials, Domain, DomainConfig, Driver
from vifkit_base.local import local
from vifkit_base.pausing import pausable
from vifkit_base.switched import SwitchedConnection

from .hypervisor import VirtualBox
from .links import Links


class VirtualboxDriver(Driver):
    """Opens `vbox:` URIs."""

    name = "virtualbox"
    schemes = ("vbox",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError if VBoxManage, Open vSwitch or the namespace is not to be had, ValueError."""
        where = local(uri, self.schemes, "/session", "VBoxManage")
        try:
            hypervisor = VirtualBox(where.program, Links(where.tool("ip", "link"), where.tool("ethtool")), where.lock)
            hypervisor.version()
            return VirtualboxConnection(hypervisor, Switch(where.db), where.netns)
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
