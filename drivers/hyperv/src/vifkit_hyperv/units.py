"""Hyper-V's words and ours: bits/s and kilobytes/s, MAC addresses, states.

A network adapter's MaximumBandwidth limits what its guest sends, and MinimumBandwidthAbsolute guarantees it, each in
bits/s "rounded to the nearest multiple of eight" (Set-VMNetworkAdapter in the module Hyper-V's reference).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netqos.findings import Finding
from netqos.units import bps_from_kBps
from vifkit import Bandwidth, Rate, State

_STATES = dict.fromkeys(("Off", "Saved", "FastSaved"), State.SHUTOFF) | dict.fromkeys(
    ("Paused", "Pausing"), State.PAUSED
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an adapter holds, in bits/s; 0 is none."""

    maximum_bps: int = 0
    minimum_bps: int = 0

    @classmethod
    def of(cls, bandwidth: Bandwidth | None) -> "Limits":
        """Translate: the average is the limit; beside a peak it is the minimum, and the peak the limit."""
        rate = bandwidth.outbound if bandwidth else None
        if rate is None or rate.average is None:
            return cls()
        average_bps = bps_from_kBps(rate.average)
        return cls(bps_from_kBps(rate.peak), average_bps) if rate.peak else cls(average_bps)

    def bandwidth(self) -> Bandwidth | None:
        """Say it in whole kilobytes/s, at least one; a minimum without a limit limits nothing, and is None."""
        if self.maximum_bps <= 0:
            return None
        if self.minimum_bps <= 0:
            return Bandwidth(outbound=Rate(average=_kBps(self.maximum_bps)))
        return Bandwidth(outbound=Rate(average=_kBps(self.minimum_bps), peak=_kBps(self.maximum_bps)))

    def findings(self) -> Iterator[Finding]:
        """Tell what `bandwidth` does not say of what somebody else has set."""
        for name, held in (("MaximumBandwidth", self.maximum_bps), ("MinimumBandwidthAbsolute", self.minimum_bps)):
            if held > 0 and held % 8000 and self.maximum_bps > 0:
                yield Finding("rate-rounded", f"Hyper-V holds {name} {held} bit/s: read as {_kBps(held)} kB/s")
        if self.minimum_bps > 0 >= self.maximum_bps:
            yield Finding("no-limit", f"Hyper-V guarantees {self.minimum_bps} bit/s, and limits nothing")

    def arguments(self, before: "Limits") -> Mapping[str, int]:
        """Give what Set-VMNetworkAdapter is to be told; of a minimum nothing where there was none and is to be none.

        On a switch of the mode None any word of a minimum is an error.
        """
        told = {"MaximumBandwidth": self.maximum_bps}
        if self.minimum_bps or before.minimum_bps:
            told["MinimumBandwidthAbsolute"] = self.minimum_bps
        return told


def _kBps(bps: int) -> int:
    return max(1, (bps + 4000) // 8000)


def colons(digits: str) -> str | None:
    """Write twelve hexadecimal digits as a MAC address; None for an adapter that has none before its first start."""
    plain = digits.replace("-", "").replace(":", "").lower()
    return ":".join(re.findall("..", plain)) if re.fullmatch("(?!0{12})[0-9a-f]{12}", plain) else None


def digits(mac: str) -> str:
    """Write a MAC address as Hyper-V shows it."""
    return mac.replace(":", "").upper()


def state(name: str) -> State:
    """Translate a VMState; the critical ones are like those that they are critical of."""
    return _STATES.get(name.removesuffix("Critical"), State.RUNNING)
