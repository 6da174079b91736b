"""Virtuozzo's containers and virtual machines by prlctl.

Virtuozzo keeps name, UUID, adapters with their virtual networks, and a description. What it has no field for (a vif's
bandwidth, metadata, whether a domain was only created) is a word of the description, beside what others wrote there.
"""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace

from vifkit import (
    BackendError,
    DomainConfig,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    State,
    UnsupportedError,
    Vif,
    VifkitError,
    safe_xml,
)
from vifkit_base.command import CommandFailedError, Program, first_line
from vifkit_base.configs import as_machine, noted_vifs
from vifkit_base.hypervisor import Machine
from vifkit_base.keeping import argument, renewed
from vifkit_base.lockfile import LockFile
from vifkit_base.notes import NOTHING, noted
from vifkit_base.pausing import PausingHypervisor

from .listing import Adapter, Listed, environments

_NOTE = re.compile(r"vifkit1:\S*")
_LIKE_A_UUID = re.compile(r"\{?[0-9a-fA-F-]{32,36}\}?")
_LOCKED = re.compile(r"\b(?:locked|busy)\b", re.IGNORECASE)
_FAILED = re.compile(r"^(?:Failed|Unable) to .+$", re.MULTILINE)

Wanted = tuple[str, str]
"""An adapter's MAC address and virtual network."""


class Virtuozzo(PausingHypervisor):
    """The containers and virtual machines of one host; `ip` works where their devices are."""

    def __init__(self, program: Program, ip: Program, lock: LockFile) -> None:
        super().__init__()
        self._program = program
        self._ip = ip
        self._lock_file = lock

    def version(self) -> str:
        """Ask prlctl."""
        return "Virtuozzo, " + first_line(self._call("--version"))

    def locked(self) -> AbstractContextManager[object]:
        """Keep other threads and processes of ours out."""
        return self._lock_file.held()

    def machines(self) -> Sequence[Machine]:
        """Ask for all, in one call."""
        return [found for each in environments(self._call("list", "-a", "-i", "-j")) if (found := _machine(each))]

    def machine(self, name: str) -> Machine | None:
        """Ask for one, where prlctl would not take its name for something else."""
        if name.startswith("-") or _LIKE_A_UUID.fullmatch(name):
            return super().machine(name)
        try:
            listed = self._look(name)
        except DomainNotFoundError:
            return None
        return _machine(listed) if listed.name == name else None

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make one, or change the one that is there; else all is as it was."""
        wanted = [(str(vif.mac), str(vif.source)) for vif in config.vifs]
        text = argument(config, transient=transient)
        with ExitStack() as undo:
            try:
                now = self._look(config.uuid)
            except DomainNotFoundError:
                self._create(config)
                undo.callback(self._forget, config)
                now = self._look(config.uuid)
            if now.kind != _kind(config):
                raise InvalidXmlError("domain/os/type", f"what is there is a {now.kind}, and stays one")
            before = [(each.mac, each.network or "") for each in now.adapters]
            if before != wanted:
                undo.callback(self._adapt, config.uuid, before)
                self._adapt(config.uuid, wanted)
            self._describe(config, now.description, text)
            undo.pop_all()

    def start(self, config: DomainConfig) -> DomainConfig:
        """Start it, and take its devices off the bridges of Virtuozzo's own networks; else nothing stays."""
        with ExitStack() as undo:
            undo.callback(self._end, config)  # it may run all the same
            self._call("start", config.uuid, name=config.name)
            hosts = {each.mac: each.host for each in self._look(config.uuid).adapters if each.host}
            if missing := [str(vif.mac) for vif in config.vifs if vif.mac not in hosts]:
                raise BackendError(f"Virtuozzo names no device of the adapter {missing[0]}")
            live = config.with_targets({str(vif.mac): hosts[str(vif.mac)] for vif in config.vifs})
            for vif in live.vifs:
                self._ip.run("set", "dev", str(vif.target), "nomaster")
            undo.pop_all()
        return live

    def stop(self, config: DomainConfig) -> None:
        """Stop it at once; its devices go with it."""
        try:
            self._call("stop", config.uuid, "--kill", name=config.name)
        except BackendError:
            if self._look(config.uuid).state is not State.SHUTOFF:  # it may have ended by itself
                raise

    def undefine(self, config: DomainConfig) -> None:
        """Forget it; the files of what was defined and has disks stay, as prlctl would delete the disks as well."""
        now = self._look(config.uuid)
        kept = noted(now.description)
        ours = kept is not None and kept.transient
        self._call("delete" if ours or not now.has_disks else "unregister", config.uuid, name=config.name)

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep the domain's XML in the description; Virtuozzo itself holds nothing of what may change."""
        listed = self._look(config.uuid)
        now = _machine(listed)
        if now is None:
            raise DomainNotFoundError(config.name)
        self._describe(config, listed.description, renewed(now, config, running=running))

    def pause(self, config: DomainConfig) -> None:
        """Pause it."""
        self._call("pause", config.uuid, name=config.name)

    def go_on(self, config: DomainConfig) -> None:
        """Let it go on."""
        self._call("resume", config.uuid, name=config.name)

    def _create(self, config: DomainConfig) -> None:
        kind = ("--vmtype", "ct") if _kind(config) == "CT" else ("--vmtype", "vm", "--no-hdd")
        self._call("create", config.name, *kind, "--uuid", config.uuid, name=config.name)

    def _adapt(self, uuid: str, wanted: Sequence[Wanted]) -> None:
        """Give it these adapters, and no others."""
        for each in self._look(uuid).adapters:
            self._call("set", uuid, "--device-del", each.device)
        for mac, network in wanted:
            self._call("set", uuid, "--device-add", "net", "--network", network, "--mac", mac.replace(":", ""))

    def _describe(self, config: DomainConfig, before: str, text: str) -> None:
        after = _NOTE.sub(text, before, count=1) if _NOTE.search(before) else f"{before}\n{text}".strip()
        self._call("set", config.uuid, "--description", after, name=config.name)

    def _forget(self, config: DomainConfig) -> None:
        with suppress(VifkitError):
            self._call("delete", config.uuid, name=config.name)

    def _end(self, config: DomainConfig) -> None:
        with suppress(VifkitError):
            self._call("stop", config.uuid, "--kill", name=config.name)

    def _look(self, name: str) -> Listed:
        """Look at one. Raises DomainNotFoundError."""
        found = environments(self._call("list", "-i", "-j", name, name=name))
        if len(found) != 1:
            raise BackendError(f"prlctl tells of {len(found)} environments, not of {name!r}")
        return found[0]

    def _call(self, *arguments: str, name: str = "") -> str:
        try:
            return self._program.run(*arguments)
        except CommandFailedError as error:
            raise _refused(error, name) from error


