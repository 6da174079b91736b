"""Mistakes in what a guest may send. All are seen in the rows, whatever the kernel can do."""

from collections.abc import Sequence
from dataclasses import replace

from netqos.ovsdb import Plug
from vifkit import Bandwidth, Capabilities, Rate

from .handmade import Handmade, caught_by, driver


class Policing(Handmade):
    """Shapes what a guest receives, and polices what it sends."""

    @property
    def capabilities(self) -> Capabilities:
        """Outbound too, on every kernel: what the kernel then lacks is no mistake of the driver's."""
        return replace(super().capabilities, outbound=True)

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Write the columns after the rows."""
        super().shape(port, bandwidth)
        self.police(port, bandwidth.outbound if bandwidth else None)

    def police(self, port: str, rate: Rate | None) -> None:
        """Set both columns."""
        columns = self.columns(rate) if rate else {"rate": 0, "burst": 0}
        self.vsctl("set", "Interface", port, *(f"ingress_policing_{name}={value}" for name, value in columns.items()))

    def columns(self, rate: Rate) -> dict[str, int]:
        """Translate: kilobytes/s into kbit/s, and kibibytes into what Open vSwitch calls kbit."""
        return {"rate": (rate.average or 0) * 8, "burst": (rate.burst or 0) * 8}


@driver
class SoundOutbound(Policing):
    """Makes no mistake in either direction."""


@caught_by("test_outbound_becomes_policing", "assert (4096, 0) == (4096, 256)")
class OutboundBurstForgotten(Policing):
    """Polices without a burst."""

    def columns(self, rate: Rate) -> dict[str, int]:
        """Drop it."""
        return super().columns(rate) | {"burst": 0}


@caught_by("test_outbound_becomes_policing", "assert (512, 32) == (4096, 256)")
class OutboundInBytes(Policing):
    """Takes the columns to be kilobytes."""

    def columns(self, rate: Rate) -> dict[str, int]:
        """Forget that a byte has eight bits."""
        return {"rate": rate.average or 0, "burst": rate.burst or 0}


@caught_by("test_the_filter_is_that_of_the_golden_case[outbound-odd]", "{'ingress_policing_burst': 57} != ")
class OutboundBurstOf1000(Policing):
    """Takes a kbit of the burst to be 1000 bits, where Open vSwitch takes 1024."""

    def columns(self, rate: Rate) -> dict[str, int]:
        """Mean well."""
        return super().columns(rate) | {"burst": (rate.burst or 0) * 8192 // 1000}


@caught_by("test_the_filter_is_that_of_the_golden_case[outbound-with-peak]", "{'ingress_policing_rate': 8192} != ")
class OutboundPeak(Policing):
    """Polices at the peak."""

    def columns(self, rate: Rate) -> dict[str, int]:
        """Take the higher one."""
        return super().columns(rate) | {"rate": (rate.peak or rate.average or 0) * 8}


@caught_by("test_an_update_without_outbound_takes_the_filter_away", "assert (4096, 256) == (0, 0)")
class OutboundNeverCleared(Policing):
    """Sets a limit, and never takes one away."""

    def police(self, port: str, rate: Rate | None) -> None:
        """Do nothing about none."""
        if rate:
            super().police(port, rate)


@caught_by("test_an_update_that_drops_the_burst_leaves_none", "assert (4096, 256) == (4096, 0)")
class OutboundBurstStays(Policing):
    """Leaves the burst of before where the new limit has none."""

    def columns(self, rate: Rate) -> dict[str, int]:
        """Set what there is."""
        return {name: value for name, value in super().columns(rate).items() if value}


@caught_by("test_an_update_changes_the_filter", "assert (4096, 256) == (16384, 4096)")
class OutboundOnlyOnce(Policing):
    """Polices a port that is not policed yet, and no other."""

    def police(self, port: str, rate: Rate | None) -> None:
        """Look whether there is a limit."""
        if not rate or self.vsctl("get", "Interface", port, "ingress_policing_rate").strip() == "0":
            super().police(port, rate)


@caught_by("test_each_vif_has_a_filter_of_its_own", "At index 1 diff: (4096, 256) != (0, 0)")
class OutboundOfTheFirstVif(Policing):
    """Polices all vifs of a domain as the first."""

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Give them the same."""
        super().plug(plugs)
        for each in plugs[1:]:
            self.police(each.port, plugs[0].bandwidth.outbound if plugs[0].bandwidth else None)


@caught_by("test_changed_columns_are_restored_by_the_same_values[ingress_policing_rate=8]", "assert (8, 256) == (4096")
class OutboundBelievesItself(Policing):
    """Compares a new limit with the one that it set last, and does not look at the row."""

    def police(self, port: str, rate: Rate | None) -> None:
        """Remember in the port's external_ids."""
        told = f"{rate.average}-{rate.burst}" if rate else "none"
        if self.vsctl("--if-exists", "get", "Interface", port, "external_ids:told").strip('"\n') != told:
            super().police(port, rate)
            self.vsctl("set", "Interface", port, f"external_ids:told={told}")
