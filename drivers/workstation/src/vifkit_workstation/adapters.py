"""Vifs as the network adapters of a .vmx file, and back.

VMware's own test library sets the limits of an adapter by its `bandwidthLimitKbps`, and then looks for them in the .vmx
file: what the guest receives as `ethernetN.rxbw.limit`, what it sends as `ethernetN.txbw.limit`, in kbit/s, -1 being
none (VMOpsSetvNICtrafficSpeed). They are what Workstation's window calls Incoming Transfer and Outgoing Transfer, among
the advanced settings of an adapter.
"""

import re

from netqos.units import kbps_from_kBps
from vifkit import Bandwidth, Rate, Vif

from .vmx import Vmx

MOST = 10
"""How many adapters a machine may have ("Networking Components", Using VMware Workstation Pro)."""
HIGHEST_KBPS = 2**31 - 1
"""The highest limit in kbit/s that a signed number of 32 bits holds: -1 is no limit."""
LIMITS = {"inbound": "rxbw.limit", "outbound": "txbw.limit"}

_NETWORKS = {"bridged": "vmnet0", "hostonly": "vmnet1", "nat": "vmnet8"}
"""Workstation's own networks, where an adapter names none ("Networking Components", as above)."""
_KEY = re.compile(r"(ethernet\d)\.(.+)")


def read(vmx: Vmx) -> dict[str, Vif]:
    """List the vifs by their adapters, such as ethernet0. One that has no address yet gets it at its first start."""
    found = {}
    for number in range(MOST):
        adapter = f"ethernet{number}"
        if vmx.is_true(f"{adapter}.present") and (mac := _mac(vmx, adapter)):
            bandwidth = Bandwidth(**{name: _rate(vmx.get(f"{adapter}.{key}")) for name, key in LIMITS.items()})
            found[adapter] = Vif(type="bridge", mac=mac, source=network(vmx, adapter), bandwidth=bandwidth or None)
    return found


def network(vmx: Vmx, adapter: str) -> str | None:
    """Name the virtual network of an adapter; None for one that is on a LAN segment."""
    kind = vmx.get(f"{adapter}.connectionType", "bridged").lower()
    if kind == "custom":
        return vmx.get(f"{adapter}.vnet").removeprefix("/dev/") or None
    return _NETWORKS.get(kind)


def write(vmx: Vmx, vifs: tuple[Vif, ...], models: dict[str, str | None]) -> None:
    """Make a machine's adapters those of its vifs, in their order; what else an adapter had it keeps, by its address.

    `models` are those that were asked for, by MAC address.
    """
    before: dict[str, dict[str, str]] = {}
    macs = {adapter: str(vif.mac) for adapter, vif in read(vmx).items()}
    for key in vmx.keys():  # noqa: SIM118  it is no mapping
        if (found := _KEY.fullmatch(key)) is not None:
            before.setdefault(macs.get(found[1], ""), {})[found[2]] = vmx.get(key)
            vmx.remove(key)
    for number, vif in enumerate(vifs):
        mac, adapter = str(vif.mac), f"ethernet{number}"
        kept = before.get(mac, {})
        wanted = {"present": "TRUE", "virtualDev": models.get(mac) or kept.get("virtualdev") or "e1000"}
        wanted |= {"connectionType": "custom", "vnet": str(vif.source), **_address(mac)}
        ours = {each.lower() for each in (*wanted, *_ADDRESS, *LIMITS.values())}
        for name, value in (wanted | {name: kept[name] for name in kept if name not in ours}).items():
            vmx.set(f"{adapter}.{name}", value)
        limit(vmx, adapter, vif.bandwidth)


def limit(vmx: Vmx, adapter: str, bandwidth: Bandwidth | None) -> None:
    """Set the limits of an adapter, or take them away; kB/s in kbit/s are always whole."""
    for direction, key in LIMITS.items():
        rate: Rate | None = getattr(bandwidth, direction, None)
        if rate is None or rate.average is None:
            vmx.remove(f"{adapter}.{key}")
        else:
            vmx.set(f"{adapter}.{key}", str(kbps_from_kBps(rate.average)))


_ADDRESS = ("addressType", "address", "generatedAddress", "generatedAddressOffset", "checkMACAddress")


def _address(mac: str) -> dict[str, str]:
    """Give an adapter an address as libvirt does (virVMXFormatEthernet): what is not VMware's own is not checked."""
    if mac.startswith("00:0c:29:"):
        return {"addressType": "generated", "generatedAddress": mac, "generatedAddressOffset": "0"}
    if mac.startswith("00:50:56:") and int(mac[9:11], 16) <= 0x3F:
        return {"addressType": "static", "address": mac}
    return {"addressType": "static", "address": mac, "checkMACAddress": "FALSE"}


def _mac(vmx: Vmx, adapter: str) -> str:
    kind = vmx.get(f"{adapter}.addressType", "generated").lower()
    mac = vmx.get(f"{adapter}.{'address' if kind == 'static' else 'generatedAddress'}").lower()
    return mac if re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac) else ""


def _rate(limit_kbps: str) -> Rate | None:
    """Read a limit; of one that somebody else set, what is no whole kB/s is told as the next one."""
    kbps = int(limit_kbps) if re.fullmatch("[0-9]{1,10}", limit_kbps) else 0
    return Rate(average=-(-kbps // kbps_from_kBps(1))) if 0 < kbps <= HIGHEST_KBPS else None
