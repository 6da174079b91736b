"""What a libvirt wants of the Open vSwitch beside it: read once, and then only what it tells of."""

import threading
from collections.abc import Callable, Mapping
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
    """A running domain: its name, what its ports are to have, and why it could not be read, if so."""

    name: str
    wanted: Mapping[str, Bandwidth | None] = field(default_factory=dict)
    trouble: str = ""


class Source:
    """The domains that run on one libvirt, by UUID, as they were last read.

    Events come on libvirt's thread, which calls `wake`; all but `mark` is for one thread.
    """

    def __init__(self, uri: str, connection: LibvirtConnection, wake: Callable[[], None]) -> None:
        self.uri = uri
        self.name = uri.partition("?")[0]
        self.domains: dict[str, Running] = {}
        self._connection = connection
        self._wake = wake
        self._lock = threading.Lock()
        self._marked: set[str] = set()
        self._all_marked = False
        self._news = 0
        self._turn: list[str] = []
        self._turn_begins = False
        with translated():
            connection.session.on_open(self._greet)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def mark(self, uuid: str) -> bool:
        """Have a domain read again; tell whether that is news."""
        with self._lock:
            news = not self._all_marked and uuid not in self._marked
            self._marked.add(uuid)
        return news

    def _mark_all(self) -> None:
        """Have all domains read again."""
        with self._lock:
            self._all_marked = True

    def mark_next(self, count: int) -> None:
        """Have so many domains read again, each in its turn; where all had it, those as well that we do not know of."""
        with self._lock:
            if not self._turn:
                self._turn, self._turn_begins = list(self.domains), True
            self._marked.update(self._turn[:count])
            del self._turn[:count]

    def news(self) -> int:
        """Count the domains that libvirt has told of since this was last asked, or since they were read."""
        with self._lock:
            count, self._news = self._news, 0
        return count

    def refresh(self) -> set[str]:
        """Read the domains that are marked, and name them; after a failure they stay so.

        Raises ConnectError, BackendError.
        """
        with translated():
            opened = self._connection.session.connection()
        with self._lock:
            everything, begins, marked = self._all_marked, self._turn_begins, self._marked
            self._all_marked, self._turn_begins, self._marked, self._news = False, False, set(), 0
        try:
            if everything or begins:
                with translated():
                    active = opened.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
                uuids, known = {each.UUIDString() for each in active}, self.domains.keys()
                marked |= uuids | known if everything else uuids ^ known
            found = {uuid: self._read(opened, uuid) for uuid in marked}
        except BaseException:
            with self._lock:
                self._all_marked = self._all_marked or everything
                self._turn_begins = self._turn_begins or begins
                self._marked |= marked
            raise
        self.domains = {uuid: running for uuid, running in (self.domains | found).items() if running is not None}
        return set(found)

    def _read(self, opened: Any, uuid: str) -> Running | None:
        """Read one domain; None where it does not run. Raises ConnectError."""
        name = uuid
        try:
            with translated(uuid):
                domain = opened.lookupByUUIDString(uuid)
                if domain.ID() < 0:
                    return None
                name, xml = domain.name(), domain.XMLDesc(0)
            vifs = self._connection.keeping.incoming(xml).vifs
        except DomainNotFoundError:
            return None
        except ConnectError:
            raise
        except VifkitError as error:
            return Running(name, trouble=f"{name}: its bandwidths are not understood: {error}")
        return Running(name, {vif.target: vif.bandwidth or None for vif in vifs if vif.target and vif.on_openvswitch})

    def _greet(self, opened: Any) -> None:
        """Ask a new connection for events, and have all read that happened before."""
        for event in _EVENTS:
            opened.domainEventRegisterAny(None, event, self._told, None)
        opened.registerCloseCallback(self._closed, None)
        self._mark_all()

    def _told(self, _: Any, domain: Any, *_rest: Any) -> None:
        if self.mark(domain.UUIDString()):
            with self._lock:
                self._news += 1
            self._wake()

    def _closed(self, *_: Any) -> None:
        self._mark_all()
        with self._lock:
            self._news += 1
        self._wake()
