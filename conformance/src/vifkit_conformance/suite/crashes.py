"""The hypervisor's daemon, ended at the worst moment, and a verb that is under way then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from vifkit import Domain, DomainNotFoundError, InvalidStateError, State, VifkitError
from vifkit_conformance.guest import Guests
from vifkit_conformance.judging.declared import missing
from vifkit_conformance.lab import until
from vifkit_conformance.observe import Observer
from vifkit_conformance.testbed import SupportsDaemonKill, Testbed

LONGEST_SECONDS = 20.0


class UnderWay(Thread):
    """A verb in a thread of its own."""

    def __init__(self, verb: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._verb = verb
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Do it, and keep what it raises."""
        try:
            self._verb()
        except Exception as error:  # noqa: BLE001  whatever it is, it is judged
            self._error = error

    def judge(self) -> None:
        """Wait until it ends: well, or by an error of the contract."""
        self.join(LONGEST_SECONDS)
        assert not self.is_alive(), f"the verb has not ended within {LONGEST_SECONDS:g} s"
        if self._error is not None and not isinstance(self._error, VifkitError):
            raise AssertionError(f"not an error of the contract: {self._error!r}") from self._error


def skip_without_daemon(testbed: Testbed) -> None:
    """Skip where there is no daemon to kill."""
    if not isinstance(testbed, SupportsDaemonKill):
        missing(testbed, SupportsDaemonKill)


@contextmanager
def daemon_down(testbed: Testbed) -> Iterator[None]:
    """Kill the hypervisor's daemon for the time of the block."""
    assert isinstance(testbed, SupportsDaemonKill)
    testbed.kill_daemon()
    try:
        yield
    finally:
        testbed.start_daemon()


def kill_daemon_in_a_start(guests: Guests, verb: Callable[[], object], mac: str, delay_ms: int) -> None:
    """Kill the daemon, and start it again, some time after the port of a vif that starts is there."""
    starting = UnderWay(verb)
    until(lambda: not starting.is_alive() or _is_plugged(guests.observer, mac), f"{mac} is plugged")
    time.sleep(delay_ms / 1000)
    with daemon_down(guests.testbed):
        starting.judge()


def stop(testbed: Testbed, domain: Domain) -> None:
    """Have a domain shut off, whether it has ended by itself or not; a daemon that has just started may not know.

    It may have lost the domain, and then has to find it when it starts again: libvirt 9.0 did so with a container,
    once in some hundred kills.
    """
    try:
        _stop(domain)
    except DomainNotFoundError:
        with daemon_down(testbed):
            pass
        _stop(domain)


def _stop(domain: Domain) -> None:
    with suppress(InvalidStateError):
        domain.stop()
    until(lambda: domain.state() is State.SHUTOFF, f"{domain.name} is shut off")


def _is_plugged(observer: Observer, mac: str) -> bool:
    return any(row["external_ids"].get("attached-mac") == mac for row in observer.rows("Interface", "external_ids"))
