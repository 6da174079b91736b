"""Where a domain's bandwidths are kept, so that they are there again at its next start, whoever starts it."""

from abc import ABC, abstractmethod
from typing import Any

import libvirt

from vifkit import Bandwidth, DomainConfig, Rate, RowWriter, parse_domain

MAX_RATE_KBPS = 2**32 - 1
"""virTypedParameter's unsigned int, by which libvirt takes a rate (include/libvirt/libvirt-common.h)."""


class Keeping(ABC):
    """One way to keep them; without state."""

    row_writer: RowWriter
    """Who writes the rows when a domain starts."""

    @abstractmethod
    def outgoing(self, config: DomainConfig) -> DomainConfig:
        """Make what libvirt is given of what the user gave."""

    @abstractmethod
    def incoming(self, xml: str) -> DomainConfig:
        """Make what the user gets of what libvirt gave."""

    @abstractmethod
    def record(self, domain: Any, mac: str, bandwidth: Bandwidth | None, flags: int) -> None:
        """Have libvirt keep a new bandwidth of one vif; `flags` are VIR_DOMAIN_AFFECT_*. Raises libvirtError."""


class InLibvirt(Keeping):
    """In libvirt's own `<bandwidth>`; libvirt writes rows at each start and each change."""

    row_writer = RowWriter.HYPERVISOR

    def outgoing(self, config: DomainConfig) -> DomainConfig:
        """Give it as it is."""
        return config

    def incoming(self, xml: str) -> DomainConfig:
        """Take it as it is."""
        return parse_domain(xml)

    def record(self, domain: Any, mac: str, bandwidth: Bandwidth | None, flags: int) -> None:
        """Set all figures of both directions; an average of 0 clears (qemuDomainSetInterfaceParameters)."""
        parameters: dict[str, int] = {}
        for name, rate in (
            ("inbound", bandwidth.inbound if bandwidth else None),
            ("outbound", bandwidth.outbound if bandwidth else None),
        ):
            parameters |= _figures(name, rate)
        # One at a time: the binding first asks for the parameters' types, which libvirt does not answer for both.
        for flag in (libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG):
            if flags & flag:
                domain.setInterfaceParameters(mac, parameters, flag)


def _figures(direction: str, rate: Rate | None) -> dict[str, int]:
    if rate is None:
        return {f"{direction}.average": 0}
    names = ("average", "peak", "burst") + (("floor",) if direction == "inbound" and rate.floor else ())
    return {f"{direction}.{name}": getattr(rate, name) or 0 for name in names}


def flags_of(domain: Any) -> int:
    """Name what a change concerns: the running domain, its definition, or both. Raises libvirtError."""
    flags = libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0
    if domain.isPersistent():
        flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG
    return int(flags)
