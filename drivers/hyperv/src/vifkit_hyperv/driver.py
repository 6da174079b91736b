"""Hyper-V by PowerShell over WinRM.

    hyperv://USER@HOST:5986/?credentials=FILE&cacert=FILE&timeout=60

`credentials` is a file of 'username = …' and 'password = …' that only its owner may read, for where no provider is
given; the host is told who asks by Negotiate: Kerberos where that is installed, else NTLM. `cacert` is a file of the
certificates to trust, by default the system's. `timeout` is how many seconds any call may take.
"""

import ssl
import warnings
from dataclasses import replace

from vifkit import (
    Bandwidth,
    BandwidthWarning,
    Capabilities,
    Connection,
    Credentials,
    DomainConfig,
    Driver,
    State,
    UnsupportedError,
    Vif,
    VifkitError,
)
from vifkit_base.connection import insist_on
from vifkit_base.domain import HypervisorDomain
from vifkit_base.https import trust
from vifkit_base.native import NATIVE, NativeConnection
from vifkit_base.secrets import account
from vifkit_base.uri import parse

from .hyperv import HyperV
from .looking import TYPE
from .remote import Command, Remote, command

HIGHEST_BPS = (2**63 - 1) // 8000 * 8000
"""The most whole kB/s that -MaximumBandwidth takes, an Int64."""
_WILDCARDS = frozenset("*?[]`")


class HypervDriver(Driver):
    """Opens `hyperv:` URIs."""

    name = "hyperv"
    schemes = ("hyperv",)

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        """Connect.

        Raises ConnectError, also where the host does not accept who asks, and ValueError for a URI that
        is not understood.
        """
        address = parse(uri, self.schemes, ("credentials", "cacert", "timeout"))
        timeout = address.query.get("timeout", "60")
        sound = timeout.isascii() and timeout.isdecimal() and 1 <= int(timeout[:9]) <= 3600
        if not address.host or address.path not in ("", "/") or not sound:
            raise ValueError(f"not understood: {uri!r}; hyperv://USER@HOST:5986/?timeout=60 is, of 1 to 3600 seconds")
        cacert = address.query.get("cacert")
        if cacert is not None:
            trust(cacert)  # requests would blame the host for a file that holds no certificate
        verify = cacert or ssl.get_default_verify_paths().cafile or True
        remote = Remote(address.host, address.port or 5986, account(address, credentials), verify, int(timeout))
        try:
            return HypervConnection(HyperV(remote))
        except VifkitError:
            remote.close()
            raise


class HypervConnection(NativeConnection):
    """The virtual machines of one host, which limits what their guests send."""

    domain_types = (TYPE,)
    network = "a virtual switch"
    hypervisor: HyperV

    def __init__(self, hypervisor: HyperV) -> None:
        super().__init__(hypervisor)
        modes = hypervisor.modes()
        peak = bool(modes) and set(modes.values()) == {"Absolute"}
        self._capabilities = replace(NATIVE, peak=peak, live_update=True, highest_rate_bps=HIGHEST_BPS)

    @property
    def capabilities(self) -> Capabilities:
        """What this host does: a peak where every switch has minimum bandwidths in bits/s, when it was opened."""
        return self._capabilities

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse a vif that is on no switch of Hyper-V's, and a peak that its switch does not allow; warn of others."""
        super().check(vif, bandwidth)
        if _WILDCARDS & set(str(vif.source)):
            raise UnsupportedError("interface", f"a switch's name {vif.source!r} would be a pattern to PowerShell")
        rate = bandwidth.outbound if bandwidth else None
        if rate and rate.peak and rate.average and rate.peak > rate.average:
            text = f"the guest may send {rate.peak} kB/s for ever; {rate.average} kB/s is only guaranteed"
            warnings.warn(BandwidthWarning("peak-is-the-limit", text), stacklevel=4)

    def handle(self, config: DomainConfig) -> "HypervDomain":
        """Make the Domain of a domain."""
        return HypervDomain(self, config.name, config.uuid)


class HypervDomain(HypervisorDomain):
    """One virtual machine."""

    _connection: HypervConnection

    def bandwidth(self, mac: str) -> Bandwidth | None:
        """Give a vif's bandwidth; warn where somebody has set what kilobytes/s do not say."""
        found = super().bandwidth(mac)
        for finding in self._connection.hypervisor.findings(self.uuid, mac.lower()):
            warnings.warn(BandwidthWarning(finding.code, finding.message), stacklevel=2)
        return found

    def suspend(self) -> None:
        """Pause it. Raises InvalidStateError if it is not running."""
        self._act(State.RUNNING, command("Suspend-VM"))

    def resume(self) -> None:
        """Let it go on. Raises InvalidStateError if it is not paused."""
        self._act(State.PAUSED, command("Resume-VM"))

    def _act(self, wanted: State, action: Command) -> None:
        with self._connection.hypervisor.locked():
            machine = self.machine()
            insist_on(machine, wanted)
            self._connection.hypervisor.act(machine.config, action)
