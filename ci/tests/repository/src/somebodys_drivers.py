"""Two drivers: one that is sound, and one whose live update forgets the burst."""

from dataclasses import replace

from vifkit import Bandwidth, DomainConfig
from vifkit_netns.driver import NetnsConnection, NetnsDriver


class Sound(NetnsDriver):
    """The embedded driver by another name."""

    name = "sound"


class ForgetfulConnection(NetnsConnection):
    """Its live update forgets the burst."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Carry out a new bandwidth without its burst."""
        if bandwidth and bandwidth.inbound:
            bandwidth = replace(bandwidth, inbound=replace(bandwidth.inbound, burst=None))
        super().update(config, mac, bandwidth)


class Forgetful(NetnsDriver):
    """It opens connections that forget."""

    name = "forgetful"

    def connection(self, *there: object) -> NetnsConnection:
        """Make one."""
        return ForgetfulConnection(*there)  # type: ignore[arg-type]
