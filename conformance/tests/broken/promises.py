"""Mistakes in what is declared, refused, and told."""

import re
import warnings
from contextlib import suppress
from dataclasses import replace

from vifkit import (
    Bandwidth,
    Capabilities,
    Domain,
    DomainConfig,
    DomainNotFoundError,
    InvalidXmlError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_netns.driver import NetnsConnection, NetnsDomain
from vifkit_netns.store import Store

from .handmade import Handmade, caught_by


@caught_by("test_a_declared_direction_is_carried_out[inbound]", "has no class 1:1: it is not shaped")
class InboundPromised(Handmade):
    """Declares inbound, and does nothing about it."""

    def shape(self, port: str, bandwidth: Bandwidth | None) -> None:
        """Do nothing."""


@caught_by("test_a_declared_direction_is_carried_out[outbound]", "assert 0 == 4096")
class OutboundPromised(Handmade):
    """Declares outbound, and does nothing about it."""

    @property
    def capabilities(self) -> Capabilities:
        """Promise too much."""
        return replace(super().capabilities, outbound=True)


@caught_by("test_an_undeclared_direction_is_refused_at_start[outbound]", "DID NOT RAISE UnsupportedError")
class OutboundSwallowed(Handmade):
    """Declares no outbound, and ignores one in silence."""

    def accept(self, xml: str) -> DomainConfig:
        """Drop what is not carried out."""
        return super().accept(re.sub("<outbound [^>]*>", "", xml))


@caught_by("test_an_undeclared_direction_is_refused_at_definition[outbound]", "DID NOT RAISE UnsupportedError")
class OutboundSwallowedAtDefinition(Handmade):
    """Declares no outbound, and refuses it when a domain is created, not when it is defined."""

    def define(self, xml: str) -> Domain:
        """Drop what is not carried out."""
        return super().define(re.sub("<outbound [^>]*>", "", xml))


@caught_by("test_an_undeclared_direction_is_refused_at_update[outbound]", "DID NOT RAISE UnsupportedError")
class OutboundSwallowedAtUpdate(Handmade):
    """Declares no outbound, and ignores one that comes later."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Drop what is not carried out."""
        super().update(config, mac, bandwidth and replace(bandwidth, outbound=None))


@caught_by("test_an_undeclared_direction_is_refused_at_start[floor]", "DID NOT RAISE UnsupportedError")
class FloorSwallowed(Handmade):
    """Declares no floor, and ignores one in silence."""

    def accept(self, xml: str) -> DomainConfig:
        """Drop what is not carried out."""
        return super().accept(re.sub("<inbound floor=[^>]*>", "", xml))


@caught_by("test_an_undeclared_direction_is_refused_at_start[peak]", "DID NOT RAISE UnsupportedError")
class PeakSwallowed(Handmade):
    """Declares no peak, and ignores one in silence."""

    @property
    def capabilities(self) -> Capabilities:
        """An average and a burst."""
        return replace(super().capabilities, peak=False)

    def accept(self, xml: str) -> DomainConfig:
        """Drop what is not carried out."""
        return super().accept(re.sub("peak='[0-9]+'", "", xml))


@caught_by("test_an_undeclared_direction_is_refused_at_start[floor]", "assert 'bandwidth' == 'floor'")
class UnsupportedWithoutAName(Handmade):
    """Refuses what it does not declare, and does not say by its name what that is."""

    def accept(self, xml: str) -> DomainConfig:
        """Raise the right error with the wrong name."""
        try:
            return super().accept(xml)
        except UnsupportedError as error:
            raise UnsupportedError("bandwidth") from error


@caught_by("test_hotplug_is_as_declared", "lacks attach_vif or detach_vif")
class HotplugPromised(NetnsConnection):
    """Declares hotplug, and its domains have no `attach_vif`."""

    @property
    def capabilities(self) -> Capabilities:
        """Promise too much."""
        return replace(super().capabilities, hotplug=True)


@caught_by("test_hotplug_is_as_declared", "do not declare hotplug")
class HotplugUndeclared(NetnsConnection):
    """Has `attach_vif` and `detach_vif`, and does not declare hotplug."""

    class _Domain(NetnsDomain):
        def attach_vif(self, xml: str) -> None:
            raise UnsupportedError("hotplug")

        def detach_vif(self, mac: str) -> None:
            raise UnsupportedError("hotplug")

    def handle(self, config: DomainConfig) -> NetnsDomain:
        """Give a domain that has the verbs."""
        return self._Domain(self, config.name, config.uuid)


@caught_by("test_live_update_is_as_declared", "DID NOT RAISE UnsupportedError")
class LiveUpdateUndeclared(NetnsConnection):
    """Declares that a running domain's bandwidth stays as it is, and changes it."""

    @property
    def capabilities(self) -> Capabilities:
        """Promise too little."""
        return replace(super().capabilities, live_update=False)


@caught_by("test_persistence_is_as_declared", "DID NOT RAISE UnsupportedError")
class PersistenceUndeclared(NetnsConnection):
    """Declares that it keeps no domain that does not run, and keeps it."""

    @property
    def capabilities(self) -> Capabilities:
        """Promise too little."""
        return replace(super().capabilities, persistent_domains=False)


@caught_by("test_the_highest_rate_is_carried_out", "== (5000000000, 5000000000)")
class NoHighestRate(Handmade):
    """Declares that every rate is carried out, and keeps 32 bits of it, as Open vSwitch before 3.2 does."""

    @property
    def capabilities(self) -> Capabilities:
        """Promise too much."""
        return replace(super().capabilities, highest_rate_bps=None)

    def config(self, rate: Rate, table: str) -> dict[str, str]:
        """Keep 32 bits of bytes/s."""
        config = super().config(rate, table)
        return config | {key: str(int(config[key]) % 2**35) for key in ("min-rate", "max-rate")}


@caught_by("test_a_rate_above_the_highest_is_refused", "DID NOT RAISE UnsupportedError")
class HighestRatePassed(Handmade):
    """Declares the highest rate, and takes a higher one."""

    def update(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Write the rate that was refused."""
        try:
            super().update(config, mac, bandwidth)
        except UnsupportedError as error:
            if error.capability != "highest_rate_bps":
                raise
            for port in [vif.target or "" for vif in config.vifs if vif.mac == mac]:
                self.shape(port, bandwidth)


@caught_by("test_a_start_warns_of_what_the_bandwidth_does_not_do[peak-above]", "set() == {'peak-is-the-limit'}")
class NeverWarns(NetnsConnection):
    """Carries a bandwidth out that does not do what it says, without a word."""

    def accept(self, xml: str) -> DomainConfig:
        """Keep the warnings back."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().accept(xml)


@caught_by("test_nothing_is_printed", "starting guest-")
class Prints(NetnsConnection):
    """Prints what it does."""

    def create(self, xml: str) -> Domain:
        """Say so."""
        return self._said(super().create(xml))

    def define(self, xml: str) -> Domain:
        """Say so."""
        return self._said(super().define(xml))

    def _said(self, domain: Domain) -> Domain:
        print(f"starting {domain.name}")  # noqa: T201
        return domain


@caught_by("test_answers_have_the_types_of_the_contract", "isinstance('running', State)")
class TextForState(NetnsConnection):
    """Gives text where the contract has an enumeration."""

    class _Domain(NetnsDomain):
        def state(self) -> State:
            return super().state().value  # type: ignore[return-value]

    def handle(self, config: DomainConfig) -> NetnsDomain:
        """Give a domain that answers so."""
        return self._Domain(self, config.name, config.uuid)


@caught_by("test_an_unknown_name_is_not_found", "KeyError: 'nobody-bears-this-name'")
class ErrorsOfItsOwn(NetnsConnection):
    """Lets a KeyError out where a domain is not found."""

    def domain(self, name: str) -> Domain:
        """Look in a dictionary."""
        return {each.name: each for each in self.domains()}[name]


@caught_by("test_what_is_no_domain_is_refused[text]", "SyntaxError: not well-formed XML")
class ErrorsOfTheParser(NetnsConnection):
    """Lets the parser's own error out where the XML is broken."""

    def accept(self, xml: str) -> DomainConfig:
        """Lose the type."""
        try:
            return super().accept(xml)
        except InvalidXmlError as error:
            raise SyntaxError(str(error)) from error


@caught_by("test_a_malformed_bandwidth_is_refused[fraction]", "DID NOT RAISE InvalidBandwidthError")
class FiguresAsTheyCome(NetnsConnection):
    """Makes a whole number of whatever figure it is given."""

    def accept(self, xml: str) -> DomainConfig:
        """Cut at the point."""
        return super().accept(re.sub(r"(\d)\.\d+'", r"\1'", xml))


@caught_by("test_an_unknown_mac_address_is_no_vif", "DID NOT RAISE LookupError")
class AnyMacAddress(NetnsConnection):
    """Takes the first vif where no vif has the MAC address."""

    class _Domain(NetnsDomain):
        def bandwidth(self, mac: str) -> Bandwidth | None:
            macs = [vif.mac for vif in self.vifs()]
            return super().bandwidth(mac if mac in macs else macs[0] or "")

    def handle(self, config: DomainConfig) -> NetnsDomain:
        """Give a domain that is not particular."""
        return self._Domain(self, config.name, config.uuid)


@caught_by("test_a_forgotten_domain_is_not_found_by_its_old_handle", "DID NOT RAISE DomainNotFoundError")
class ForgottenDomainsAreShutOff(NetnsConnection):
    """Answers for a domain that is gone as for one that is shut off."""

    class _Domain(NetnsDomain):
        def state(self) -> State:
            with suppress(DomainNotFoundError):
                return super().state()
            return State.SHUTOFF

    def handle(self, config: DomainConfig) -> NetnsDomain:
        """Give a domain that never says no."""
        return self._Domain(self, config.name, config.uuid)


@caught_by("test_a_closed_connection_carries_nothing_out", "'version answered'")
class GoesOnWhenClosed(NetnsConnection):
    """Lets go of Open vSwitch when it is closed, and knows nothing of that in its next call."""

    @property
    def store(self) -> Store:
        """Give it to everybody."""
        return self._store

    def version(self) -> str:
        """Answer everybody."""
        return "Linux"
