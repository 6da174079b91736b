"""What stands in Open vSwitch's database, and what a bandwidth should put there. Pure."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from vifkit import Bandwidth, InvalidBandwidthError, Rate

from . import units

MARK = "netqos"
"""The external_ids key by which a row is known as ours; its value is the rate that was wanted."""
_AVERAGE = "enforce=average"

HTB = "linux-htb"
NOOP = "linux-noop"
"""With this Open vSwitch leaves a device's own qdisc alone."""

Enforce = Literal["htb", "average"]
"""Who limits what a guest receives: ovs-vswitchd's linux-htb, up to the peak for ever, or netqos, to the average."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRow:
    """A row of the table Queue. `other_config`: rates in bits/s, burst in bits, as strings."""

    other_config: Mapping[str, str]
    external_ids: Mapping[str, str] = field(default_factory=dict)
    uuid: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QosRow:
    """A row of the table QoS with its queues by id."""

    type: str
    other_config: Mapping[str, str]
    external_ids: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[int, QueueRow] = field(default_factory=dict)
    uuid: str | None = None

    @property
    def enforce(self) -> Enforce:
        """Who is to limit, by our mark."""
        return "average" if _AVERAGE in self.external_ids.get(MARK, "").split(" ") else "htb"

    def belongs_to(self, port: str, vm_id: str | None) -> bool:
        """Tell whether netqos may change it: it bears our mark, or libvirt wrote it for the same domain and port."""
        if self.external_ids.get("ifname") != port:
            return False
        return MARK in self.external_ids or (vm_id is not None and self.external_ids.get("vm-id") == vm_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policing:
    """The columns of the table Interface that limit what the guest sends: kbit/s, and a burst in kbit; 0 is none.

    Those of packets, 1000/s and a burst of 1000, are there from Open vSwitch 2.16 on; no bandwidth asks for them.
    """

    ingress_policing_rate: int = 0
    ingress_policing_burst: int = 0
    ingress_policing_kpkts_rate: int = 0
    ingress_policing_kpkts_burst: int = 0

    def columns(self) -> dict[str, int]:
        """Give the columns by name; those of packets only where they are set."""
        return {name: value for name, value in asdict(self).items() if value or "kpkts" not in name}


@dataclass(frozen=True, kw_only=True, slots=True)
class InterfaceRow:
    """The part of a row of the table Interface that matters here; `mtu` in bytes, `link_speed` in bits/s."""

    name: str
    policing: Policing = field(default_factory=Policing)
    external_ids: Mapping[str, str] = field(default_factory=dict)
    mtu: int | None = None
    link_speed: int | None = None
    uuid: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PortRows:
    """A port as the database has it: a bond has several interfaces, every other port one.

    `in_userspace` is whether all bridges have their datapath in user space; which one has the port is not read.
    """

    name: str
    interfaces: tuple[InterfaceRow, ...]
    qos: QosRow | None = None
    in_userspace: bool = False

    @property
    def vm_id(self) -> str | None:
        """The domain whose vif this is, as libvirt and our drivers write it, or as Xen's vif-openvswitch does."""
        ids = self.interfaces[0].external_ids if self.interfaces else {}
        return ids.get("vm-id") or ids.get("xen-vm-uuid")

    @property
    def foreign(self) -> bool:
        """Whether a QoS row that netqos may not touch holds the port."""
        return self.qos is not None and not self.qos.belongs_to(self.name, self.vm_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedRows:
    """What a bandwidth asks of the database: `qos` None is no row; `outbound_mark` None is no mark."""

    qos: QosRow | None = None
    policing: Policing = field(default_factory=Policing)
    outbound_mark: str | None = None


def translate(
    bandwidth: Bandwidth | None,
    port: str,
    vm_id: str | None = None,
    *,
    as_libvirt: bool = False,
    enforce: Enforce = "htb",
) -> WantedRows:
    """Turn a bandwidth into rows, with the keys that virNetDevOpenvswitchInterfaceSetTxQos and …SetRxQos write.

    They stand in libvirt's src/util/virnetdevopenvswitch.c. One thing differs: without a peak our max-rate
    is the average, so that a bandwidth always limits; `as_libvirt` leaves it out, and our marks too.
    To enforce the average there is one row, of linux-noop and without a queue: Open vSwitch reads nothing of it.
    """
    inbound = bandwidth.inbound if bandwidth else None
    outbound = bandwidth.outbound if bandwidth else None
    return WantedRows(
        qos=_qos(inbound, port, vm_id, as_libvirt, enforce) if inbound and inbound.average else None,
        policing=Policing(
            ingress_policing_rate=units.kbps_from_kBps(outbound.average or 0),
            ingress_policing_burst=units.kbit_from_KiB(outbound.burst or 0),
        )
        if outbound
        else Policing(),
        outbound_mark=write_mark(outbound) if outbound and not as_libvirt else None,
    )


def _qos(rate: Rate, port: str, vm_id: str | None, as_libvirt: bool, enforce: Enforce) -> QosRow:
    average = enforce == "average"
    highest = rate.peak if as_libvirt or average else rate.peak or rate.average
    config = {"min-rate": str(units.bps_from_kBps(rate.average or 0))}
    if highest:
        config["max-rate"] = str(units.bps_from_kBps(highest))
    if rate.burst:
        config["burst"] = str(units.bits_from_KiB(rate.burst))
    mark = f"{write_mark(rate)} {_AVERAGE}" if average else write_mark(rate)
    owner = {"ifname": port} | ({"vm-id": vm_id} if vm_id else {}) | ({} if as_libvirt else {MARK: mark})
    if average:
        return QosRow(type=NOOP, other_config=config, external_ids=owner)
    queue = QueueRow(other_config=config, external_ids=owner)
    return QosRow(type=HTB, other_config=config, external_ids=owner, queues={0: queue})


def read_rates(port: PortRows) -> Bandwidth:
    """What the rows of a port say in libvirt's units, whoever wrote them; no limit where they cannot say it exactly."""
    config = port.qos.queues[0].other_config if port.qos and port.qos.type == HTB and 0 in port.qos.queues else {}
    policing = port.interfaces[0].policing if port.interfaces else Policing()
    return Bandwidth(
        inbound=_exact_rate(
            average=(config.get("min-rate"), units.bps_from_kBps(1)),
            peak=(config.get("max-rate"), units.bps_from_kBps(1)),
            burst=(config.get("burst"), units.bits_from_KiB(1)),
        ),
        outbound=_exact_rate(
            average=(str(policing.ingress_policing_rate), units.kbps_from_kBps(1)),
            burst=(str(policing.ingress_policing_burst), units.kbit_from_KiB(1)),
        ),
    )


def _exact_rate(**figures: tuple[str | None, int]) -> Rate | None:
    """Give the rate of figures (text, unit), None where they set none, or are no whole numbers of their units."""
    given = {name: (text, unit) for name, (text, unit) in figures.items() if text is not None}
    if not all(re.fullmatch("[0-9]{1,20}", text) and int(text) % unit == 0 for text, unit in given.values()):
        return None
    try:
        return Rate(**{name: int(text) // unit for name, (text, unit) in given.items()})
    except InvalidBandwidthError:
        return None


def write_mark(rate: Rate) -> str:
    """Write the rate that was wanted, as `average=512 peak=1024 burst=32`, in libvirt's units."""
    names = ("average", "peak", "burst", "floor")
    return " ".join(f"{name}={getattr(rate, name)}" for name in names if getattr(rate, name) is not None)


def read_mark(mark: str | None) -> Rate | None:
    """Read the rate of a mark; None for no mark, or one that somebody spoilt."""
    words = (mark or "").removesuffix(f" {_AVERAGE}").split(" ")
    if not all(re.fullmatch("(average|peak|burst|floor)=[0-9]{1,20}", word) for word in words):
        return None
    try:
        return Rate(**{name: int(value) for name, _, value in (word.partition("=") for word in words)})
    except InvalidBandwidthError:
        return None
