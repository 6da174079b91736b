"""Hypervisors that shape by themselves, or not at all."""

from vifkit import Bandwidth, Capabilities, Shaping, UnsupportedError, Vif

from .connection import HypervisorConnection
from .hypervisor import Machine

NATIVE = Capabilities(shaping=Shaping.NATIVE, outbound=True, persistent_domains=True)
"""What each of them does that shapes by itself, and says more of: it limits what a guest sends, and keeps domains."""


class NativeConnection(HypervisorConnection):
    """The domains of a hypervisor that holds their bandwidths itself: what it holds is what is told."""

    network = "a network of the hypervisor's"
    """What a vif is on, by its source."""

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a vif that is on none of the hypervisor's networks, and a peak below the average.

        A driver whose units or networks allow less refuses more.
        """
        if vif.type != "bridge" or not vif.source or vif.virtualport is not None:
            said = f"only <interface type='bridge'> on {self.network}, its source, can be"
            raise UnsupportedError("interface", said)
        for rate in (bandwidth.inbound, bandwidth.outbound) if bandwidth else ():
            if rate and rate.peak and rate.average and rate.peak < rate.average:
                raise UnsupportedError("peak", f"a peak of {rate.peak} below an average of {rate.average} cannot be")

    def put_into_effect(self, machine: Machine, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Have the hypervisor hold it, and the definition that waits, if there is one, as well."""
        self.hypervisor.shape(machine.config, str(vif.mac), bandwidth)
        if machine.waiting is not None:
            self.keep_definition(machine, vif, bandwidth)
