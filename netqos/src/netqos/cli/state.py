"""What the rows and the kernel say of some ports at one moment, and what follows from it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from netqos import (
    Drift,
    Finding,
    InterfaceRow,
    PortRows,
    Psched,
    WantedRows,
    find,
    marked,
    policing,
    predict,
    read_rates,
    verify,
)
from netqos.htb import Version
from netqos.link import Link
from netqos.render import View
from vifkit import Bandwidth, PortNotFoundError

from .options import Host

_OF_POLICING = ("rows-differ", "policing-missing", "policing-differs", "policing-unexpected")


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The rows of some ports, and the links of their interfaces that are in the namespace."""

    ports: Mapping[str, PortRows]
    links: Mapping[str, Link]
    ovs_version: Version
    psched: Psched
    has_police: bool

    def drifts(self) -> list[Drift]:
        """List the drifts of what the marks in the rows ask."""
        drifts = verify(
            self.ports,
            self.links,
            ovs_version=self.ovs_version,
            psched=self.psched,
            has_police=self.has_police,
        )
        return self.ours(drifts)

    def ours(self, drifts: Iterable[Drift]) -> list[Drift]:
        """Leave out what concerns the trees that somebody else's QoS makes."""
        return [drift for drift in drifts if drift.code in _OF_POLICING or not self.ports[drift.port].foreign]

    def findings(self, port: PortRows, bandwidth: Bandwidth | None) -> list[Finding]:
        """List what is to be known of a bandwidth on this port, as its rows carry it out on this link."""
        if not port.interfaces:
            return []
        interface = port.interfaces[0]
        link = self.links.get(interface.name)
        mtu = link.mtu if link else interface.mtu or 1500
        rows = WantedRows(qos=port.qos, policing=interface.policing)
        tree = predict(
            rows.qos,
            mtu=mtu,
            ovs_version=self.ovs_version,
            psched=self.psched,
            link_speed_bps=interface.link_speed,
        )
        return find(
            bandwidth,
            rows,
            tree,
            mtu=mtu,
            ovs_version=self.ovs_version,
            psched=self.psched,
            in_userspace=port.in_userspace,
        )

    def views(self) -> Iterator[tuple[PortRows, View]]:
        """Give each port with what there is to show of each of its interfaces."""
        for port in self.ports.values():
            bandwidth = marked(port) or read_rates(port)
            findings = self.findings(port, bandwidth)
            for interface in port.interfaces:
                yield port, self._view(port, interface, bandwidth, findings)

    def _view(
        self, port: PortRows, interface: InterfaceRow, bandwidth: Bandwidth | None, findings: list[Finding]
    ) -> View:
        link = self.links.get(interface.name)
        return View(
            bandwidth=bandwidth,
            qos=port.qos,
            interface=interface,
            tree=link.tree if link else None,
            policer=policing.find(link.policers) if link else None,
            psched=self.psched,
            findings=findings,
            counters=link.counters if link else {},
        )


def look(host: Host, names: Collection[str] | None = None) -> State:
    """Read ports, all by default, with their links. Raises PortNotFoundError, BackendError."""
    from netqos.enforce import version_tuple

    kernel = host.kernel
    with telling_devices(host):
        ports = host.switch.ports(names)
    devices = [interface.name for port in ports.values() for interface in port.interfaces]
    return State(
        ports=ports if names is not None else dict(sorted(ports.items(), key=_natural)),
        links=kernel.read(devices, policers=True),
        ovs_version=version_tuple(host.switch.version),
        psched=Psched.here(),
        has_police=kernel.has_police(),
    )


@contextmanager
def telling_devices(host: Host) -> Iterator[None]:
    """Tell, where a port is not found, a device that is on no bridge from none at all."""
    try:
        yield
    except PortNotFoundError as error:
        if error.port not in host.kernel.links():
            raise
        said = f"the device {error.port!r} is a port of no bridge (ovs-vsctl add-port BRIDGE DEVICE)"
        raise PortNotFoundError(error.port, said) from error


def _natural(item: tuple[str, PortRows]) -> list[tuple[int, str]]:
    """Sort vnet10 behind vnet9."""
    return [(int(word or 0), text) for text, word in re.findall(r"([^0-9]*)([0-9]*)", item[0])]
