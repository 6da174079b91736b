"""Who has subscribed is told of each new state, soon, also of those that came about while nobody could tell."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from vifkit import Connection, Driver, State, SupportsEvents, SupportsResume, SupportsSuspend
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.guest import Guests
from vifkit_conformance.judging.declared import missing, undeclared
from vifkit_conformance.testbed import SupportsGuestKill

from .crashes import daemon_down, skip_without_daemon

SOON_SECONDS = 1.0
LATER_SECONDS = 5.0


class Told:
    """What a subscriber was told, in order."""

    def __init__(self) -> None:
        self._news: SimpleQueue[tuple[str, State]] = SimpleQueue()
        self.end: Callable[[], None] = lambda: None

    def __call__(self, name: str, state: State) -> None:
        """Be told."""
        self._news.put((name, state))

    def next(self, seconds: float = SOON_SECONDS) -> tuple[str, State] | None:
        """Give the next news, None if there are none in time."""
        try:
            return self._news.get(timeout=seconds)
        except Empty:
            return None


@contextmanager
def subscribed(connection: Connection) -> Iterator[Told]:
    """Subscribe for the time of the block; skip where there are no events."""
    if not isinstance(connection, SupportsEvents):
        undeclared("SupportsEvents")
    told = Told()
    told.end = connection.subscribe(told)
    try:
        yield told
    finally:
        told.end()


def test_a_start_and_a_stop_are_told(guest: Guests, connection: Connection) -> None:
    """Failing: `subscribe` must call back within a second, and once for each new state."""
    made = guest(REFERENCE, start=False)
    name = made.domain.name
    with subscribed(connection) as told:
        made.domain.start()
        assert told.next() == (name, State.RUNNING)
        made.domain.stop()
        assert told.next() == (name, State.SHUTOFF)
        assert told.next(0.1) is None


def test_a_pause_and_its_end_are_told(guest: Guests, connection: Connection) -> None:
    """Failing: a subscriber must hear of PAUSED, and of RUNNING after it."""
    made = guest(REFERENCE)
    domain = made.domain
    if not (isinstance(domain, SupportsSuspend) and isinstance(domain, SupportsResume)):
        undeclared("SupportsSuspend")
    with subscribed(connection) as told:
        domain.suspend()
        assert told.next() == (domain.name, State.PAUSED)
        domain.resume()
        assert told.next() == (domain.name, State.RUNNING)


def test_a_created_domain_is_told_by_its_name(guest: Guests, connection: Connection) -> None:
    """Failing: a domain that is not kept is told as one that is, when it starts and when it is gone."""
    with subscribed(connection) as told:
        domain = guest.create(guest.write(REFERENCE)[0])
        assert told.next() == (domain.name, State.RUNNING)
        domain.stop()
        assert told.next() == (domain.name, State.SHUTOFF)


def test_what_another_connection_does_is_told(guest: Guests, driver: Driver, uri: str, connection: Connection) -> None:
    """Failing: events are the hypervisor's: whoever starts or stops a domain, every subscriber must hear of it."""
    made = guest(REFERENCE)
    with driver.open(uri) as other, subscribed(other) as told:
        made.domain.stop()
        assert told.next() == (made.domain.name, State.SHUTOFF)


def test_a_killed_guest_is_told(guest: Guests, connection: Connection) -> None:
    """Failing: a guest that ends without anybody's verb must be told as SHUTOFF, when all of it is gone."""
    made = guest(REFERENCE)
    if not isinstance(guest.testbed, SupportsGuestKill):
        missing(guest.testbed, SupportsGuestKill)
    with subscribed(connection) as told:
        guest.testbed.kill_guest(made.domain)
        assert told.next(LATER_SECONDS) == (made.domain.name, State.SHUTOFF)


def test_who_has_unsubscribed_is_told_no_more(guest: Guests, connection: Connection) -> None:
    """Failing: the function that `subscribe` gave must end it, and it alone; to call it twice is allowed."""
    made = guest(REFERENCE)
    with subscribed(connection) as told, subscribed(connection) as other:
        told.end()
        made.domain.stop()
        assert other.next() == (made.domain.name, State.SHUTOFF)
        assert told.next(0.1) is None


def test_a_closed_connection_tells_nothing(guest: Guests, driver: Driver, uri: str) -> None:
    """Failing: `close` must end subscriptions as well, and the callback rest."""
    made = guest(REFERENCE)
    with driver.open(uri) as other, subscribed(other) as told:
        other.close()
        made.domain.stop()
        assert told.next(0.3) is None


def test_a_callback_may_use_the_connection(guest: Guests, connection: Connection) -> None:
    """Failing: a callback that asks for a domain's state must get an answer, and not hold up what it waits for."""
    made = guest(REFERENCE, start=False)
    seen: SimpleQueue[State] = SimpleQueue()
    if not isinstance(connection, SupportsEvents):
        undeclared("SupportsEvents")
    end = connection.subscribe(lambda name, _: seen.put(connection.domain(name).state()))
    try:
        made.domain.start()
        assert seen.get(timeout=LATER_SECONDS) is State.RUNNING
    finally:
        end()


def test_events_come_again_after_a_restart_of_the_daemon(guest: Guests, connection: Connection) -> None:
    """Failing: who has subscribed must hear of new states again, without a verb of its own, when the daemon is back."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    with subscribed(connection) as told:
        with daemon_down(guest.testbed):
            pass
        assert told.next(0.3) is None
        made.domain.stop()
        assert told.next() == (made.domain.name, State.SHUTOFF)


def test_what_happened_while_the_daemon_was_down_is_told_afterwards(guest: Guests, connection: Connection) -> None:
    """Failing: the states may differ when the daemon is back: compare, and tell what has changed."""
    skip_without_daemon(guest.testbed)
    made = guest(REFERENCE)
    if not isinstance(guest.testbed, SupportsGuestKill):
        missing(guest.testbed, SupportsGuestKill)
    with subscribed(connection) as told:
        with daemon_down(guest.testbed):
            guest.testbed.kill_guest(made.domain)
            assert told.next(0.1) is None
        assert told.next(LATER_SECONDS) == (made.domain.name, State.SHUTOFF)
