"""vmrun, VMware's command ("Using vmrun to Control Virtual Machines", VMware): which machines run, and their verbs."""

import os
import re
from pathlib import Path

from vifkit import AccessDeniedError, BackendError, DomainNotFoundError, InvalidStateError, State, VifkitError
from vifkit_base.command import CommandFailedError, Program

from .files import LockedError

_COUNT = re.compile(r"Total running VMs: (\d+)\s*")
_VERSION = re.compile(r"vmrun version (\S+(?: build-\d+)?)")


class Vmrun:
    """The program. Raises ConnectError where it is not there, takes too long or says too much, and BackendError."""

    def __init__(self, program: str, timeout_s: float) -> None:
        self._program = Program(program, timeout_s=timeout_s)

    def version(self) -> str:
        """Name the version, which it tells, with its usage, to whoever asks nothing."""
        try:
            said = self._program.run()
        except CommandFailedError as error:
            said = error.output
        found = _VERSION.search(said)
        if found is None:
            raise BackendError(f"{self._program.name} does not say what version it is")
        return found[1]

    def running(self) -> set[str]:
        """List the .vmx files of the machines that run."""
        first, *paths = self._run("", State.RUNNING, "list").replace("\r\n", "\n").removesuffix("\n").split("\n")
        count = _COUNT.fullmatch(first)
        if count is None or int(count[1]) != len(paths):
            raise BackendError(f"{self._program.name} list says something else than which machines run")
        return {os.path.realpath(each) for each in paths}

    def start(self, name: str, vmx: Path) -> None:
        """Start a machine, or wake it, without a window."""
        self._run(name, State.SHUTOFF, "start", str(vmx), "nogui")

    def stop(self, name: str, vmx: Path) -> None:
        """Take the power from a machine."""
        self._run(name, State.RUNNING, "stop", str(vmx), "hard")

    def suspend(self, name: str, vmx: Path) -> None:
        """Have a machine sleep on the disk, whatever its guest says."""
        self._run(name, State.RUNNING, "suspend", str(vmx), "hard")

    def _run(self, name: str, wanted: State, *arguments: str) -> str:
        try:
            return self._program.run("-T", "ws", *arguments)
        except CommandFailedError as error:
            raise _translation(error, name, wanted) from error


def _translation(error: CommandFailedError, name: str, wanted: State) -> VifkitError:
    """Choose the contract's error by vmrun's words: its status is 255 for all."""
    said = error.output
    if "The virtual machine cannot be found" in said:
        return DomainNotFoundError(name)
    if "The virtual machine is not powered on" in said:
        return InvalidStateError(name, State.SHUTOFF.value, wanted.value)
    if "The virtual machine should not be powered on" in said:
        return InvalidStateError(name, State.RUNNING.value, wanted.value)
    if "The file is already in use" in said:
        return LockedError(f"somebody else has the machine {name!r} open: {error}")
    return AccessDeniedError(str(error)) if "Insufficient permissions" in said else error
