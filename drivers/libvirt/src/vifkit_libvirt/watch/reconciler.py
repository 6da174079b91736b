"""Brings Open vSwitch in line with what libvirt's domains want."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netqos.edits import holds
from netqos.enforce import enforce
from netqos.kernel import Kernel, Netns
from netqos.monitor import LiveSwitch
from netqos.rows import MARK, PortRows, translate
from vifkit import Bandwidth, PortNotFoundError, SwitchUnavailableError, VifkitError

from .source import Running, Source

ATTEMPTS = 5


@dataclass(kw_only=True, slots=True)
class Report:
    """What a pass did: ports changed, leaked rows deleted, domains read, and its time.

    `troubles` are lines for a person; `retry` says that another try may help.
    """

    changed: Sequence[str] = ()
    collected: int = 0
    read: int = 0
    troubles: list[str] = field(default_factory=list)
    retry: bool = False
    seconds: float = 0.0


class Reconciler:
    """All libvirts beside one Open vSwitch. For one thread."""

    def __init__(self, sources: Sequence[Source], open_switch: Callable[[], LiveSwitch], netns: Netns) -> None:
        self.sources = sources
        self._open_switch = open_switch
        self._netns = netns
        self._switch: LiveSwitch | None = None
        self._domains: dict[str, Running] = {}
        self._owners: dict[str, Source] = {}
        self._owed: set[str] = set()
        """Domains whose last attempt failed."""

    def close(self) -> None:
        """Let go of all."""
        for source in self.sources:
            source.close()
        self._drop_switch()

    def switch(self) -> LiveSwitch:
        """Give the switch, a new one after it went away. Raises SwitchUnavailableError."""
        if self._switch is None:
            self._switch = self._open_switch()
        return self._switch

    def notice(self) -> int:
        """Take in what Open vSwitch and libvirt have said, and count what is to be looked at.

        Only what is not as it should be counts, so that our own changes do not. Raises SwitchUnavailableError.
        """
        try:
            switch = self.switch()
            changes = switch.changes()
            ports = switch.ports(changes.ports) if changes.ports else {}
        except SwitchUnavailableError:
            self._drop_switch()
            raise
        for name, port in ports.items():
            uuid = port.vm_id
            if uuid is not None and uuid in self._domains and not self._as_wanted(name, port):
                self._owners[uuid].mark(uuid)
        return len(changes.leaks) + sum(source.news() for source in self.sources)

    def act(self, *, everything: bool = False) -> Report:
        """Read the domains that changed, and put what they want into effect, in one transaction.

        `everything` holds all other domains against rows and kernel as well.
        """
        began = time.monotonic()
        report = Report()
        concerned = self._read(report) | self._owed
        self._owed = set()
        try:
            report.changed = self._enforce(self._wanted(self._domains if everything else concerned), report)
            if self.switch().leaks():
                report.collected = len(self.switch().collect())
        except VifkitError as error:
            report.troubles.append(str(error))
            report.retry = True
            self._owed = concerned
            if isinstance(error, SwitchUnavailableError) and not error.committed:
                self._drop_switch()
        report.seconds = time.monotonic() - began
        return report

    def _read(self, report: Report) -> set[str]:
        """Read what changed, and name the running domains of it."""
        concerned: set[str] = set()
        for source in self.sources:
            everything, dirty = source.take()
            try:
                if everything:
                    found: dict[str, Running | None] = dict(source.running())
                    gone = {uuid for uuid, owner in self._owners.items() if owner is source} - found.keys()
                    found |= dict.fromkeys(gone)
                else:
                    found = {uuid: source.read(uuid) for uuid in dirty}
            except VifkitError as error:
                report.troubles.append(f"{source.uri}: {error}")
                report.retry = True
                source.mark_all()
                continue
            report.read += len(found)
            for uuid, running in found.items():
                self._keep(source, uuid, running)
                if running is not None:
                    concerned.add(uuid)
                    report.troubles += [running.trouble] if running.trouble else []
        return concerned

    def _keep(self, source: Source, uuid: str, running: Running | None) -> None:
        if running is not None:
            self._domains[uuid], self._owners[uuid] = running, source
        elif self._owners.get(uuid) is source:
            del self._domains[uuid], self._owners[uuid]

    def _wanted(self, uuids: Iterable[str]) -> dict[str, Bandwidth | None]:
        wanted: dict[str, Bandwidth | None] = {}
        for uuid in uuids:
            if uuid in self._domains:
                wanted |= self._domains[uuid].wanted
        return wanted

    def _as_wanted(self, name: str, port: PortRows) -> bool:
        wanted = self._domains[port.vm_id or ""].wanted
        return name in wanted and (port.foreign or holds(port, translate(wanted[name], name, port.vm_id)))

    def _enforce(self, wanted: Mapping[str, Bandwidth | None], report: Report) -> Sequence[str]:
        """Put what is wanted of the ports that are there, and that nobody else shapes, into effect."""
        if not wanted:
            return ()
        with Kernel(self._netns) as kernel:
            for _ in range(ATTEMPTS):
                switch = self.switch()
                there = {name: port for name, port in switch.ports().items() if name in wanted}
                ours = {name: wanted[name] for name, port in there.items() if _ours(port, wanted[name])}
                try:
                    outcome = enforce(switch, kernel, ours)
                except PortNotFoundError:
                    continue  # it went away just now
                report.troubles += [f"{port}: a QoS row that is not ours holds it" for port in _held(there, wanted)]
                report.troubles += [str(drift) for drift in outcome.drifts]
                return outcome.changed
        return ()

    def _drop_switch(self) -> None:
        if self._switch is not None:
            self._switch.close()
            self._switch = None


def _ours(port: PortRows, wanted: Bandwidth | None) -> bool:
    """Tell whether a port is ours to change; where nothing is wanted, only what we or libvirt wrote is."""
    marked = any(MARK in interface.external_ids for interface in port.interfaces)
    return not port.foreign and (wanted is not None or port.qos is not None or marked)


def _held(ports: Mapping[str, PortRows], wanted: Mapping[str, Bandwidth | None]) -> list[str]:
    """Name the ports that are to be shaped, and that somebody else shapes."""
    return [name for name, port in ports.items() if port.foreign and wanted[name] is not None]
