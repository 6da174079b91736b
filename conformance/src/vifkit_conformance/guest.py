"""A domain under judgement, seen from outside: by its ports in Open vSwitch, and by the kernel."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

from netqos.htb import Tree
from netqos.link import Link
from vifkit import Connection, Domain, State, SupportsUnplug, VifkitError

from .bandwidths import USUAL, declared
from .judging import evidence
from .judging.declared import only_seen, unjudged
from .lab import Endpoint, Lab
from .observe import Observer
from .testbed import Testbed

_names = count(1)
_given: set[str] = set()


@dataclass(frozen=True)
class Guest:
    """A domain of the suite's. `macs` are those of its vifs, in order."""

    domain: Domain
    macs: tuple[str, ...]
    observer: Observer
    testbed: Testbed

    @property
    def lab(self) -> Lab:
        """The lab that the host is."""
        return as_lab(self.observer)

    @property
    def mac(self) -> str:
        """The MAC address of the first vif."""
        return self.macs[0]

    def ports(self) -> list[dict[str, Any]]:
        """The rows of the table Interface that say `attached-mac` of one of our vifs, in the vifs' order."""
        rows = {row["external_ids"].get("attached-mac"): row for row in self.observer.rows("Interface")}
        return [rows[mac] for mac in self.macs if mac in rows]

    def port(self, number: int = 0) -> dict[str, Any]:
        """The row of the table Interface of one vif."""
        found = self.ports()
        assert len(found) == len(self.macs), (
            f"{len(found)} of {len(self.macs)} vifs are on Open vSwitch: an Interface row with attached-mac names each"
        )
        return found[number]

    def device(self, number: int = 0) -> str:
        """The host's device of one vif."""
        return str(self.port(number)["name"])

    def qos(self, number: int = 0) -> dict[str, Any] | None:
        """The QoS row on the port of one vif."""
        if not self.testbed.on_openvswitch:
            return None
        name = self.device(number)
        (held,) = [row["qos"] for row in self.observer.rows("Port") if row["name"] == name]
        found = [row for row in self.observer.rows("QoS") if row["_uuid"] == held]
        return found[0] if found else None

    def queue(self, number: int = 0) -> dict[str, Any]:
        """The Queue row 0 on the port of one vif."""
        qos = self.qos(number)
        assert qos is not None, "the port has no QoS row"
        (found,) = [row for row in self.observer.rows("Queue") if row["_uuid"] == qos["queues"][0]]
        return found

    def link(self, number: int = 0) -> Link:
        """The host's device of one vif as the kernel has it, its ingress filters included."""
        name = self.device(number)
        link = self.observer.link(name)
        assert link is not None, f"Open vSwitch has a port {name}, and the kernel has no such device"
        return link

    def tree(self, number: int = 0) -> Tree:
        """The qdisc and classes of one vif's port, as the kernel has them: none where it is no port."""
        if not self.testbed.on_openvswitch:
            return Tree()
        return self.link(number).tree

    def interface(self, mac: str, bandwidth: str = "", *, bridge: str = "br0", target: str | None = None) -> str:
        """Write an `<interface>` that can be plugged."""
        return interface(mac, bandwidth, bridge=bridge, target=target, switched=self.testbed.on_openvswitch)

    def unplug(self, mac: str) -> None:
        """Unplug a vif; a test is left out where no guest runs that would let go of it."""
        if not self.testbed.guest_lets_go:
            unjudged("the testbed's guests let go of no vif")
        assert isinstance(self.domain, SupportsUnplug)
        self.domain.detach_vif(mac)

    def inside(self, number: int = 0) -> AbstractContextManager[Endpoint]:
        """The guest's own end of one vif; a test is left out where the testbed does not reach there."""
        if not self.testbed.guest_traffic:
            unjudged("the testbed does not declare guest_traffic")
        return self.testbed.guest(self.domain, self.macs[number])


