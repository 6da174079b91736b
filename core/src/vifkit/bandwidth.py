"""A bandwidth as libvirt means it: kilobytes and kibibytes, directions as the guest sees them."""

from dataclasses import dataclass, fields

from .errors import InvalidBandwidthError

# libvirt holds each figure in an unsigned long long, and on Open vSwitch multiplies it
# (VIR_NETDEV_TX_TO_OVS 8000, VIR_NETDEV_BURST_TO_OVS 8192 in src/util/virnetdevopenvswitch.c)
# without a check. What would not fit 64 bits afterwards is refused here.
MAX_RATE_KBPS = (2**64 - 1) // 8000
MAX_BURST_KIB = (2**64 - 1) // 8192


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """One direction: `average`, `peak` and `floor` in kilobytes/s (1000 bytes), `burst` in kibibytes.

    Zero means not set, as in libvirt, and reads as None. Either an average or a floor is needed, and
    peak and burst need an average (virNetDevBandwidthParseRate in src/conf/netdev_bandwidth_conf.c).
    A peak below the average is legal: on Open vSwitch an inbound average is cut down to it, with a warning. Drivers
    whose hypervisor shapes by itself refuse it with UnsupportedError.

    Raises InvalidBandwidthError.
    """

    average: int | None = None
    peak: int | None = None
    burst: int | None = None
    floor: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise InvalidBandwidthError(field.name, value, "a whole number is needed")
            highest = MAX_BURST_KIB if field.name == "burst" else MAX_RATE_KBPS
            if not 0 <= value <= highest:
                raise InvalidBandwidthError(field.name, value, f"must be from 0 to {highest}")
            if value == 0:
                object.__setattr__(self, field.name, None)
        if self.average is None:
            for name in ("peak", "burst"):
                if getattr(self, name) is not None:
                    raise InvalidBandwidthError(name, getattr(self, name), f"a {name} needs an average")
            if self.floor is None:
                raise InvalidBandwidthError("average", None, "an average is needed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bandwidth:
    """Both directions of a vif as its guest sees them; None is no limit.

    Raises InvalidBandwidthError: a floor is for inbound only (virNetDevBandwidthParse in libvirt's
    src/conf/netdev_bandwidth_conf.c).
    """

    inbound: Rate | None = None
    outbound: Rate | None = None

    def __post_init__(self) -> None:
        if self.outbound is not None and self.outbound.floor is not None:
            raise InvalidBandwidthError("floor", self.outbound.floor, "a floor is for inbound only")

    def __bool__(self) -> bool:
        return self.inbound is not None or self.outbound is not None
