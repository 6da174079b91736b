"""A virtual machine's adapters, its memory and its processors."""

from collections.abc import Sequence
from typing import Any

from vifkit import DomainConfig, UnsupportedError, safe_xml
from vifkit_base.amounts import memory_MiB, vcpus

from . import names
from .api import vim

_card = vim.vm.device.VirtualEthernetCard
_MODELS = {name: getattr(vim.vm.device, f"Virtual{name.capitalize()}") for name in ("vmxnet3", "e1000", "e1000e")}


def specification(config: DomainConfig) -> Any:
    """Write what a domain is beside its adapters: the memory in steps of 4 MiB, as vSphere wants it."""
    spec = vim.vm.ConfigSpec(name=names.escaped(config.name), uuid=config.uuid, guestId="otherGuest64")
    spec.memoryMB, spec.numCPUs = memory_MiB(config, 4), vcpus(config)
    return spec


def cards(devices: Sequence[Any]) -> dict[str, Any]:
    """Give the adapters by MAC address, in the order in which the guest's bus has them."""
    found = [each for each in devices if isinstance(each, _card) and each.macAddress]
    found.sort(key=lambda each: (each.controllerKey or 0, each.unitNumber or 0, each.key))
    return {each.macAddress.lower(): each for each in found}


def network(card: Any) -> str | None:
    """Give what the adapter's network is known by: a distributed port group's key, any other's name."""
    if isinstance(card.backing, _card.DistributedVirtualPortBackingInfo):
        return str(card.backing.port.portgroupKey)
    return str(card.backing.deviceName) if isinstance(card.backing, _card.NetworkBackingInfo) else None


def new(config: DomainConfig, mac: str, number: int) -> Any:
    """Make an adapter, of the model that the XML names, else vmxnet3. Raises UnsupportedError."""
    model = safe_xml.only(safe_xml.parse(config.interface_xml(mac)), "model")
    named = "vmxnet3" if model is None else model.get("type", "")
    if named not in _MODELS:
        raise UnsupportedError("interface", f"the adapter {named!r} is none of {', '.join(_MODELS)}")
    connected = vim.vm.device.VirtualDevice.ConnectInfo(startConnected=True, connected=True, allowGuestControl=True)
    return _MODELS[named](key=-100 - number, addressType="manual", macAddress=mac, connectable=connected)


def change(operation: str, card: Any) -> Any:
    """Have an adapter made, 'add', or changed, 'edit', or taken away, 'remove'."""
    return vim.vm.device.VirtualDeviceSpec(operation=operation, device=card)
