"""VMware Workstation: a directory of machines, and vmrun, which says which of them run."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from vifkit import BackendError, Bandwidth, ConnectError, DomainConfig, DomainNotFoundError, VifkitError
from vifkit_base.hypervisor import Hypervisor, Machine
from vifkit_base.lockfile import DirectoryLock
from vifkit_base.notes import note
from vifkit_base.waiting import moments

from . import adapters, machine
from .files import VmxFile, insist_unlocked, is_locked, put, touching
from .vmrun import Vmrun
from .vmx import Vmx, VmxError

LONGEST_NAME = 255
"""The bytes that Linux's file systems give the name of a file (NAME_MAX in include/uapi/linux/limits.h)."""
LOCK_SECONDS = 5.0
"""How long VMware may keep its lock after a machine has ended."""


class Workstation(Hypervisor):
    """The machines of one directory: each in a directory of its own, whose name is the domain's."""

    def __init__(self, directory: Path, vmrun: Vmrun, networks: Path) -> None:
        super().__init__()
        self.directory = directory
        self.vmrun = vmrun
        self.networks = networks
        self._lock_file = DirectoryLock(directory)

    def version(self) -> str:
        """Name vmrun's version, which comes with Workstation's."""
        return f"VMware Workstation, vmrun {self.vmrun.version()}"

    def machines(self) -> Sequence[Machine]:
        """List all by one call; one that is not understood is left out, and says why where it is asked for."""
        running = self.vmrun.running()
        with touching(self.directory):
            names = sorted(each.name for each in self.directory.iterdir() if each.is_dir())
        found: list[Machine | None] = []
        for name in names:
            with suppress(VifkitError):
                found.append(self._read(name, running))
        return [each for each in found if each]

    def machine(self, name: str) -> Machine | None:
        """Find a machine. Raises VmxError for one that is not understood."""
        return self._read(name, self.vmrun.running())

    def locked(self) -> AbstractContextManager[object]:
        """Keep out the other threads, and all other processes that use this driver."""
        return self._lock_file.held()

    def define(self, config: DomainConfig, *, transient: bool) -> None:
        """Write a machine's .vmx file, or what is ours of it."""
        path = self._find(config.name)
        if path is not None:
            file = VmxFile(path)
            machine.read(config.name, file, running=False)  # who is not understood may be somebody else
            machine.fill(file.text, config, transient=transient)
            file.save()
            with touching(path):
                machine.waiting_of(path).unlink(missing_ok=True)
            return
        text, directory = Vmx(machine.BLANK), self.directory / config.name
        machine.fill(text, config, transient=transient)
        with touching(directory):
            data = text.to_bytes()
            directory.mkdir(exist_ok=True)
            try:
                put(directory / f"{config.name}.vmx", data)
            except BaseException:
                with suppress(OSError):
                    directory.rmdir()  # if it is empty
                raise

    def start(self, config: DomainConfig) -> DomainConfig:
        """Start a machine. What VMware would leave unconnected, with a warning that nobody sees, is refused."""
        file = self._file(config.name)
        for adapter in adapters.read(file.text):
            network = adapters.network(file.text, adapter)
            if network is not None and ("/" in network or not (self.networks / network).exists()):
                raise BackendError(f"{adapter} of {config.name!r}: there is no virtual network {network!r}")
        try:
            self.vmrun.start(config.name, file.path)
        except ConnectError:  # nobody knows how far it has come
            with suppress(VifkitError):
                self.vmrun.stop(config.name, file.path)
            raise
        return config

    def stop(self, config: DomainConfig) -> None:
        """Take its power; vmrun takes none from a machine that sleeps (VixVM_PowerOff), which therefore wakes first."""
        file = self._file(config.name)
        if file.text.get(machine.SUSPENDED) and os.path.realpath(file.path) not in self.vmrun.running():
            self.vmrun.start(config.name, file.path)
        self.vmrun.stop(config.name, file.path)
        for _ in moments(LOCK_SECONDS, longest_s=0.1):
            if not is_locked(file.path):
                return

    def suspend(self, config: DomainConfig) -> None:
        """Have a machine sleep."""
        self.vmrun.suspend(config.name, self._file(config.name).path)

    def resume(self, config: DomainConfig) -> None:
        """Wake a machine."""
        self.vmrun.start(config.name, self._file(config.name).path)

    def undefine(self, config: DomainConfig) -> None:
        """Delete a machine that has no disk; of one that has, forget that it is a machine."""
        path = self._find(config.name)
        if path is None:
            raise DomainNotFoundError(config.name)
        insist_unlocked(path)
        machine.forget(path)

    def keep(self, config: DomainConfig, *, running: bool) -> None:
        """Keep a definition beside the machine until that ends, as its .vmx file is VMware's while it runs."""
        waiting = machine.waiting_of(self._file(config.name).path)
        with touching(waiting):
            put(waiting, note(config, transient=False).encode("ascii"))

    def shape(self, config: DomainConfig, mac: str, bandwidth: Bandwidth | None) -> None:
        """Set the limits of an adapter in the .vmx file, which VMware reads when the machine starts."""
        file = self._file(config.name)
        for adapter, vif in adapters.read(file.text).items():
            if vif.mac == mac:
                adapters.limit(file.text, adapter, bandwidth)
                return file.save()
        raise VmxError(f"{file.path}: somebody has taken the adapter {mac} out meanwhile")

    def _read(self, name: str, running: set[str]) -> Machine | None:
        path = self._find(name)
        return None if path is None else machine.read(name, VmxFile(path), running=os.path.realpath(path) in running)

    def _file(self, name: str) -> VmxFile:
        path = self._find(name)
        if path is None:
            raise DomainNotFoundError(name)
        return VmxFile(path)

    def _find(self, name: str) -> Path | None:
        """Find a machine; no name leads elsewhere."""
        leads = name in (".", "..") or "/" in name or len(name.encode()) > LONGEST_NAME
        return None if leads else machine.find(self.directory / name)
