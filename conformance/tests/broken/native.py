"""Hypervisors that shape by themselves, or not at all; what the first hold is what domains are kept with."""

from dataclasses import replace

from vifkit import Bandwidth, Capabilities, DomainConfig, Shaping

from .handmade import Handmade, caught_by, driver


class Native(Handmade):
    """Carries out every bandwidth itself."""

    @property
    def capabilities(self) -> Capabilities:
        """Both directions."""
        return replace(super().capabilities, shaping=Shaping.NATIVE, outbound=True)

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Leave Open vSwitch alone."""


@driver
class SoundNative(Native):
    """Makes no mistake."""


@driver
class SoundUnlimited(Handmade):
    """Limits nothing, says so, and refuses whoever asks for it."""

    @property
    def capabilities(self) -> Capabilities:
        """No direction."""
        return replace(super().capabilities, shaping=Shaping.NONE, inbound=False, highest_rate_bps=None)


@caught_by("test_a_native_bandwidth_is_held_as_it_was_asked", "average=500")
class NativeRounds(Native):
    """Holds hundreds of kilobytes/s, and does not say that it rounds."""

    def accept(self, xml: str) -> DomainConfig:
        """Round."""
        return super().accept(xml.replace("average='512'", "average='500'"))


@caught_by("test_native_directions_are_not_swapped", "inbound=Rate(average=512")
class NativeSwaps(Native):
    """Takes the directions for those of the switch."""

    def accept(self, xml: str) -> DomainConfig:
        """Turn one into the other."""
        return super().accept(xml.replace("<outbound", "<inbound"))


@caught_by("test_a_native_update_replaces_the_whole_bandwidth", "peak=1024")
class NativeKeepsThePeak(Native):
    """Changes the figures that an update has, and keeps the others."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Add the old peak."""
        if bandwidth and bandwidth.inbound:
            bandwidth = replace(bandwidth, inbound=replace(bandwidth.inbound, peak=1024))
        super().update(config, mac, bandwidth)


@caught_by("test_a_native_bandwidth_is_cleared", "is None")
class NativeNeverClears(Native):
    """Ignores that there is to be no bandwidth any more."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Do nothing about None."""
        if bandwidth is not None:
            super().update(config, mac, bandwidth)


@caught_by("test_what_shapes_by_itself_leaves_open_vswitch_alone", "is None")
class NativeAndOpenVSwitch(Native):
    """Has Open vSwitch shape as well."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Write the rows."""
        Handmade.shape(self, port, bandwidth)


@caught_by("test_what_a_hypervisor_rounds_is_told[77]", "77 kB/s were asked, 80 are held")
class NativeRoundsInSilence(Native):
    """Holds tens of kilobytes/s."""

    def accept(self, xml: str) -> DomainConfig:
        """Round, without a word."""
        return super().accept(xml.replace("average='77'", "average='80'"))


@caught_by("test_native_bandwidths_of_two_vifs_are_told_apart", "is None")
class NativeLimitsTheNeighbour(Native):
    """Holds a limit for the network, and so for each vif on it."""

    def accept(self, xml: str) -> DomainConfig:
        """Give all vifs what one of them has."""
        config = super().accept(xml)
        for limit in [vif.bandwidth for vif in config.vifs if vif.bandwidth]:
            for vif in config.vifs:
                config = config.with_bandwidth(str(vif.mac), limit)
        return config


@caught_by("test_a_native_outbound_is_cleared", "is None")
class NativeNeverClearsOutbound(Native):
    """Clears what the guest receives, and forgets what it sends."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Bring the old limit in again."""
        (vif,) = (each for each in config.vifs if each.mac == mac)
        if vif.bandwidth is not None and not (bandwidth and bandwidth.outbound):
            bandwidth = replace(bandwidth or Bandwidth(), outbound=vif.bandwidth.outbound)
        super().update(config, mac, bandwidth)
