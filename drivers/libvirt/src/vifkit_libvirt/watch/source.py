"""What a libvirt wants of its Open vSwitch: read once, and again for the domains that it tells of."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import libvirt

from vifkit import Bandwidth, ConnectError, DomainNotFoundError, VifkitError

from ..connection import LibvirtConnection
from ..errors import translated

_EVENTS = (
    libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_REBOOT,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
    libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
)


@dataclass(frozen=True, slots=True)
class Running:
    """A running domain: its name, what its ports are to have, and why its XML could not be read, if so."""

    name: str
    wanted: dict[str, Bandwidth | None] = field(default_factory=dict)
    trouble: str = ""


class Source:
    """One connection. Events come on libvirt's thread, which calls `wake`; everything else is for one thread."""

    def __init__(self, uri: str, connection: LibvirtConnection, wake: Callable[[], None]) -> None:
        self.uri = uri
        self.connection = connection
        self._wake = wake
        self._lock = threading.Lock()
        self._dirty: set[str] = set()
        self._all = False
        self._news = 0
        connection.session.on_open(self._greet)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def alive(self) -> bool:
        """Look for libvirt, and connect again where it has come back."""
        try:
            self.connection.session.connection()
        except ConnectError:
            return False
        return True

    def mark(self, uuid: str) -> None:
        """Have a domain read again."""
        with self._lock:
            if uuid not in self._dirty:
                self._dirty.add(uuid)
                self._news += 1

    def mark_all(self) -> None:
        """Have all domains read again."""
        with self._lock:
            self._all = True
            self._news += 1

    def news(self) -> int:
        """Count what has been marked since this was last asked."""
        with self._lock:
            count, self._news = self._news, 0
        return count

    def take(self) -> tuple[bool, set[str]]:
        """Give what is to be read again: whether that is everything, and otherwise the UUIDs."""
        with self._lock:
            taken = self._all, self._dirty
            self._all, self._dirty = False, set()
        return taken

    def running(self) -> Iterator[tuple[str, Running]]:
        """Read all running domains. Raises ConnectError, BackendError."""
        with translated():
            active = self.connection.session.connection().listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            uuids = [each.UUIDString() for each in active]
        for uuid in uuids:
            found = self.read(uuid)
            if found is not None:
                yield uuid, found

    def read(self, uuid: str) -> Running | None:
        """Read one domain; None where it does not run. Raises ConnectError, BackendError."""
        try:
            with translated(uuid):
                domain = self.connection.session.connection().lookupByUUIDString(uuid)
                if not domain.isActive():
                    return None
                name, xml = domain.name(), domain.XMLDesc(0)
        except DomainNotFoundError:
            return None
        try:
            vifs = self.connection.keeping.incoming(xml).vifs
        except VifkitError as error:
            return Running(name, trouble=f"domain {name!r} is not understood: {error}")
        return Running(name, {vif.target: vif.bandwidth or None for vif in vifs if vif.target})

    def _greet(self, opened: Any) -> None:
        for event in _EVENTS:
            opened.domainEventRegisterAny(None, event, self._told, None)
        opened.registerCloseCallback(self._closed, None)
        self.mark_all()
        self._wake()

    def _told(self, _: Any, domain: Any, *rest: Any) -> None:
        self.mark(domain.UUIDString())
        self._wake()

    def _closed(self, *_: Any) -> None:
        self._wake()
