"""The Open vSwitch beside a libvirt: bandwidths into effect, what libvirt leaves behind away."""

import threading
from collections.abc import Collection, Mapping

from netqos.enforce import enforce, insist, restore, version_tuple
from netqos.htb import Version
from netqos.kernel import Kernel, Netns
from netqos.ovsdb import Switch
from netqos.rows import PortRows
from vifkit import Bandwidth, ForeignQosError, PortExistsError, PortNotFoundError

_WRITERS = {
    "vm-id": {"attached-mac", "iface-id", "iface-status", "vm-id"},  # virNetDevOpenvswitchAddPort
    "xen-vm-uuid": {"attached-mac", "xen-vm-name", "xen-vm-uuid"},  # Xen's script vif-openvswitch, which libxl runs
}
"""The external_ids of a port that libvirt has made, by the one that names the domain."""
ATTEMPTS = 3
"""How often rows are written that somebody else writes at the same time."""


class Shaper:
    """Made for one connection; safe to use by several threads.

    Without a kernel to look at (libvirt is on another host) the rows are all that is judged. Raises as
    `Switch` and `Kernel` do.
    """

    def __init__(self, db: str | None, netns: Netns, *, sees_kernel: bool) -> None:
        self.switch = Switch(db)
        self.version: Version = version_tuple(self.switch.version)
        self.netns = netns
        self.sees_kernel = sees_kernel
        # One at a time: ovs-vswitchd takes them one at a time, too, and so nobody loses a race to a friend.
        self._lock = threading.Lock()
        if sees_kernel:
            Kernel(netns).close()

    def shape(self, wanted: Mapping[str, Bandwidth | None]) -> None:
        """Put bandwidths into effect. Raises BackendError where the kernel does not follow.

        Where rows are other ones right after, the service has just written what it read a moment earlier, and ours
        are written again.
        """
        if not wanted:
            return
        with self._lock:
            if not self.sees_kernel:
                self.switch.apply(wanted)
                return
            with Kernel(self.netns) as kernel:
                for _ in range(ATTEMPTS):
                    drifts = enforce(self.switch, kernel, wanted).drifts
                    if all(drift.code != "rows-differ" for drift in drifts):
                        break
                insist(drifts)

    def label(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        """Write to ports whose they are."""
        if labels:
            with self._lock:
                self.switch.label(labels)

    def restore(self, before: Mapping[str, Bandwidth | None]) -> None:
        """Write rows again as they were; they are also where ovs-vswitchd does not take note, and this raises."""
        with self._lock:
            restore(self.switch, before)

    def collect(self, uuid: str) -> None:
        """Delete the rows of a domain that no port leads to any more."""
        with self._lock:
            self.switch.collect([uuid])

    def refuse_foreign(self, port: str) -> None:
        """Raise ForeignQosError where somebody else's QoS holds the port, before libvirt would push it off."""
        held = self.switch.ports([port])[port]
        if held.foreign and held.qos is not None:
            raise ForeignQosError(port, f"the QoS row {held.qos.uuid} of port {port!r} is not ours; it is left alone")

    def unplug(self, ports: Collection[str]) -> None:
        """Take ports off their bridges, with their rows."""
        if ports:
            with self._lock:
                self.switch.unplug(ports)


def ports_of(uuid: str, there: Mapping[str, PortRows]) -> dict[str, str]:
    """List the ports that libvirt has made for a domain, each with the MAC address of its vif.

    They are known by what is written to them when they are made.
    """
    found = {}
    for name, port in there.items():
        for interface in port.interfaces:
            ids = interface.external_ids
            if any(ids.keys() >= written and ids[domain] == uuid for domain, written in _WRITERS.items()):
                found[name] = ids["attached-mac"]
    return found


def check(there: Mapping[str, PortRows], bridges: set[str], ports: set[str]) -> None:
    """Look whether new ports will find their bridges, and their names free.

    libvirt would find out half way, and not take all of its half back. Raises PortNotFoundError, PortExistsError.
    """
    for bridge in sorted(bridges - there.keys()):  # a bridge has a port of its own name
        raise PortNotFoundError(bridge, f"no bridge is named {bridge!r}")
    for port in sorted(ports & there.keys()):
        raise PortExistsError(port)
