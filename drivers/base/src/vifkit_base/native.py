"""Hypervisors that shape by themselves, or not at all."""

from vifkit import Bandwidth, Vif

from .connection import HypervisorConnection
from .hypervisor import Machine


class NativeConnection(HypervisorConnection):
    """The domains of a hypervisor that holds their bandwidths itself: what it holds is what is told."""

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Accept all that is declared; a driver whose units or networks allow less refuses more."""

    def put_into_effect(self, machine: Machine, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Have the hypervisor hold it, and the definition that waits, if there is one, as well."""
        self.hypervisor.shape(machine.config, str(vif.mac), bandwidth)
        if machine.waiting is not None:
            self.keep_definition(machine, vif, bandwidth)
