"""Mistakes in what a bandwidth means."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from netqos.ovsdb import Plug
from vifkit import Bandwidth, DomainConfig, Rate, parse_domain
from vifkit_netns.driver import NetnsConnection

from .handmade import Handmade, caught_by


@caught_by("test_the_tree_is_that_of_the_golden_case[reference]", "class 1:1 has rate 524288, and not 512000")
class KilobytesOf1024(Handmade):
    """Takes 1024 bytes for a kilobyte."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Multiply by the wrong factor."""
        average = rate.average or 0
        rates = {"min-rate": str(average * 8192), "max-rate": str((rate.peak or average) * 8192)}
        return super().config(rate, table) | rates


@caught_by("test_the_tree_is_that_of_the_golden_case[reference]", "class 1:1 has buffer 976562, and not 1000000")
class BurstOf1000(Handmade):
    """Takes 1000 bytes for a kibibyte."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Multiply by the wrong factor."""
        return super().config(rate, table) | ({"burst": str(rate.burst * 8000)} if rate.burst else {})


@caught_by("test_the_rows_are_those_that_libvirt_writes", "{'burst': '32768'} != {'burst': '262144'}")
class BurstInBytes(Handmade):
    """Writes the burst in bytes, and the column takes bits."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Forget that a byte has eight bits."""
        return super().config(rate, table) | ({"burst": str(rate.burst * 1024)} if rate.burst else {})


@caught_by("test_the_rows_are_those_that_libvirt_writes", "{'burst': '262144'}")
class BurstDropped(Handmade):
    """Knows no burst."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Write the rates alone."""
        return super().config(Rate(average=rate.average, peak=rate.peak), table)


@caught_by("test_an_average_alone_limits", "== (512000, 512000)")
class AverageIsNoLimit(Handmade):
    """Writes no max-rate where there is no peak, as libvirt does."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Leave max-rate out."""
        config = super().config(rate, table)
        return config if rate.peak else {key: config[key] for key in config if key != "max-rate"}


@caught_by("test_the_tree_is_that_of_the_golden_case[reference]", "class 1:1 has ceil 512000, and not 1024000")
class PeakIgnored(Handmade):
    """Lets the average be the limit, whatever the peak."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Drop the peak."""
        return super().config(Rate(average=rate.average, burst=rate.burst), table)


@caught_by("test_the_tree_is_that_of_the_golden_case[reference]", "class 1:fffe has rate")
class PeakOnTheQueueAlone(Handmade):
    """Writes max-rate to the Queue row alone, so that the parent class is as fast as the link."""

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Leave max-rate out of the QoS row."""
        config = super().config(rate, table)
        return config if table == "Queue" else {key: config[key] for key in config if key != "max-rate"}


@caught_by("test_the_tree_is_that_of_the_golden_case[reference]", "class 1:1 has rate 1500, and not 512000")
class AnotherQueue(Handmade):
    """Makes queue 1, and unmarked traffic goes through queue 0."""

    def vsctl(self, *arguments: str, wait: bool = True) -> str:
        """Name the wrong queue."""
        return super().vsctl(*(each.replace("queues:0", "queues:1") for each in arguments), wait=wait)


@caught_by("test_the_rows_are_those_that_libvirt_writes", "assert None == 'vif")
class RowsOfNobody(Handmade):
    """Does not write in its rows whose they are."""

    def owner(self, port: str) -> dict[str, str]:
        """Say nothing but that we made them."""
        return {"handmade": "yes"}


@caught_by("test_inbound_alone_does_not_limit_outbound", "assert 4096 == 0")
class SwappedDirections(NetnsConnection):
    """Takes the directions to be the host's: what the guest receives is outbound."""

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Plug without bandwidths, and then add them."""
        self.switch.plug(*(replace(each, bandwidth=None) for each in plugs))
        for each in plugs:
            self.shape(each.port, each.bandwidth)

    def check(self, plugs: Sequence[Plug]) -> None:
        """Believe that it is so."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Swap the directions."""
        asked = bandwidth or Bandwidth()
        self.switch.apply({port: Bandwidth(inbound=asked.outbound, outbound=asked.inbound)})


@caught_by("test_each_vif_of_a_domain_has_its_own_bandwidth", "has no class 1:1: it is not shaped")
class OnlyTheFirstVif(Handmade):
    """Shapes the first vif of a domain."""

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Forget the bandwidths of the others."""
        rest = (replace(each, bandwidth=None) for each in plugs[1:])
        super().plug([*plugs[:1], *rest])


@caught_by("test_a_created_domain_is_shaped_as_a_defined_one", "and not htb 1: default 1")
class OnlyDefinedDomains(Handmade):
    """Shapes a domain that was defined and started, and not one that was created."""

    def start(self, config: DomainConfig) -> None:
        """Look for the bandwidths in the definition."""
        for vif in [] if self.store.defined(config.name) else config.vifs:
            config = config.with_bandwidth(vif.mac or "", None)
        super().start(config)


@caught_by("test_the_tree_is_that_of_the_golden_case[reference-mtu-9000]", "assert 1500 == ")
class MtuIgnored(Handmade):
    """Leaves every vif at 1500 bytes."""

    def start(self, config: DomainConfig) -> None:
        """Forget `<mtu>`."""
        super().start(parse_domain(re.sub("<mtu[^>]*>", "", config.to_xml())))


@caught_by("test_a_restart_of_vswitchd_keeps_the_bandwidth", "and not htb 1: default 1")
class ShapesBehindTheSwitchsBack(Handmade):
    """Runs tc on the port itself, as libvirt does for a container: ovs-vswitchd takes it away when it next looks."""

    def add(self, port: str, rate: Rate) -> None:
        """Make the tree by hand."""
        average, peak = rate.average or 0, rate.peak or rate.average or 0
        at, to = ("class", "add", "dev", port, "parent"), ("htb", "mpu", "60", "linklayer", "ethernet")
        outer = ("rate", f"{peak * 8}kbit", "ceil", f"{peak * 8}kbit", "burst", "1500b", "cburst", "1500b")
        inner = ("rate", f"{average * 8}kbit", "ceil", f"{peak * 8}kbit", "burst", f"{rate.burst or 2}kb")
        self._tc("qdisc", "add", "dev", port, "root", "handle", "1:", "htb", "default", "1")
        self._tc(*at, "1:", "classid", "1:fffe", *to, *outer)
        self._tc(*at, "1:fffe", "classid", "1:1", *to, *inner, "cburst", f"{rate.burst or 2}kb")

    def _tc(self, *arguments: str) -> None:
        subprocess.run(["nsenter", f"--net={self.namespace}", "--", "tc", *arguments], check=True)
