"""What a driver can do, as data. The suite checks it both ways."""

from dataclasses import dataclass
from enum import Enum


class Shaping(Enum):
    """What carries a bandwidth out."""

    OVS_HTB = "ovs-htb"
    """Open vSwitch, by a linux-htb QoS on the vif's port."""
    NATIVE = "native"
    """The hypervisor itself."""
    NONE = "none"
    """Nothing: a bandwidth is refused."""


class RowWriter(Enum):
    """Who writes a vif's rows in Open vSwitch, and so whose word counts when they are changed behind the driver."""

    DRIVER = "driver"
    """The driver alone: what another writes is brought in line again."""
    HYPERVISOR = "hypervisor"
    """The hypervisor first, and the driver mends: what the hypervisor's own tools set is taken over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What holds for this connection, as it is now; versions and kernels matter. The default is no.

    What is declared must work. What is not declared must raise `UnsupportedError` with the field's
    name as its `capability`, and change nothing.
    """

    shaping: Shaping = Shaping.NONE
    row_writer: RowWriter = RowWriter.DRIVER
    """Who writes the rows, where `shaping` is by Open vSwitch."""
    inbound: bool = False
    """A limit on what the guest receives is carried out."""
    outbound: bool = False
    """A limit on what the guest sends is carried out."""
    peak: bool = False
    """A limit may have a peak beside its average."""
    burst: bool = False
    """A limit may have a burst."""
    floor: bool = False
    """An inbound floor is carried out."""
    live_update: bool = False
    """`set_bandwidth` works on a running domain."""
    hotplug: bool = False
    """A running domain gains and loses vifs: its domains are `SupportsHotplug`, `SupportsUnplug`."""
    mtu: bool = False
    """A vif has the MTU that its XML asks for."""
    persistent_domains: bool = False
    """`define` keeps a domain that is not running."""
    highest_rate_bps: int | None = None
    """The highest rate, in bits/s, that is carried out to the letter; None is no limit."""
