"""Where bhyve's bandwidths are kept: nowhere, as none is ever in effect."""

from typing import Any

from vifkit import Bandwidth, DomainConfig, RowWriter, parse_domain
from vifkit_libvirt.keeping import Keeping


class Nowhere(Keeping):
    """A `<bandwidth>` that somebody gave libvirt by another way is not told, as it does nothing."""

    row_writer = RowWriter.DRIVER

    def outgoing(self, config: DomainConfig) -> DomainConfig:
        """Give it without those that ask for nothing; what asks for something was refused."""
        return _without(config)

    def incoming(self, xml: str) -> DomainConfig:
        """Take it without what bhyve does not do."""
        return _without(parse_domain(xml))

    def record(self, domain: Any, mac: str, bandwidth: Bandwidth | None, flags: int) -> None:
        """Keep nothing: only what asks for nothing gets here."""


def _without(config: DomainConfig) -> DomainConfig:
    for vif in config.vifs:
        if vif.bandwidth is not None:
            config = config.with_bandwidth(str(vif.mac), None)
    return config
