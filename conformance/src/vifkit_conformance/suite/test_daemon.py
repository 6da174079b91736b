"""The hypervisor's daemon is killed at bad moments: verbs end by an error of the contract, and nothing is left."""

import time
from contextlib import suppress

import pytest

from vifkit import (
    Bandwidth,
    ConnectError,
    Connection,
    DomainNotFoundError,
    Rate,
    State,
    parse_domain,
)
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.lab import until

from .crashes import UnderWay, daemon_down, kill_daemon_in_a_start, skip_without_daemon, stop
from .trees import differences, leaf

WANTED = Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
moments = pytest.mark.parametrize("delay_ms", [0, 20, 80, 200])


@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_domain_outlives_a_restart_of_the_daemon(guest: Guests) -> None:
    """Failing: a domain runs on, shaped, when the daemon dies; and the same connection works when it is back."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    with daemon_down(guest.testbed):
        assert differences(made.tree(), "reference") == []
    assert made.domain.state() is State.RUNNING
    assert differences(made.tree(), "reference") == []
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256, peak=256)))
    assert leaf(made).ceil == 256_000
    made.domain.stop()
    assert made.ports() == []


def test_without_the_daemon_every_verb_says_so(guest: Guests, connection: Connection) -> None:
    """Failing: while the daemon is down each verb must raise ConnectError, at once; and work when it is back."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    domain = made.domain
    with daemon_down(guest.testbed):
        for verb in (domain.state, domain.xml, domain.vifs, domain.start, domain.stop, connection.domains):
            with pytest.raises(ConnectError):
                verb()
        with pytest.raises(ConnectError):
            domain.set_bandwidth(made.mac, WANTED)
        with pytest.raises(ConnectError):
            connection.domain(domain.name)
    assert [each.name for each in connection.domains()] == [domain.name]
    assert domain.bandwidth(made.mac) == WANTED


@pytest.mark.needs("persistent_domains")
def test_a_daemon_that_has_just_started_stops_a_domain(guest: Guests) -> None:
    """Failing: while the daemon finds its domains again it may say that one does not run, and be ending it."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    with daemon_down(guest.testbed):
        pass
    made.domain.stop()
    assert made.domain.state() is State.SHUTOFF
    assert made.ports() == []


@moments
@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_daemon_killed_in_a_start(guest: Guests, delay_ms: int) -> None:
    """Failing: what a start has made before the daemon died must be gone when the domain has started and stopped.

    The daemon dies when the domain's port has been there for some milliseconds.
    """
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE, start=False)
    kill_daemon_in_a_start(guest, made.domain.start, made.mac, delay_ms)
    stop(guest.testbed, made.domain)
    made.domain.start()
    assert differences(made.tree(), "reference") == []
    made.domain.stop()


@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_what_a_killed_start_has_left_goes_with_the_definition(guest: Guests) -> None:
    """Failing: a domain that never came to run must leave nothing either when it is undefined."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE, start=False)
    kill_daemon_in_a_start(guest, made.domain.start, made.mac, 0)
    stop(guest.testbed, made.domain)
    made.domain.undefine()
    assert made.ports() == []


@pytest.mark.parametrize("delay_ms", [0, 80])
@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_a_daemon_killed_in_a_create(guest: Guests, connection: Connection, delay_ms: int) -> None:
    """Failing: what a killed `create` has left must not keep the next one from working, and must go with it."""
    skip_without_daemon(guest.testbed)
    xml, macs = guest.write(REFERENCE)
    name = parse_domain(xml).name
    kill_daemon_in_a_start(guest, lambda: connection.create(xml), macs[0], delay_ms)
    with suppress(DomainNotFoundError):
        stop(guest.testbed, connection.domain(name))
    until(lambda: name not in [each.name for each in connection.domains()], f"{name} is gone")
    made = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
    assert differences(made.tree(), "reference") == []
    made.domain.stop()


@moments
@pytest.mark.needs("inbound", "live_update", shaping="ovs-htb")
def test_a_daemon_killed_in_an_update(guest: Guests, delay_ms: int) -> None:
    """Failing: the domain runs on whatever became of the update, and the same update again makes all of it right."""
    skip_without_daemon(guest.testbed)
    made = guest("<bandwidth><inbound average='256' peak='256'/></bandwidth>")
    update = UnderWay(lambda: made.domain.set_bandwidth(made.mac, WANTED))
    time.sleep(delay_ms / 1000)
    with daemon_down(guest.testbed):
        update.judge()
    assert made.domain.state() is State.RUNNING
    made.domain.set_bandwidth(made.mac, WANTED)
    assert made.domain.bandwidth(made.mac) == WANTED
    assert differences(made.tree(), "reference") == []
    made.domain.stop()


@moments
@pytest.mark.needs("inbound", "persistent_domains", shaping="ovs-htb")
def test_a_daemon_killed_in_a_stop(guest: Guests, delay_ms: int) -> None:
    """Failing: a stop that was cut short must be done by the next verb: no port, row or device may stay."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    ending = UnderWay(made.domain.stop)
    time.sleep(delay_ms / 1000)
    with daemon_down(guest.testbed):
        ending.judge()
    stop(guest.testbed, made.domain)
    assert made.ports() == []
    made.domain.undefine()
