"""What the suite asks of a hypervisor beside its driver: to be booted in a lab, and to run a guest there."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, runtime_checkable

from vifkit import Domain, Rate

from .lab import Endpoint, Lab


class Testbed(ABC):
    """Made without arguments; found by the entry points of the group `vifkit.testbeds`, by the driver's name."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    domain_type: str = ""
    """The `type` of the suite's domains."""
    domain_body: str = ""
    """What the suite's domains hold beside name, UUID, memory, CPU and interfaces, such as `<os>`."""
    on_openvswitch: bool = True
    """Whether the vifs are ports of the lab's Open vSwitch. Where not, the suite's interfaces name no virtualport, and
    `<source bridge='br0'/>` is what the testbed calls br0: a network, a port group, a switch of the hypervisor's."""
    plugs_vifs: bool = True
    """Whether a start looks for the bridges of its vifs: a stand-in of the hypervisor's may not."""
    guest_traffic: bool = False
    """Whether `guest` reaches into a guest, to send and count traffic there."""
    guest_lets_go: bool = True
    """Whether a running guest, where it is asked, lets go of a vif that is unplugged."""

    judged_on: Literal["real", "simulator", "double"] | None = None
    """What stands behind the driver: the hypervisor itself, a simulator that its vendor or a community wrote, or a
    double by the driver's own author. It stands in every report; None is not to say."""

    tools: Mapping[str, Sequence[str]] = {}
    """What it boots, by name, and the commands that tell the versions; they stand in the header of a run."""

    nonexistent: Mapping[str, str] = {}
    """What this hypervisor has not, by the protocol of this module that would need it, with the reason: tests of it do
    not apply. Tests of what it has, and the testbed cannot reach, are not judged."""

    @abstractmethod
    def boot(self, lab: Lab) -> AbstractContextManager[str]:
        """Boot what the driver needs beside the lab's Open vSwitch; give its URI while it is up."""

    def guest(self, domain: Domain, mac: str) -> AbstractContextManager[Endpoint]:
        """Give a running guest's own end of a vif. Only asked where `guest_traffic` is true."""
        raise LookupError(f"{type(self).__name__} does not reach into the guest of {domain.name} at {mac}")

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a domain with these `<interface>` elements."""
        return (
            f"<domain type='{self.domain_type}'><name>{name}</name><uuid>{uuid}</uuid>"
            f"<memory unit='MiB'>64</memory><vcpu>1</vcpu>{self.domain_body}"
            f"<devices>{''.join(interfaces)}</devices></domain>"
        )

    def traffic_domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a domain into which `guest` is to reach; by default as any other."""
        return self.domain_xml(name, uuid, interfaces)


class Unbooted(Testbed):
    """A testbed on a host that it has not booted: it writes XML as the other does, and does nothing else."""

    def __init__(self, other: Testbed) -> None:
        self.on_openvswitch = other.on_openvswitch
        self.guest_lets_go = other.guest_lets_go
        self.nonexistent = other.nonexistent
        self.domain_xml = other.domain_xml  # type: ignore[method-assign]
        self.traffic_domain_xml = other.traffic_domain_xml  # type: ignore[method-assign]

    def boot(self, lab: Lab) -> AbstractContextManager[str]:
        """Refuse."""
        raise LookupError("this host is there already")


@runtime_checkable
class SupportsDaemonKill(Protocol):
    """A testbed whose hypervisor has a daemon, which the tests end and start again."""

    def kill_daemon(self) -> None:
        """End the daemon by SIGKILL; the domains that run go on."""

    def start_daemon(self) -> None:
        """Start it again, and wait until it answers at the same address."""


@runtime_checkable
class SupportsGuestKill(Protocol):
    """A testbed that ends a guest behind the hypervisor's back."""

    def kill_guest(self, domain: Domain) -> None:
        """End the process that a running domain is, by SIGKILL."""


@runtime_checkable
class SupportsTuning(Protocol):
    """A testbed whose hypervisor has a tool of its own that changes a bandwidth."""

    def tune(self, domain: Domain, mac: str, inbound: Rate) -> None:
        """Set a running vif's inbound bandwidth by that tool, behind the driver's back."""


@runtime_checkable
class SupportsSecondHost(Protocol):
    """A testbed that boots another host, to which domains can migrate."""

    def second_host(self, lab: Lab) -> AbstractContextManager[tuple[Lab, str]]:
        """Boot it beside the first one's lab, which it can reach; give its lab, with the bridge br0, and its URI."""
