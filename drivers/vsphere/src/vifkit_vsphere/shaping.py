"""What vSphere makes of a bandwidth: an average and a peak in bits/s, and a burst in bytes, each port of its own."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vifkit import Bandwidth, Rate

HIGHEST_BPS = 2**63 - 1
"""The highest rate that fits: `xsd:long` (vSphere Web Services API, LongPolicy and HostNetworkTrafficShapingPolicy)."""
LEAST_BURST_BYTES = 65536
"""The smallest burst where none is asked for: a packet as large as a guest's adapter hands over at once."""
FIGURES = "averageBandwidth", "peakBandwidth", "burstSize"
"""The names of a limit's figures, in both kinds of policy."""


class Limit(NamedTuple):
    """One direction of a port's traffic shaping policy, enabled.

    The units are the vSphere Web Services API's, of DVSTrafficShapingPolicy and HostNetworkTrafficShapingPolicy.
    """

    average_bps: int
    peak_bps: int
    burst_bytes: int


Limits = Mapping[str, Limit | None]
"""By direction, `inbound` and `outbound`, as the guest sees it; None where it is not limited."""


def limits(bandwidth: Bandwidth | None) -> Limits:
    """Say a bandwidth in vSphere's units; each figure that was given is held exactly."""
    return {name: _limit(getattr(bandwidth, name, None)) for name in ("inbound", "outbound")}


def held(policy: Any) -> Limit | None:
    """Read a policy; of a distributed switch each value is in a policy of its own, and any may be missing."""
    values = [getattr(policy, name, None) for name in ("enabled", *FIGURES)]
    enabled, *figures = (getattr(each, "value", each) for each in values)
    return Limit(*(each or 0 for each in figures)) if enabled else None


def _limit(rate: Rate | None) -> Limit | None:
    """Give all three figures that an enabled policy has.

    Without a peak it is the average, and without a burst it is what passes in a tenth of a second.
    """
    if rate is None or rate.average is None:
        return None
    average_bps = rate.average * 8000
    burst_bytes = rate.burst * 1024 if rate.burst else max(average_bps // 80, LEAST_BURST_BYTES)
    return Limit(average_bps, (rate.peak or rate.average) * 8000, burst_bytes)


def bandwidth(held: Limits, asked: Bandwidth | None) -> Bandwidth | None:
    """Say what a port holds in the contract's units: as it was asked, where that is what it holds."""
    return Bandwidth(**{name: _rate(limit, getattr(asked, name, None)) for name, limit in held.items()}) or None


def _rate(held: Limit | None, asked: Rate | None) -> Rate | None:
    """Round what others have set to whole units, and up to one."""
    if held is None or _limit(asked) == held:
        return held and asked
    average, peak = (max(round(each / 8000), 1) for each in (held.average_bps, held.peak_bps))
    return Rate(average=average, peak=peak, burst=max(round(held.burst_bytes / 1024), 1))
