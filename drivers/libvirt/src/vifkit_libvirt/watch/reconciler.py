"""Brings an Open vSwitch in line with what the domains of the libvirts beside it want."""

import time
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netqos import Finding
from netqos.monitor import LiveSwitch
from netqos.rows import PortRows
from vifkit import Bandwidth, SwitchUnavailableError, VifkitError

from ..shaper import Shaper
from .effect import as_wanted, findings, put_into_effect
from .source import Running, Source
from .troubles import Troubles

SHARE = 50
"""So many domains are audited at once: in less than 100 ms."""


@dataclass(kw_only=True, slots=True)
class Report:
    """What a pass did and found."""

    read: int = 0
    """Domains read."""
    changed: list[tuple[str, str]] = field(default_factory=list)
    """Domains and ports that were put right: their rows, or their classes in the kernel."""
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    """What a person should know of a domain's bandwidths; each is told once."""
    collected: int = 0
    """Rows deleted that libvirt had left."""
    begun: list[str] = field(default_factory=list)
    """Troubles that were not there before."""
    over: list[str] = field(default_factory=list)
    """What is well again."""
    retry: bool = False
    """Whether another pass, a little later, may do what this one did not."""
    seconds: float = 0.0


class Reconciler:
    """All libvirts beside one Open vSwitch; `shaper` says which. For one thread."""

    def __init__(self, sources: Sequence[Source], shaper: Shaper) -> None:
        self.sources = sources
        self.troubles = Troubles()
        self._shaper = shaper
        self._switch: LiveSwitch | None = None
        self._doubtful: set[str] = set()
        self._leavers: set[str] = set()
        self._told: dict[str, set[Finding]] = {}

    def close(self) -> None:
        """Let go of all."""
        for source in self.sources:
            source.close()
        self._drop_switch()

    def fileno(self) -> int | None:
        """Give the descriptor that is readable when Open vSwitch says something; None while it is away."""
        return None if self._switch is None else self._switch.fileno()

    def notice(self) -> int:
        """Take in what Open vSwitch and libvirt have said, and count what asks for a pass.

        Only what is not as it should be counts, and so no change of our own.
        """
        count = sum(source.news() for source in self.sources)
        try:
            return count + (0 if self._switch is None else self._look(self._switch))
        except SwitchUnavailableError:
            self._drop_switch()
            return count + 1

    @property
    def shares(self) -> int:
        """Give how many audits go around all domains."""
        return max(1, *(-(-len(source.domains) // SHARE) for source in self.sources))

    def audit(self) -> Report:
        """Read a share of the domains, each in its turn, and hold them against the kernel, for what nobody tells.

        All at once would hold up what has changed.
        """
        for source in self.sources:
            source.mark_next(SHARE)
        return self.act()

    def act(self) -> Report:
        """Read the domains that changed, the first time all, and put what they want into effect, in one transaction.

        Rows that libvirt has left are deleted.
        """
        began = time.monotonic()
        report = Report()
        concerned: set[str] = set()
        try:
            switch = self._open_switch()
            for source in self.sources:
                concerned |= self._refresh(source, report)
            self._shape(switch, concerned, report)
            self._collect(switch, report)
            self.troubles.end("switch", "", "Open vSwitch answers again")
        except VifkitError as error:
            self.troubles.begin("switch", "", f"{error}; trying again")
            report.retry = True
            self._mark(concerned)
            if isinstance(error, SwitchUnavailableError) and not error.committed:
                self._drop_switch()
        report.begun, report.over = self.troubles.news()
        report.seconds = time.monotonic() - began
        return report

    def _look(self, switch: LiveSwitch) -> int:
        """Have the domains read again whose ports are not as they want; count them, and those that left rows."""
        changes = switch.changes()
        if not (changes.ports or changes.gone or changes.leaks):
            return 0
        domains, owners, ports = self._domains(), self._owners(), switch.ports()
        astray = set()
        for name in changes.ports & ports.keys():
            uuid = owners.get(name) or ports[name].vm_id or ""
            if uuid in domains and not as_wanted(ports[name], domains[uuid].wanted):
                astray.add(uuid)
        before, self._leavers = self._leavers, self._left_rows(switch, ports)
        return self._mark(astray) + len(self._leavers - before)

    def _refresh(self, source: Source, report: Report) -> set[str]:
        """Read what changed on one libvirt, and name the domains; none while it is away."""
        try:
            read = source.refresh()
        except VifkitError as error:
            which = "" if source.name in str(error) else f"{source.name}: "
            self.troubles.begin("libvirt", source.uri, f"{which}{error}; trying again")
            report.retry = True
            return set()
        self.troubles.end("libvirt", source.uri, f"{source.name} answers again")
        for uuid in read & source.domains.keys():
            running = source.domains[uuid]
            if running.trouble:
                self.troubles.begin("domain", uuid, running.trouble)
            else:
                self.troubles.end("domain", uuid, f"{running.name}: its bandwidths are understood now")
        report.read += len(read)
        return read

    def _shape(self, switch: LiveSwitch, uuids: set[str], report: Report) -> None:
        """Put what these domains want into effect, and have those that are not right yet read again."""
        domains, owners = self._domains(), self._owners()
        self.troubles.keep("domain", domains.keys())
        self.troubles.keep("port", owners.keys())
        self._told = {uuid: told for uuid, told in self._told.items() if uuid in domains}
        wanted: dict[str, Bandwidth | None] = {}
        for uuid in uuids & domains.keys():
            wanted |= domains[uuid].wanted
        if not wanted:
            return
        effect = put_into_effect(switch, self._shaper, wanted, self._doubtful)
        for port in effect.changed:
            uuid = owners[port.name]
            report.changed.append((domains[uuid].name, port.name))
            told = self._told.setdefault(uuid, set())
            found = [each for each in findings(port, wanted[port.name], switch.version) if each not in told]
            report.findings += [(domains[uuid].name, each) for each in found]
            told.update(found)
        report.changed.sort()
        for name in effect.right:
            self.troubles.end("port", name, f"{domains[owners[name]].name} {name}: as it should be")
        for name, reason in effect.wrong.items():
            self.troubles.begin("port", name, f"{domains[owners[name]].name} {name}: {reason}")
        self._doubtful = effect.doubtful
        self._mark(owners[name] for name in effect.doubtful)
        report.retry = report.retry or bool(effect.doubtful)

    def _collect(self, switch: LiveSwitch, report: Report) -> None:
        """Delete the rows that libvirt has left."""
        leavers = self._left_rows(switch, switch.ports())
        if leavers:
            report.collected = len(switch.collect(leavers))

    def _left_rows(self, switch: LiveSwitch, ports: Mapping[str, PortRows]) -> set[str]:
        """Name the domains of which rows are left that no port leads to.

        Not those that have a port and do not run: libvirt is starting them, and fails if rows go that it has just
        found (virNetDevOpenvswitchInterfaceSetTxQos in src/util/virnetdevopenvswitch.c).
        """
        starting = {port.vm_id for port in ports.values()} - self._domains().keys()
        left = {leak.external_ids.get("vm-id") for leak in switch.leaks()}
        return {uuid for uuid in left - starting if uuid is not None}

    def _mark(self, uuids: Iterable[str]) -> int:
        """Have domains read again, and count those for which that is news."""
        return sum(source.mark(uuid) for uuid in uuids for source in self.sources if uuid in source.domains)

    def _domains(self) -> Mapping[str, Running]:
        """Give all that runs, by UUID."""
        return ChainMap(*(source.domains for source in self.sources))

    def _owners(self) -> dict[str, str]:
        """Give the domain of each port that one wants."""
        return {port: uuid for uuid, running in self._domains().items() for port in running.wanted}

    def _open_switch(self) -> LiveSwitch:
        if self._switch is None:
            self._switch = LiveSwitch(self._shaper.switch.db)
        return self._switch

    def _drop_switch(self) -> None:
        if self._switch is not None:
            self._switch.close()
            self._switch = None
