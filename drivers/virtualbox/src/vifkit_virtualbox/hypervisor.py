"""VirtualBox by VBoxManage.

VirtualBox keeps name, UUID and adapters. What it has no field for (a vif's bridge and bandwidth, metadata, whether a
domain was only created) is in the global extra data `vifkit/UUID`: one call tells all of it, no lock of a machine is
in the way, and what runs can be changed.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from itertools import count

from vifkit import (
    BackendError,
    DomainConfig,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    State,
    UnsupportedError,
    VifkitError,
)
from vifkit_base.command import CommandFailedError, Program
from vifkit_base.hypervisor import Machine
from vifkit_base.keeping import argument, renewed
from vifkit_base.lockfile import LockFile
from vifkit_base.pausing import PausingHypervisor

from .links import Links, bridge_end, port
from .listing import Listed, machines
from .reading import machine

ADAPTERS = 8
"""Adapters of a machine with VirtualBox's default chipset, PIIX3 (User Manual, "Virtual Networking")."""
UNLOCKING_SECONDS = 3.0
"""A machine that was powered off is locked until its process has ended: a moment later."""
_NOTES = re.compile(r"^Key: vifkit/([0-9a-f-]{36}), Value: (.*)$", re.MULTILINE)
_ERROR = re.compile(r"^VBoxManage(?:\.exe)?: error: (.+)$", re.MULTILINE)
_LIKE_A_UUID = re.compile(r"\{?[0-9a-fA-F-]{32,36}\}?")


