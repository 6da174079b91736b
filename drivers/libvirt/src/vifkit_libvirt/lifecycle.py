"""Tells when domains start, pause, go on and stop, also those that did while libvirtd was away."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import libvirt

from vifkit import ConnectError, State

from .session import Session

LOOK_SECONDS = 0.2
"""How often is looked whether libvirtd was restarted, as then there are no events until the next connection."""
SETTLING_SECONDS = 5.0
"""How long a libvirtd that has just started may end domains without an event (qemuProcessReconnect)."""

STATES = {
    libvirt.VIR_DOMAIN_PAUSED: State.PAUSED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: State.PAUSED,
    libvirt.VIR_DOMAIN_SHUTOFF: State.SHUTOFF,
    libvirt.VIR_DOMAIN_CRASHED: State.SHUTOFF,
}
"""virDomainState as ours; what is not here is running."""

_EVENTS = {
    libvirt.VIR_DOMAIN_EVENT_STARTED: State.RUNNING,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: State.RUNNING,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: State.PAUSED,
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: State.PAUSED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: State.SHUTOFF,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: State.SHUTOFF,
}

News = tuple[str, State] | dict[str, State] | frozenset[str]
"""One domain's new state, or the states of all that are not shut off, or only their names."""


class Lifecycle:
    """One connection's domains. libvirt takes one callback of a kind for each connection, so this one is for all."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()  # an event that comes while all states are read is put after them
        self._starting = threading.Lock()
        self._started = False
        self._settled = 0.0

    def subscribe(self, callback: Callable[[str, State], None]) -> Callable[[], None]:
        """Call back from now on, until the function returned is called. Raises ConnectError, libvirtError."""
        with self._starting:
            if not self._started:
                self._session.on_open(self._greet)
                self._started = True
        opened = self._session.connection()
        with self._lock:
            subscription = Subscription(self.look, callback, _states(opened))
            self._subscriptions.append(subscription)
        return lambda: self._end(subscription)

    def close(self) -> None:
        """End all subscriptions."""
        for subscription in list(self._subscriptions):
            self._end(subscription)

    def look(self) -> None:
        """Have a restart of libvirtd noticed, and what it then does not tell. Raises ConnectError, libvirtError."""
        opened = self._session.connection()
        if time.monotonic() < self._settled:
            with self._lock:
                # Their states are told by events: that of one which is starting may be paused for a moment.
                self._hand_on(frozenset(_states(opened)))

    def _end(self, subscription: "Subscription") -> None:
        subscription.ended.set()
        with self._lock, suppress(ValueError):  # it was called before
            self._subscriptions.remove(subscription)

    def _greet(self, opened: Any) -> None:
        with self._lock:
            opened.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._happened, None)
            if self._subscriptions:
                self._hand_on(_states(opened))
                self._settled = time.monotonic() + SETTLING_SECONDS

    def _happened(self, _connection: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        if event in _EVENTS:
            with self._lock:
                self._hand_on((domain.name(), _EVENTS[event]))

    def _hand_on(self, news: News) -> None:
        for subscription in self._subscriptions:
            subscription.news.put(news)


class Subscription:
    """Calls back, from a thread of its own, with each domain whose state is not what it was."""

    def __init__(
        self, look: Callable[[], None], callback: Callable[[str, State], None], states: dict[str, State]
    ) -> None:
        self.news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self.ended = threading.Event()
        self._look = look
        self._callback = callback
        self._states = states
        threading.Thread(target=self._run, name="libvirt-subscription", daemon=True).start()

    def _run(self) -> None:
        while not self.ended.is_set():
            try:
                news = self.news.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                with suppress(ConnectError, libvirt.libvirtError):  # is tried again
                    self._look()
                continue
            if isinstance(news, tuple):
                self._tell(*news)
                continue
            for name in self._states.keys() - news:
                self._tell(name, State.SHUTOFF)
            if isinstance(news, dict):
                for name, state in news.items():
                    self._tell(name, state)

    def _tell(self, name: str, state: State) -> None:
        if self._states.get(name, State.SHUTOFF) is state or self.ended.is_set():
            return
        if state is State.SHUTOFF:
            del self._states[name]
        else:
            self._states[name] = state
        self._callback(name, state)


def _states(opened: Any) -> dict[str, State]:
    """Read the states of all domains that are not shut off. Raises libvirtError."""
    active = opened.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    paused = opened.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED)
    return {each.name(): State.RUNNING for each in active} | {each.name(): State.PAUSED for each in paused}
