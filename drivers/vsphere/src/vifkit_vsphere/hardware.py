"""A virtual machine's adapters, its memory and its processors."""

import math
from collections.abc import Sequence
from typing import Any

from vifkit import DomainConfig, UnsupportedError, safe_xml

from . import names
from .api import vim

_card = vim.vm.device.VirtualEthernetCard
_operation = vim.vm.device.VirtualDeviceSpec.Operation
_MODELS = {
    "vmxnet3": vim.vm.device.VirtualVmxnet3,
    "e1000": vim.vm.device.VirtualE1000,
    "e1000e": vim.vm.device.VirtualE1000e,
}
_UNITS = {"b": 1, "bytes": 1, "KB": 10**3, "k": 2**10, "KiB": 2**10, "MB": 10**6, "M": 2**20, "MiB": 2**20}
_UNITS |= {"GB": 10**9, "G": 2**30, "GiB": 2**30, "TB": 10**12, "T": 2**40, "TiB": 2**40}


def specification(config: DomainConfig) -> Any:
    """Write what a domain is beside its adapters: the memory in steps of 4 MiB, as vSphere wants it."""
    root = safe_xml.parse(config.to_xml())
    memory, vcpu = safe_xml.only(root, "memory"), safe_xml.only(root, "vcpu")
    spec = vim.vm.ConfigSpec(name=names.escaped(config.name), uuid=config.uuid, guestId="otherGuest64")
    if memory is not None:
        unit, figure = memory.get("unit", "KiB"), (memory.text or "").strip()
        if unit not in _UNITS or not figure.isdecimal():
            raise UnsupportedError("memory", f"a memory of {figure!r} {unit!r} is not understood")
        spec.memoryMB = math.ceil(int(figure) * _UNITS[unit] / (4 << 20)) * 4
    if vcpu is not None and (vcpu.text or "").strip().isdecimal():
        spec.numCPUs = int((vcpu.text or "").strip())
    return spec


def cards(devices: Sequence[Any]) -> dict[str, Any]:
    """Give the adapters by MAC address, in the order in which the guest's bus has them."""
    found = [each for each in devices if isinstance(each, _card) and each.macAddress]
    found.sort(key=lambda each: (each.controllerKey or 0, each.unitNumber or 0, each.key))
    return {each.macAddress.lower(): each for each in found}


def network(card: Any) -> str | None:
    """Name the network of an adapter that is on no port group of ours."""
    backing = card.backing
    return str(backing.deviceName) if isinstance(backing, _card.NetworkBackingInfo) else None


def added(config: DomainConfig, mac: str, number: int, backing: Any) -> Any:
    """Add an adapter, of the model that the XML names, else vmxnet3. Raises UnsupportedError."""
    model = safe_xml.only(safe_xml.parse(config.interface_xml(mac)), "model")
    named = "vmxnet3" if model is None else model.get("type", "")
    if named not in _MODELS:
        raise UnsupportedError("interface", f"the adapter {named!r} is none of {', '.join(_MODELS)}")
    card = _MODELS[named](
        key=-100 - number,
        backing=backing,
        addressType="manual",
        macAddress=mac,
        connectable=vim.vm.device.VirtualDevice.ConnectInfo(
            startConnected=True, connected=True, allowGuestControl=True
        ),
    )
    return vim.vm.device.VirtualDeviceSpec(operation=_operation.add, device=card)


def moved(card: Any, backing: Any) -> Any:
    """Put an adapter on another port group."""
    card.backing = backing
    return vim.vm.device.VirtualDeviceSpec(operation=_operation.edit, device=card)


def removed(card: Any) -> Any:
    """Remove an adapter."""
    return vim.vm.device.VirtualDeviceSpec(operation=_operation.remove, device=card)
