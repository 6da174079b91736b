"""What a driver owes its caller before it carries a bandwidth out: a refusal, or a warning."""

import warnings
from collections.abc import Iterator

from vifkit import Bandwidth, BandwidthWarning, Capabilities, Rate, UnsupportedError, Vif

from . import units
from .findings import find
from .htb import Version, predict
from .rows import translate
from .units import Psched

DEFAULT_MTU = 1500


def refuse_undeclared(bandwidth: Bandwidth | None, capabilities: Capabilities) -> None:
    """Refuse what the driver does not declare. Raises UnsupportedError with the capability's name."""
    for capability, message in _undeclared(bandwidth or Bandwidth(), capabilities):
        raise UnsupportedError(capability, message)


def warn(vif: Vif, bandwidth: Bandwidth | None, ovs_version: Version, *, stacklevel: int = 3) -> None:
    """Warn BandwidthWarning, once for each finding, at the caller of the driver."""
    mtu, psched = vif.mtu or DEFAULT_MTU, Psched.here()
    rows = translate(bandwidth, vif.target or "vif")
    tree = predict(rows.qos, mtu=mtu, ovs_version=ovs_version, psched=psched)
    for finding in find(bandwidth, rows, tree, mtu=mtu, ovs_version=ovs_version, psched=psched, vif=vif):
        warnings.warn(BandwidthWarning(finding.code, finding.message), stacklevel=stacklevel)


def _undeclared(bandwidth: Bandwidth, capabilities: Capabilities) -> Iterator[tuple[str, str]]:
    if bandwidth.inbound and bandwidth.inbound.average and not capabilities.inbound:
        yield "inbound", "this driver does not limit what a guest receives"
    if bandwidth.inbound and bandwidth.inbound.floor and not capabilities.floor:
        yield "floor", "this driver guarantees no floor"
    if bandwidth.outbound and not capabilities.outbound:
        yield "outbound", "this driver, on this host, does not limit what a guest sends"
    limits = [rate for rate in (bandwidth.inbound, bandwidth.outbound) if rate]
    if any(rate.peak for rate in limits) and not capabilities.peak:
        yield "peak", "this driver limits to an average alone, and knows no peak"
    if any(rate.burst for rate in limits) and not capabilities.burst:
        yield "burst", "this driver limits to a rate alone, and knows no burst"
    highest = capabilities.highest_rate_bps
    if highest is not None and max(map(_fastest_bps, (bandwidth.inbound, bandwidth.outbound))) > highest:
        yield "highest_rate_bps", f"a rate is above {highest} bit/s, the highest that is carried out to the letter"


def _fastest_bps(rate: Rate | None) -> int:
    return units.bps_from_kBps(max(rate.average or 0, rate.peak or 0)) if rate else 0
