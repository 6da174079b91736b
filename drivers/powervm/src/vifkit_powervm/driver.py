"""The POWER Hypervisor, by the command line of the HMC that manages it.

    hmc://hscroot@hmc.example/Server-9009-22A-SN7800ABC?keyfile=/root/.ssh/hmc

The path is the managed system, by its name or as tttt-mmm*sssssss. `keyfile` is the user's private key, or
`credentials` a file with a line 'password = …'; with neither, nor a provider, the agent is asked, and the keys in
~/.ssh are tried. `known_hosts` has the HMC's host key (default ~/.ssh/known_hosts), `timeout` the seconds that one
command may take (120).
"""

import re
from pathlib import Path

import asyncssh

import vifkit
from vifkit import Bandwidth, Capabilities, ConnectError, Credentials, Shaping, UnsupportedError, Vif
from vifkit_base.native import NativeConnection
from vifkit_base.opening import opened
from vifkit_base.secrets import secret
from vifkit_base.uri import Address, parse

from .adapters import DOMAIN_TYPE
from .console import Console
from .hypervisor import PowerHypervisor


class PowervmDriver(vifkit.Driver):
    """Opens `hmc:` URIs."""

    name = "powervm"
    schemes = ("hmc",)

    def open(self, uri: str, credentials: Credentials | None = None) -> vifkit.Connection:
        """Connect. Raises ConnectError if the HMC is not to be had or does not let us in, ValueError."""
        address = parse(uri, self.schemes, ("keyfile", "credentials", "known_hosts", "timeout"))
        system = address.path.removeprefix("/")
        timeout = address.query.get("timeout", "120")
        sound = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.*-]*", system) and re.fullmatch("[1-9][0-9]{0,2}", timeout)
        if address.host is None or not sound:
            raise ValueError(f"not understood: {uri!r}; hmc://USER@HMC/MANAGED-SYSTEM?timeout=1 to 999 seconds is")
        console = Console(address.host, address.port or 22, _options(address, credentials), float(timeout))
        return opened(address.host, lambda: PowervmConnection(PowerHypervisor(console, system)), console.close)


class PowervmConnection(NativeConnection):
    """The LPARs of a managed system. Their virtual Ethernet adapters know no rate, and so nothing is shaped."""

    domain_types = (DOMAIN_TYPE,)

    @property
    def capabilities(self) -> Capabilities:
        """Persistent domains, and nothing else."""
        return Capabilities(shaping=Shaping.NONE, persistent_domains=True)

    def check(self, vif: Vif, bandwidth: Bandwidth | None) -> None:
        """Refuse what is no virtual Ethernet adapter on a virtual switch."""
        if vif.type != "bridge" or vif.virtualport is not None:
            wanted = f"an interface of type 'bridge' without a virtualport, not of type {vif.type!r}"
            raise UnsupportedError("interface", f"an LPAR's adapter on a virtual switch is {wanted}")
        if vif.target is not None:
            raise UnsupportedError("interface", f"{vif.target!r}: an LPAR's adapter has no device on any host")


def _options(address: Address, credentials: Credentials | None) -> asyncssh.SSHClientConnectionOptions:
    """Choose how to log in: by a key, or by a password, with which no key is offered. Raises ConnectError."""
    paths = {name: Path(value).expanduser() for name, value in address.query.items() if name != "timeout"}
    file, keyfile = paths.get("credentials"), paths.get("keyfile")
    known_hosts = paths.get("known_hosts", Path.home() / ".ssh/known_hosts")
    by_password = keyfile is None and (file is not None or credentials is not None)
    user = address.user or secret("username", credentials, file)
    password = secret("password", credentials, file) if by_password else None
    if keyfile is not None and keyfile.exists() and keyfile.stat().st_mode & 0o077:
        raise ConnectError(f"{keyfile}: a key that others may not read is needed: chmod 600 it")
    try:
        known_hosts.read_bytes()  # without it asyncssh would look elsewhere
        return asyncssh.SSHClientConnectionOptions(
            username=user,
            password=password,
            client_keys=None if by_password else [str(keyfile)] if keyfile else (),
            agent_path=None if by_password or keyfile else (),
            preferred_auth=["password", "keyboard-interactive"] if by_password else ["publickey"],
            known_hosts=str(known_hosts),
            config=None,
            x509_trusted_certs=None,
        )
    except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise ConnectError(f"{keyfile or known_hosts}: {error}") from error
