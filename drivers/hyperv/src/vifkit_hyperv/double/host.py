"""What the host keeps between calls: virtual machines, their network adapters, and switches.

Properties and types are those of the classes Microsoft.HyperV.PowerShell.VirtualMachine, .VMNetworkAdapter,
.VMNetworkAdapterBandwidthSetting and .VMSwitch, as their cmdlets show them by `Format-List *`.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from .values import Enumeration, Long

_SPACE = "Microsoft.HyperV.PowerShell."
STATES = {"Running": 2, "Off": 3, "Saved": 6, "Paused": 9}
MODES = {"Default": 0, "Weight": 1, "Absolute": 2, "None": 3}
NO_MAC = "000000000000"


@dataclass(eq=False)
class BandwidthSetting:
    """What an adapter holds, in bits/s; an adapter that was never given one has no such object."""

    parent: str
    maximum: int = 0
    absolute: int = 0
    weight: int = 0
    type_names: Sequence[str] = (_SPACE + "VMNetworkAdapterBandwidthSetting", "System.Object")

    def properties(self) -> Mapping[str, object]:
        """Give its properties."""
        return {
            "MinimumBandwidthAbsolute": Long(self.absolute),
            "MinimumBandwidthWeight": Long(self.weight),
            "MaximumBandwidth": Long(self.maximum),
            "ParentAdapter": self.parent,
            "IsDeleted": False,
        }

    def __str__(self) -> str:
        return self.type_names[0]


@dataclass(eq=False)
class Adapter:
    """A virtual machine's network adapter; its MAC address is twelve hexadecimal digits."""

    vm: "VirtualMachine"
    name: str = "Network Adapter"
    mac: str = NO_MAC
    dynamic: bool = True
    switch: str | None = None
    bandwidth: BandwidthSetting | None = None
    id: str = ""
    type_names: Sequence[str] = (_SPACE + "VMNetworkAdapter", _SPACE + "VMNetworkAdapterBase", "System.Object")

    def __post_init__(self) -> None:
        self.id = self.id or f"Microsoft:{self.vm.id}\\{uuid4()}".upper()

    def properties(self) -> Mapping[str, object]:
        """Give its properties."""
        return {
            "Name": self.name,
            "Id": self.id,
            "VMId": self.vm.id,
            "VMName": self.vm.name,
            "MacAddress": self.mac,
            "DynamicMacAddressEnabled": self.dynamic,
            "SwitchName": self.switch,
            "Connected": self.switch is not None,
            "IsManagementOs": False,
            "BandwidthSetting": self.bandwidth,
        }

    def __str__(self) -> str:
        return f"VMNetworkAdapter (Name = '{self.name}', VMName = '{self.vm.name}') [VMId = '{self.vm.id}']"


@dataclass(eq=False)
class VirtualMachine:
    """A virtual machine."""

    name: str
    generation: int = 2
    memory_bytes: int = 512 << 20
    processors: int = 1
    notes: str = ""
    state: str = "Off"
    id: UUID = field(default_factory=uuid4)
    adapters: list[Adapter] = field(default_factory=list)
    type_names: Sequence[str] = (_SPACE + "VirtualMachine", _SPACE + "VirtualMachineBase", "System.Object")

    def properties(self) -> Mapping[str, object]:
        """Give its properties."""
        return {
            "Name": self.name,
            "VMName": self.name,
            "Id": self.id,
            "VMId": self.id,
            "State": Enumeration(_SPACE + "VMState", self.state, STATES[self.state]),
            "Notes": self.notes,
            "Generation": self.generation,
            "ProcessorCount": Long(self.processors),
            "MemoryStartup": Long(self.memory_bytes),
            "NetworkAdapters": self.adapters,
        }

    def __str__(self) -> str:
        return f"VirtualMachine (Name = '{self.name}') [Id = '{self.id}']"


@dataclass(eq=False)
class Switch:
    """A virtual switch, whose mode says what a minimum bandwidth is on it."""

    name: str
    mode: str = "Absolute"
    id: UUID = field(default_factory=uuid4)
    type_names: Sequence[str] = (_SPACE + "VMSwitch", "System.Object")

    def properties(self) -> Mapping[str, object]:
        """Give its properties."""
        return {
            "Name": self.name,
            "Id": self.id,
            "SwitchType": Enumeration(_SPACE + "VMSwitchType", "Internal", 1),
            "BandwidthReservationMode": Enumeration(_SPACE + "VMSwitchBandwidthMode", self.mode, MODES[self.mode]),
        }

    def __str__(self) -> str:
        return f"VMSwitch (Name = '{self.name}') [Id = '{self.id}']"


class Host:
    """One Hyper-V host; who works on it holds its lock."""

    def __init__(self, switches: Sequence[Switch] = ()) -> None:
        self.lock = threading.RLock()
        self.machines: list[VirtualMachine] = []
        self.switches = list(switches)
        self._macs = 0

    def adapters(self) -> list[Adapter]:
        """List the adapters of all virtual machines."""
        return [adapter for machine in self.machines for adapter in machine.adapters]

    def next_mac(self) -> str:
        """Give the next address of the host's pool, which begins with Microsoft's 00-15-5D."""
        self._macs += 1
        return f"00155D0001{self._macs:02X}"
