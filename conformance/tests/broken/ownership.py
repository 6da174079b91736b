"""Mistakes about whose a row, a port or a device is."""

from collections.abc import Sequence
from dataclasses import replace

from netqos.ovsdb import Plug
from vifkit import Bandwidth, DomainConfig
from vifkit_netns import host

from .handmade import Handmade, caught_by


@caught_by("test_two_domains_keep_their_own_bandwidths", "class 1:1 has rate 128000, and not 512000")
class TakesTheFirstRow(Handmade):
    """Uses the first row of its own making that it finds, and so the second domain gets the first one's."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Let the port have what is found."""
        found = self.vsctl("--bare", "--columns=_uuid", "find", "QoS", "external_ids:handmade=yes").split()
        if found and bandwidth:
            self.vsctl("set", "Port", port, f"qos={found[0]}")
        super().shape(port, bandwidth)


@caught_by("test_each_vif_of_a_domain_has_its_own_bandwidth", "class 1:1 has rate 128000, and not 512000")
class TakesTheDomainsRow(Handmade):
    """Looks for rows by the domain alone, so that all its vifs share one."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Let the port have what is found."""
        who = f"external_ids:vm-id={self.vm_id(port)}"
        found = self.vsctl("--bare", "--columns=_uuid", "find", "QoS", who).split()
        if found and bandwidth:
            self.vsctl("set", "Port", port, f"qos={found[0]}")
        super().shape(port, bandwidth)


@caught_by("test_clearing_one_vif_leaves_the_others", "and not htb 1: default 1")
class ClearsTheWholeDomain(Handmade):
    """Takes the rows of all vifs of a domain away when one is to have none."""

    def clear(self, port: str) -> None:
        """Clear every port of the domain."""
        who = f"external_ids:vm-id={self.vm_id(port)}"
        for each in self.vsctl("--bare", "--columns=name", "find", "Interface", who).split():
            super().clear(each)


@caught_by("test_a_strangers_qos_row_is_left_alone", "DID NOT RAISE ForeignQosError")
class OverwritesStrangers(Handmade):
    """Puts its own QoS row in the place of whatever the port has."""

    def refuse_strangers(self, port: str) -> None:
        """Take it off the port."""
        if (held := self.held(port)) and not self.ours(held):
            self.vsctl("clear", "Port", port, "qos")


@caught_by("test_rows_of_others_survive_a_domains_life", "in set()")
class TakesStrangersRowsAway(Handmade):
    """Deletes every QoS row that no port refers to, whose ever it is."""

    def unplug(self, config: DomainConfig) -> None:
        """Tidy up for all."""
        super().unplug(config)
        used = self.vsctl("--bare", "--columns=qos", "list", "Port").split()
        for row in self.vsctl("--bare", "--columns=_uuid", "list", "QoS").split():
            if row not in used:
                self.vsctl("destroy", "QoS", row)


@caught_by("test_a_start_whose_port_is_taken_leaves_the_port_alone", "DID NOT RAISE VifkitError")
class TakesAStrangersDevice(Handmade):
    """Deletes a device that has the name it wants."""

    def start(self, config: DomainConfig) -> None:
        """Make room first."""
        for vif in config.vifs:
            if vif.target:
                self.vsctl("--if-exists", "del-port", vif.target)
                host.delete_link(self.namespace, vif.target)
        super().start(config)


@caught_by("test_start_plugs_each_vif", "assert 0 == 3")
class PortsOfNobody(Handmade):
    """Does not write in a port's Interface row which vif and which domain it is."""

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Leave the external_ids out."""
        super().plug([replace(each, external_ids={}) for each in plugs])
