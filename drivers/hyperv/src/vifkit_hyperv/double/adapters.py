"""What the cmdlets of the module Hyper-V do with network adapters and switches, as their pages have it."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from .binding import Bound
from .errors import invalid_parameter, invalid_state
from .host import NO_MAC, Adapter, BandwidthSetting, Host
from .resolving import Warn, adapter_of, machines_of, switch_name

MOST_ADAPTERS = 64
"""Of one virtual machine: "Plan for Hyper-V scalability in Windows Server", Windows Server 2019 and later."""


def get_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """List the adapters of virtual machines, or of all."""
    found = host.adapters() if bound.switch("All") else [
        adapter for machine in machines_of(host, bound, given, by="VMName") for adapter in machine.adapters
    ]  # fmt: skip
    name = bound.text("Name")
    yield from [each for each in found if name is None or fnmatchcase(each.name.lower(), name.lower())]


def add_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Add one; to a machine that runs only where it is of generation 2."""
    for machine in machines_of(host, bound, given, by="VMName"):
        if machine.state != "Off" and machine.generation != 2:
            raise invalid_state()
        if len(machine.adapters) >= MOST_ADAPTERS:
            raise invalid_parameter("The maximum number of network adapters is reached.")
        if "StaticMacAddress" in bound and bound.switch("DynamicMacAddress"):
            raise invalid_parameter("A static and a dynamic MAC address are both given.")
        mac = _mac(bound)
        adapter = Adapter(
            machine,
            name=bound.text("Name") or "Network Adapter",
            mac=mac or NO_MAC,
            dynamic=mac is None,
            switch=switch_name(host, bound.text("SwitchName")),
        )
        machine.adapters.append(adapter)
        if bound.switch("Passthru"):
            yield adapter


def remove_vm_network_adapter(_host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Remove adapters that come from a command before."""
    adapter = adapter_of(given)
    adapter.vm.adapters.remove(adapter)
    if bound.switch("Passthru"):
        yield adapter


def connect_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Connect adapters that come from a command before to a switch."""
    adapter = adapter_of(given)
    adapter.switch = switch_name(host, bound.text("SwitchName"))
    if bound.switch("Passthru"):
        yield adapter


def set_vm_network_adapter(host: Host, bound: Bound, given: object, _warn: Warn) -> Iterator[object]:
    """Set bandwidths, in bits/s rounded to the nearest multiple of eight, and addresses.

    On a switch of the mode None there is no minimum (New-VMSwitch, -MinimumBandwidthMode). That the mode must be of
    the minimum's own kind is this double's reading of that page: it does not tell what happens.
    """
    adapter = adapter_of(given)
    mode = next((each.mode for each in host.switches if each.name == adapter.switch), "Default")
    minimum, weight = bound.number("MinimumBandwidthAbsolute"), bound.number("MinimumBandwidthWeight")
    if (minimum is not None and mode != "Absolute") or (weight is not None and mode in ("None", "Absolute")):
        raise invalid_parameter(
            "The minimum bandwidth mode of the virtual switch does not allow this minimum bandwidth."
        )
    if weight is not None and weight > 100:
        raise invalid_parameter("The minimum bandwidth weight is from 0 to 100.")
    mac = _mac(bound)
    if mac is not None and adapter.vm.state != "Off":
        raise invalid_state()
    maximum = bound.number("MaximumBandwidth")
    if any(value is not None and value < 0 for value in (maximum, minimum)):
        raise invalid_parameter("A bandwidth is not negative.")
    if not (maximum is None and minimum is None and weight is None):
        held = adapter.bandwidth = adapter.bandwidth or BandwidthSetting(str(adapter))
        held.maximum = held.maximum if maximum is None else _eight(maximum)
        held.absolute = held.absolute if minimum is None else _eight(minimum)
        held.weight = held.weight if weight is None else weight
    if mac is not None:
        adapter.mac, adapter.dynamic = mac, False
    if bound.switch("Passthru"):
        yield adapter


def get_vm_switch(host: Host, bound: Bound, _given: object, _warn: Warn) -> Iterator[object]:
    """List switches."""
    name = bound.text("Name")
    yield from [each for each in host.switches if name is None or fnmatchcase(each.name.lower(), name.lower())]


def _mac(bound: Bound) -> str | None:
    text = bound.text("StaticMacAddress")
    if text is None:
        return None
    mac = re.sub("[-:]", "", text).upper()
    if not re.fullmatch("[0-9A-F]{12}", mac):
        raise invalid_parameter(f"The MAC address '{text}' is not valid.")
    return mac


def _eight(bps: int) -> int:
    return (bps + 4) // 8 * 8