class Guests:
    """Makes guests, and ends them after the test; with `traffic` it is reached into them."""

    def __init__(self, connection: Connection, testbed: Testbed, observer: Observer, *, traffic: bool = False) -> None:
        self.connection = connection
        self.testbed = testbed
        self.observer = observer
        self._domain_xml = testbed.traffic_domain_xml if traffic else testbed.domain_xml
        self._made: list[Domain] = []
        self._macs: list[tuple[str, ...]] = []

    @property
    def lab(self) -> Lab:
        """The lab that the host is."""
        return as_lab(self.observer)

    def __call__(self, *bandwidths: str, mtu: int | None = None, start: bool = True, bridge: str = "br0") -> Guest:
        """Make a domain with one vif for each `<bandwidth>` (one without by default), defined or else created."""
        xml, macs = self.write(*bandwidths, mtu=mtu, bridge=bridge)
        if self.connection.capabilities.persistent_domains:
            domain = self.define(xml)
            if start:
                domain.start()
        else:
            domain = self.create(xml)
        return Guest(domain, macs, self.observer, self.testbed)

    def write(
        self, *bandwidths: str, mtu: int | None = None, bridge: str = "br0", target: str | None = None
    ) -> tuple[str, tuple[str, ...]]:
        """Write the XML of a new domain, and its MAC addresses.

        Of the usual bandwidths a driver gets what it declares, so that it is judged by all that needs no more.
        """
        capabilities = self.connection.capabilities
        bandwidths = tuple(declared(each, capabilities) if each in USUAL else each for each in bandwidths)
        uuid = str(uuid4())
        stem = f"52:54:00:{uuid[:2]}:{uuid[2:4]}:"
        _given.add(stem)
        macs = tuple(f"{stem}{number:02x}" for number in range(len(bandwidths) or 1))
        interfaces = [
            interface(mac, bandwidth, mtu=mtu, bridge=bridge, target=target, switched=self.testbed.on_openvswitch)
            for mac, bandwidth in zip(macs, bandwidths or [""], strict=True)
        ]
        xml = self._domain_xml(f"guest-{next(_names)}-{uuid[:8]}", uuid, interfaces)
        evidence.note("xml", text=xml)
        self._macs.append(macs)
        return xml, macs

    def define(self, xml: str) -> Domain:
        """Define a domain that is forgotten after the test."""
        domain = self.connection.define(xml)
        self._made.append(domain)
        return domain

    def create(self, xml: str) -> Domain:
        """Create a domain that is stopped after the test."""
        domain = self.connection.create(xml)
        self._made.append(domain)
        return domain

    def look(self) -> None:
        """Note the rows and the tree of every port that there is."""
        for domain, macs in zip(self._made, self._macs, strict=False):
            made = Guest(domain, macs, self.observer, self.testbed)
            for number, port in enumerate(made.ports()):
                qos = made.qos(number)
                evidence.note_rows(port, qos, made.queue(number) if qos and qos["queues"] else None)
                evidence.note_tree(None, made.tree(number), [])

    def close(self) -> None:
        """Stop and undefine what the test left."""
        for domain in self._made:
            with suppress(VifkitError):
                if domain.state() is not State.SHUTOFF:
                    domain.stop()
            with suppress(VifkitError):
                domain.undefine()
        self._made.clear()


def is_ours(mac: str) -> bool:
    """Tell whether a MAC address was given, by this process, to a vif of the suite's."""
    return mac[:-2] in _given


def as_lab(observer: Observer) -> Lab:
    """Give the lab that a host is; a test that needs one is left out where the host is somebody's."""
    if not isinstance(observer, Lab):
        only_seen()
    return observer


def interface(
    mac: str,
    bandwidth: str = "",
    *,
    mtu: int | None = None,
    bridge: str = "br0",
    target: str | None = None,
    switched: bool = True,
) -> str:
    """Write an `<interface>` on a bridge: of the lab's Open vSwitch, or of the hypervisor's own."""
    parts: Sequence[str] = (
        f"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/>",
        "<virtualport type='openvswitch'/>" if switched else "",
        f"<target dev='{target}'/>" if target else "",
        f"<mtu size='{mtu}'/>" if mtu else "",
        bandwidth,
        "</interface>",
    )
    return "".join(parts)
