"""What the suite asks of a hypervisor beside its driver: to be booted in a lab, and to run a guest there."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager

from vifkit import Domain

from .lab import Lab, Namespace


class Testbed(ABC):
    """Made without arguments; found by the entry points of the group `vifkit.testbeds`, by the driver's name."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    domain_type: str = ""
    """The `type` of the suite's domains."""
    domain_body: str = ""
    """What the suite's domains hold beside name, UUID, memory, CPU and interfaces, such as `<os>`."""

    @abstractmethod
    def boot(self, lab: Lab) -> AbstractContextManager[str]:
        """Boot what the driver needs beside the lab's Open vSwitch; give its URI while it is up."""

    def guest(self, domain: Domain, mac: str) -> AbstractContextManager[tuple[Namespace, str]]:
        """Give the namespace in which a running guest's interface lives, and the interface's name.

        Only asked where the capabilities declare `guest_traffic`.
        """
        raise LookupError(f"{type(self).__name__} does not reach into the guest of {domain.name} at {mac}")

    def domain_xml(self, name: str, uuid: str, interfaces: Sequence[str]) -> str:
        """Write the XML of a domain with these `<interface>` elements."""
        return (
            f"<domain type='{self.domain_type}'><name>{name}</name><uuid>{uuid}</uuid>"
            f"<memory unit='MiB'>64</memory><vcpu>1</vcpu>{self.domain_body}"
            f"<devices>{''.join(interfaces)}</devices></domain>"
        )
