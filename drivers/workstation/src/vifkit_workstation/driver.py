"""VMware Workstation: domains are the machines of a directory, a bandwidth the limits of an adapter.

    vmware:///home/me/vmware?vmrun=/usr/bin/vmrun&timeout=60&networks=/dev

The path is the directory of the machines. `vmrun` is the program (default: by PATH), `timeout` how many seconds it may
take, and `networks` the directory in which the host's virtual networks are found, as vmnet8 is.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from netqos.units import bps_from_kBps, kbps_from_kBps
from vifkit import (
    Bandwidth,
    Capabilities,
    ConnectError,
    Connection,
    Credentials,
    Domain,
    DomainConfig,
    Driver,
    InvalidXmlError,
    State,
    UnsupportedError,
    Vif,
)
from vifkit_base.connection import insist_on
from vifkit_base.domain import HypervisorDomain
from vifkit_base.native import NATIVE, NativeConnection
from vifkit_base.uri import parse

from .adapters import HIGHEST_KBPS
from .hypervisor import LONGEST_NAME, Workstation
from .vmrun import Vmrun


class WorkstationDriver(Driver):
    """Opens `vmware:` URIs."""

    name = "workstation"
    schemes = ("vmware",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect. Raises ConnectError where there is no directory or no vmrun, ValueError."""
        address = parse(uri, self.schemes, ("vmrun", "timeout", "networks"))
        directory, seconds = Path(address.path), address.query.get("timeout", "60")
        if address.host or address.user or not directory.is_absolute() or not re.fullmatch("[1-9][0-9]{0,3}", seconds):
            usage = "vmware:///DIRECTORY?vmrun=PROGRAM&timeout=SECONDS&networks=DIRECTORY"
            raise ValueError(f"not understood: {uri!r}; {usage} is, of 1 to 9999 seconds")
        networks = Path(address.query.get("networks", "/dev"))
        for each in (directory, networks):
            if not each.is_dir():
                raise ConnectError(f"{uri}: {each} is no directory")
        program = shutil.which(address.query.get("vmrun", "vmrun"))
        if program is None:
            raise ConnectError(f"{uri}: there is no program vmrun: name it by vmrun=, or install VMware Workstation")
        return WorkstationConnection(Workstation(directory.resolve(), Vmrun(program, float(seconds)), networks))


class WorkstationConnection(NativeConnection):
    """The machines of one directory."""

    domain_types = ("vmware",)
    hypervisor: Workstation

    @property
    def capabilities(self) -> Capabilities:
        """A limit for each direction, from the next start on."""
        return replace(NATIVE, inbound=True, highest_rate_bps=bps_from_kBps(HIGHEST_KBPS // kbps_from_kBps(1)))

    def handle(self, config: DomainConfig) -> Domain:
        """Make the Domain of a domain."""
        return WorkstationDomain(self, config.name, config.uuid)

    def check_domain(self, config: DomainConfig) -> None:
        """Refuse a name that is too long for the longest name of a file that is made of it."""
        if len(f"{config.name}.vmx.vifkit".encode()) > LONGEST_NAME:
            raise InvalidXmlError("domain/name", f"a file's name has {LONGEST_NAME} bytes, and this one is too long")

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a vif that is on none of VMware's networks."""
        if vif.type != "bridge" or vif.virtualport is not None:
            what = repr(vif.virtualport or vif.type)
            raise UnsupportedError(
                "interface", f"no {what} here: a vif is a 'bridge' to a network of VMware's, as vmnet8"
            )


class WorkstationDomain(HypervisorDomain):
    """One machine."""

    _connection: WorkstationConnection

    def suspend(self) -> None:
        """Have it sleep on the disk: VMware tells nobody of a pause, and of this it does."""
        self._move(State.RUNNING, self._connection.hypervisor.suspend)

    def resume(self) -> None:
        """Wake it."""
        self._move(State.PAUSED, self._connection.hypervisor.resume)

    def _move(self, wanted: State, verb: Callable[[DomainConfig], None]) -> None:
        with self._connection.hypervisor.locked():
            machine = self.machine()
            insist_on(machine, wanted)
            verb(machine.config)
