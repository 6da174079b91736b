"""A domain pauses, goes on, restarts in place and changes from transient to persistent: its bandwidth stays."""

import time

import pytest

from vifkit import (
    Bandwidth,
    InvalidStateError,
    Rate,
    State,
    SupportsReboot,
    SupportsResume,
    SupportsShutdown,
    SupportsSuspend,
)
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.judging.declared import undeclared
from vifkit_conformance.lab import LabError

from .trees import differences, leaf


def suspended(guest: Guests, bandwidth: str = REFERENCE) -> Guest:
    """Make a paused domain; skip where domains do not pause."""
    made = guest(bandwidth)
    if not isinstance(made.domain, SupportsSuspend):
        undeclared("SupportsSuspend")
    made.domain.suspend()
    return made


def ends(made: Guest, *, seconds: float) -> bool:
    """Tell whether a domain is shut off within so many seconds."""
    end = time.monotonic() + seconds
    while made.domain.state() is not State.SHUTOFF:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_pause_keeps_the_bandwidth(guest: Guests) -> None:
    """Failing: `suspend` must leave ports and rows as they are, and `state` must say that it is paused."""
    made = suspended(guest)
    assert made.domain.state() is State.PAUSED
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_paused_domain_goes_on_as_it_was(guest: Guests) -> None:
    """Failing: `resume` must leave ports and rows as they are, and `state` must say that it runs."""
    made = suspended(guest)
    if not isinstance(made.domain, SupportsResume):
        undeclared("SupportsResume")
    made.domain.resume()
    assert made.domain.state() is State.RUNNING
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_paused_domain_takes_an_update(guest: Guests) -> None:
    """Failing: `set_bandwidth` of a paused domain must be in effect on return, as of one that runs."""
    made = suspended(guest)
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256, peak=256)))
    assert leaf(made).ceil == 256_000
    if isinstance(made.domain, SupportsResume):
        made.domain.resume()
        assert leaf(made).ceil == 256_000


def test_a_paused_domain_stops(guest: Guests) -> None:
    """Failing: `stop` must end a paused domain as one that runs."""
    made = suspended(guest)
    made.domain.stop()
    assert made.ports() == []


def test_a_paused_domain_is_neither_paused_nor_started(guest: Guests) -> None:
    """Failing: `suspend` and `start` of a paused domain must raise InvalidStateError, and leave it paused."""
    made = suspended(guest)
    assert isinstance(made.domain, SupportsSuspend)
    with pytest.raises(InvalidStateError):
        made.domain.suspend()
    with pytest.raises(InvalidStateError):
        made.domain.start()
    assert made.domain.state() is State.PAUSED


def test_a_running_domain_is_not_resumed(guest: Guests) -> None:
    """Failing: `resume` of a domain that is not paused must raise InvalidStateError."""
    domain = guest(REFERENCE).domain
    if not isinstance(domain, SupportsResume):
        undeclared("SupportsResume")
    with pytest.raises(InvalidStateError):
        domain.resume()
    assert domain.state() is State.RUNNING


@pytest.mark.needs("persistent_domains")
def test_a_shut_off_domain_is_neither_paused_nor_resumed(guest: Guests) -> None:
    """Failing: `suspend` and `resume` of a domain that is shut off must raise InvalidStateError."""
    domain = guest(REFERENCE, start=False).domain
    if not (isinstance(domain, SupportsSuspend) and isinstance(domain, SupportsResume)):
        undeclared("SupportsSuspend")
    for verb in (domain.suspend, domain.resume):
        with pytest.raises(InvalidStateError):
            verb()
    assert domain.state() is State.SHUTOFF


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_reboot_keeps_the_bandwidth(guest: Guests) -> None:
    """Failing: `reboot` restarts the guest in place: its ports, rows and classes stay, whatever the guest does."""
    made = guest(REFERENCE)
    if not isinstance(made.domain, SupportsReboot):
        undeclared("SupportsReboot")
    device = made.device()
    made.domain.reboot()
    assert made.domain.state() is State.RUNNING
    assert made.device() == device
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_guest_that_is_asked_to_end_ends_or_goes_on(guest: Guests) -> None:
    """Failing: after `shutdown` a domain is shut off, or it still runs with its bandwidth; and it can be ended."""
    made = guest(REFERENCE)
    if not isinstance(made.domain, SupportsShutdown):
        undeclared("SupportsShutdown")
    made.domain.shutdown()
    if not ends(made, seconds=1):
        try:
            assert differences(made.tree(), "reference") == []
        except (AssertionError, LabError):  # its vifs go a little before it is shut off
            if not ends(made, seconds=10):
                raise
        else:
            made.domain.stop()
            return
    assert made.ports() == []
    made.domain.undefine()


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_transient_domain_that_is_defined_while_it_runs_is_kept(guest: Guests) -> None:
    """Failing: `define` of a created, running domain must keep it: its bandwidth stays, and is there at each start."""
    xml, macs = guest.write(REFERENCE)
    made = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
    guest.define(xml)
    assert differences(made.tree(), "reference") == []
    made.domain.stop()
    assert made.domain.state() is State.SHUTOFF
    made.domain.start()
    assert differences(made.tree(), "reference") == []


@pytest.mark.needs("inbound", "live_update", "persistent_domains", shaping="ovs-htb")
def test_an_update_of_a_domain_that_became_persistent_is_kept(guest: Guests) -> None:
    """Failing: whether `set_bandwidth` concerns the definition too is to be asked each time, and not remembered."""
    xml, macs = guest.write(REFERENCE)
    made = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
    guest.define(xml)
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256, peak=256)))
    made.domain.stop()
    assert made.domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=256, peak=256))


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_definition_that_is_replaced_holds_from_the_next_start(guest: Guests) -> None:
    """Failing: `define` of a running, persistent domain must leave what runs as it is, and `bandwidth` must tell it."""
    xml, macs = guest.write(REFERENCE)
    domain = guest.define(xml)
    domain.start()
    made = Guest(domain, macs, guest.observer, guest.testbed)
    guest.define(xml.replace("average='512' peak='1024'", "average='256' peak='256'"))
    assert differences(made.tree(), "reference") == []
    assert domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
    domain.stop()
    domain.start()
    assert leaf(made).ceil == 256_000


def test_a_created_domain_is_not_undefined_while_it_runs(guest: Guests) -> None:
    """Failing: `undefine` of a running domain must raise InvalidStateError, also where nothing is defined."""
    xml, _ = guest.write(REFERENCE)
    domain = guest.create(xml)
    with pytest.raises(InvalidStateError):
        domain.undefine()
    assert domain.state() is State.RUNNING
