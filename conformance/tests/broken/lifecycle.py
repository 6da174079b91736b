"""Mistakes in how a domain comes, runs and goes."""

import re
from collections.abc import Sequence
from typing import ClassVar
from uuid import uuid4

from netqos.ovsdb import Plug, Switch
from vifkit import BackendError, Domain, DomainConfig, DomainNotFoundError
from vifkit_netns import host
from vifkit_netns.driver import NetnsConnection, NetnsDomain
from vifkit_netns.store import Store

from .handmade import Handmade, caught_by


@caught_by("test_stop_leaves_no_rows_and_no_devices", "QoS ")
class LeaksRows(Handmade):
    """Takes the port away, and leaves its QoS and Queue rows, as libvirt does."""

    def unplug(self, config: DomainConfig) -> None:
        """Delete the ports alone."""
        for vif in config.vifs:
            self.vsctl("--if-exists", "del-port", vif.target or "")


@caught_by("test_stop_leaves_no_rows_and_no_devices", "'Queue ")
class LeaksQueues(Handmade):
    """Takes the QoS row away, and leaves the Queue row."""

    def clear(self, port: str) -> None:
        """Delete one of the two rows."""
        if held := self.held(port):
            self.vsctl("clear", "Port", port, "qos", "--", "destroy", "QoS", held)


@caught_by("test_stop_unplugs_each_vif", "assert ['vif")
class LeavesThePort(Handmade):
    """Takes the rows away, and leaves the port on its bridge without a device."""

    def unplug(self, config: DomainConfig) -> None:
        """Clear, and delete nothing."""
        for vif in config.vifs:
            self.clear(vif.target or "")


@caught_by("test_stop_leaves_no_rows_and_no_devices", "'device qbr")
class LeavesADevice(NetnsConnection):
    """Makes a bridge of its own for each vif, and leaves it when the vif goes."""

    def start(self, config: DomainConfig) -> None:
        """Make the bridges."""
        super().start(config)
        for vif in config.vifs:
            name = "qbr" + (vif.mac or "").replace(":", "")[4:]
            host.run("nsenter", f"--net={self.namespace}", "--", "ip", "link", "add", name, "type", "bridge")


@caught_by("test_stop_leaves_no_rows_and_no_devices", "'namespace /")
class LeavesANamespace(NetnsConnection):
    """Makes a namespace for a DHCP server beside each domain, and leaves it when the domain goes."""

    def start(self, config: DomainConfig) -> None:
        """Make the namespace."""
        super().start(config)
        host.make_namespace(self.store.pin(f"dhcp of {config.name} {uuid4()}"))


@caught_by("test_a_start_that_fails_half_way_leaves_nothing", "'Port vif")
class LeavesHalf(Handmade):
    """Plugs one vif after the other, and does not take the first away when the second fails."""

    def plug(self, plugs: Sequence[Plug]) -> None:
        """Plug them one by one."""
        for each in plugs:
            super().plug([each])


@caught_by("test_a_start_that_fails_half_way_leaves_nothing", "'namespace /")
class FailedStartIsRunning(NetnsConnection):
    """Leaves the namespace of a start that failed, so that the domain seems to run."""

    def start(self, config: DomainConfig) -> None:
        """Make again what the failure took away."""
        try:
            super().start(config)
        except BackendError:
            host.make_namespace(self.store.pin(config.name))
            self.store.keep_live(config)
            raise


@caught_by("test_a_created_domain_is_gone_when_it_stops", "DID NOT RAISE DomainNotFoundError")
class KeepsWhatWasCreated(NetnsConnection):
    """Takes `create` for `define` and `start`."""

    def create(self, xml: str) -> Domain:
        """Define, and start."""
        domain = self.define(xml)
        domain.start()
        return domain


@caught_by("test_a_domain_starts_again_as_it_was", "no domain is named 'guest-")
class ForgetsDefinitions(NetnsConnection):
    """Forgets a domain when it stops, though it is defined."""

    def stop(self, config: DomainConfig) -> None:
        """Forget the definition, too."""
        super().stop(config)
        self.store.forget(config.name)


@caught_by("test_create_starts_the_definition_where_there_is_one", "average=256")
class CreatesOverDefinitions(NetnsConnection):
    """Starts the XML that `create` is given, though the domain is defined otherwise."""

    def create(self, xml: str) -> Domain:
        """Look for no definition."""
        config = self.accept(xml)
        with self.store.locked():
            self.start(config)
        return self.handle(config)


@caught_by("test_a_running_domain_does_not_start_again", "DID NOT RAISE InvalidStateError")
class StartsTwice(NetnsConnection):
    """Takes a running domain down when it is started again."""

    def start(self, config: DomainConfig) -> None:
        """Stop it before."""
        if self.store.is_running(config.name):
            self.stop(config)
        super().start(config)


@caught_by("test_a_name_or_uuid_is_taken_once", "DID NOT RAISE DomainExistsError")
class NamesTakenTwice(NetnsConnection):
    """Lets a second domain have the name or the UUID of another."""

    def refuse_rivals(self, config: DomainConfig) -> None:
        """Let everybody in."""


class Remembering(NetnsConnection):
    """Knows the domains whose names it keeps in memory."""

    names: set[str]

    def accept(self, xml: str) -> DomainConfig:
        """Remember who was asked for."""
        config = super().accept(xml)
        self.names.add(config.name)
        return config

    def domains(self) -> Sequence[Domain]:
        """List those that are remembered."""
        return [each for each in super().domains() if each.name in self.names]

    def domain(self, name: str) -> Domain:
        """Find one that is remembered."""
        if name not in self.names:
            raise DomainNotFoundError(name)
        return super().domain(name)


@caught_by("test_a_running_domain_outlives_its_connection", "no domain is named 'guest-")
class RemembersInTheConnection(Remembering):
    """Knows the domains that this very connection has made."""

    def __init__(self, store: Store, switch: Switch, namespace: str) -> None:
        super().__init__(store, switch, namespace)
        self.names = set()


@caught_by("test_a_running_domain_outlives_the_process_that_made_it", "`domains` does not list the domain")
class RemembersInTheProcess(Remembering):
    """Knows the domains that this very process has made."""

    names: ClassVar[set[str]] = set()  # type: ignore[misc]


@caught_by("test_xml_keeps_what_the_driver_does_not_know", "assert 'urn:example:conformance' in")
class DropsMetadata(NetnsConnection):
    """Keeps of the XML what it understands."""

    def accept(self, xml: str) -> DomainConfig:
        """Cut the rest."""
        return super().accept(re.sub("<metadata>.*</metadata>", "", xml))


@caught_by("test_xml_names_the_devices_of_a_running_domain", "assert [None, None] == ['vif")
class XmlWithoutDevices(NetnsConnection):
    """Tells in `vifs` which devices carry the vifs, and not in `xml`."""

    class _Domain(NetnsDomain):
        def xml(self) -> str:
            return re.sub("<target [^>]*>", "", super().xml())

    def handle(self, config: DomainConfig) -> NetnsDomain:
        """Give a domain that tells less."""
        return self._Domain(self, config.name, config.uuid)