class VirtualBox(PausingHypervisor):
    """The machines of one user of VirtualBox; its bridged adapters are in the network namespace of `links`."""

    def __init__(self, program: Program, links: Links, lock: LockFile) -> None:
        super().__init__()
        self._program = program
        self._links = links
        self._lock_file = lock

    def version(self) -> str:
        """Ask VBoxManage; it may warn first."""
        return "VirtualBox " + (self._call("--version").split() or ["of no version"])[-1]

    def locked(self) -> AbstractContextManager[object]:
        """Keep other threads and processes of ours out."""
        return self._lock_file.held()

    def machines(self) -> Sequence[Machine]:
        """Ask for all machines, and for all notes: two calls."""
        listed = machines(self._call("list", "--long", "vms"))
        if not listed:
            return []
        notes = dict(_NOTES.findall(self._call("getextradata", "global", "enumerate")))
        return [found for each in listed if (found := machine(each, notes.get(each.uuid, "")))]

    def machine(self, name: str) -> Machine | None:
        """Ask for one machine, where VBoxManage would not take its name for something else."""
        if name.startswith("-") or _LIKE_A_UUID.fullmatch(name):
            return super().machine(name)
        try:
            listed = self._look(name)
        except DomainNotFoundError:
            return None
        return machine(listed, self._note(listed.uuid)) if listed.name == name else None

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Make a machine, or change the one that is there; else all is as it was."""
        if len(config.vifs) > ADAPTERS:
            raise UnsupportedError("interface", f"VirtualBox has {ADAPTERS} adapters, not {len(config.vifs)}")
        if config.name != config.name.strip():
            raise InvalidXmlError("domain/name", "VirtualBox cannot tell of a name with spaces around it")
        adapters: list[str] = []
        for number in range(1, ADAPTERS + 1):
            adapters += self._adapter(config, number)
        text = argument(config, transient=transient)
        with ExitStack() as undo:
            if self._create(config):
                undo.callback(self._unregister, config)
                undo.callback(self._keep_note, config.uuid, "")
            else:
                undo.callback(self._keep_note, config.uuid, self._note(config.uuid))
            self._keep_note(config.uuid, text)
            self._call("modifyvm", config.uuid, *adapters, name=config.name)
            undo.pop_all()

    def start(self, config: DomainConfig) -> DomainConfig:
        """Make the pairs, then start the machine; else nothing stays."""
        live = config.with_targets({str(vif.mac): port(config.uuid, vif) for vif in config.vifs})
        with ExitStack() as undo:
            for vif in live.vifs:
                end = bridge_end(live.uuid, str(vif.mac))
                self._links.delete(end)  # of a life that ended without us
                self._links.add(str(vif.target), end)
                undo.callback(self._links.delete, end)
            undo.callback(self._end, config)  # it may run all the same
            self._call("startvm", config.uuid, "--type", "headless", name=config.name)
            undo.pop_all()
        return live

    def stop(self, config: DomainConfig) -> None:
        """Power the machine off, and delete its pairs."""
        try:
            self._call("controlvm", config.uuid, "poweroff", name=config.name)
        except BackendError:
            if self._look(config.uuid).state is not State.SHUTOFF:  # it may have ended by itself
                raise
        except DomainNotFoundError:
            self._delete_links(config)
            raise
        self._delete_links(config)

    def undefine(self, config: DomainConfig) -> None:
        """Forget the machine; where disks are attached, its files stay, as VBoxManage would delete those as well."""
        self._delete_links(config)
        self._unregister(config)
        self._keep_note(config.uuid, "")

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep the domain's XML in its note; VirtualBox itself holds nothing of what may change."""
        now = self.machine(config.name)
        if now is None or now.config.uuid != config.uuid:
            raise DomainNotFoundError(config.name)
        self._keep_note(config.uuid, renewed(now, config, running=running))

    def pause(self, config: DomainConfig) -> None:
        """Pause the machine."""
        self._call("controlvm", config.uuid, "pause", name=config.name)

    def go_on(self, config: DomainConfig) -> None:
        """Let it go on."""
        self._call("controlvm", config.uuid, "resume", name=config.name)

    def _end(self, config: DomainConfig) -> None:
        with suppress(VifkitError):
            self._call("controlvm", config.uuid, "poweroff")

    def _create(self, config: DomainConfig) -> bool:
        """Make a machine; False where it is there already, which VirtualBox tells faster than whoever looks first."""
        try:
            self._call("createvm", f"--name={config.name}", f"--uuid={config.uuid}", "--register")
        except BackendError:
            with suppress(DomainNotFoundError):
                if self._look(config.uuid).name == config.name:
                    return False
            raise
        return True

    def _adapter(self, config: DomainConfig, number: int) -> Iterator[str]:
        if number > len(config.vifs):
            yield from (f"--nic{number}", "none")
            return
        mac = str(config.vifs[number - 1].mac)
        yield from (f"--nic{number}", "bridged", f"--bridgeadapter{number}", bridge_end(config.uuid, mac))
        yield from (f"--macaddress{number}", mac.replace(":", ""), f"--cableconnected{number}", "on")

    def _look(self, name: str) -> Listed:
        """Look at one machine. Raises DomainNotFoundError."""
        found = machines(self._call("showvminfo", name, name=name))
        if len(found) != 1:
            raise BackendError(f"VBoxManage tells of {len(found)} machines, not of {name!r}")
        return found[0]

    def _note(self, uuid: str) -> str:
        said = self._call("getextradata", "global", f"vifkit/{uuid}").strip()
        return said.removeprefix("Value: ") if said.startswith("Value: ") else ""

    def _keep_note(self, uuid: str, text: str) -> None:
        self._call("setextradata", "global", f"vifkit/{uuid}", *([text] if text else []))

    def _unregister(self, config: DomainConfig) -> None:
        with_files = () if self._look(config.uuid).has_media else ("--delete",)
        self._call("unregistervm", config.uuid, *with_files, name=config.name)

    def _delete_links(self, config: DomainConfig) -> None:
        for vif in config.vifs:
            self._links.delete(bridge_end(config.uuid, str(vif.mac)))

    def _call(self, *arguments: str, name: str = "") -> str:
        """Run VBoxManage, again for a moment where a machine is locked. Raises as `_refused` says, ConnectError."""
        end = time.monotonic() + UNLOCKING_SECONDS
        for attempt in count():
            try:
                return self._program.run(*arguments)
            except CommandFailedError as error:
                refused = _refused(error, name)
                if not isinstance(refused, InvalidStateError) or time.monotonic() > end:
                    raise refused from error
                time.sleep(min(0.02 * 2**attempt, 0.5))
        raise AssertionError


def _refused(error: CommandFailedError, name: str) -> VifkitError:
    """Say in our words what VBoxManage refused."""
    if "Could not find a registered machine" in error.output:
        return DomainNotFoundError(name)
    if re.search(r"already locked (?:for|by) a session|while it is locked", error.output):
        return InvalidStateError(name, "locked by a session of VirtualBox's", "unlocked")
    said = _ERROR.search(error.output)
    return BackendError(f"VBoxManage: {said[1]}") if said else error