def _refused(error: CommandFailedError, name: str) -> VifkitError:
    """Say in our words what prlctl refused."""
    if "could not be found" in error.output:
        return DomainNotFoundError(name)
    if _LOCKED.search(error.output):
        return InvalidStateError(name, "locked by another operation of Virtuozzo's", "unlocked")
    said = _FAILED.search(error.output)  # behind what it said of its progress
    return BackendError(f"prlctl: {first_line(said[0] if said else error.output)}") if error.output.strip() else error


def _kind(config: DomainConfig) -> str:
    """CT for `<os><type>exe</type>`, else VM, as in libvirt's vz driver."""
    kind = safe_xml.parse(config.to_xml()).findtext("os/type", "hvm").strip()
    if kind not in ("exe", "hvm"):
        raise UnsupportedError("domain", f"Virtuozzo has containers (exe) and virtual machines (hvm), not {kind!r}")
    return "CT" if kind == "exe" else "VM"


def _machine(listed: Listed) -> Machine | None:
    """Put together what Virtuozzo says and what was noted; None for what no domain can be."""
    kind = "exe" if listed.kind == "CT" else "hvm"
    bare = f"<domain type='vz'><name>x</name><os><type>{kind}</type></os></domain>"
    kept = noted(listed.description)
    before = noted_vifs(kept)
    vifs = [_vif(listed, each, before.get(each.mac)) for each in listed.adapters]
    try:
        told = kept or replace(NOTHING, xml=bare)
        found = as_machine(listed.name, listed.uuid, "vz", listed.state, vifs, told, noted_bandwidths=True)
        return replace(found, noted=kept is not None)
    except InvalidXmlError:
        return None


def _vif(listed: Listed, adapter: Adapter, before: Vif | None) -> Vif:
    target = None if listed.state is State.SHUTOFF else adapter.host
    if before is None:
        return Vif(type="network", mac=adapter.mac, source=adapter.network, target=target)
    return Vif(type="bridge", mac=adapter.mac, source=adapter.network, virtualport="openvswitch", target=target)
