"""The POWER Hypervisor, by the command line of the HMC that manages it.

    hmc://hscroot@hmc.example/Server-9009-22A-SN7800ABC?keyfile=/root/.ssh/hmc

The path is the managed system, by its name or as tttt-mmm*sssssss. `keyfile` is the user's private key, or
`credentials` a file with a line 'password = …'; with neither, nor a provider, the agent is asked, and the keys in
~/.ssh are tried. `known_hosts` has the HMC's host key (default ~/.ssh/known_hosts), `timeout` the seconds that one
command may take (120).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

import vifkit
from vifkit import Bandwidth, Capabilities, ConnectError, Credentials, Shaping, UnsupportedError, Vif
from vifkit_base.native import NativeConnection
from vifkit_base.opening import opened
from vifkit_base.secrets import insist_private, secret
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
    given = {"known_hosts": "~/.ssh/known_hosts", **address.query}
    with _blamed("the URI", "a path that begins with ~ leads to nobody's home"):
        paths = {name: Path(value).expanduser() for name, value in given.items() if name != "timeout"}
    file, keyfile, known_hosts = paths.get("credentials"), paths.get("keyfile"), paths["known_hosts"]
    by_password = keyfile is None and (file is not None or credentials is not None)
    user = address.user or secret("username", credentials, file)
    password = secret("password", credentials, file) if by_password else None
    with _blamed(known_hosts, "it is no list of host keys"):
        host_keys = asyncssh.import_known_hosts(known_hosts.read_text(encoding="utf-8"))
    with _blamed(keyfile or "~/.ssh", "no private key, or one with a passphrase"):
        if keyfile is not None:
            insist_private(keyfile, keyfile.stat())
        return asyncssh.SSHClientConnectionOptions(
            username=user,
            password=password,
            client_keys=None if by_password else [str(keyfile)] if keyfile else (),
            agent_path=None if by_password or keyfile else (),
            preferred_auth=["password", "keyboard-interactive"] if by_password else ["publickey"],
            known_hosts=host_keys,
            config=None,
            x509_trusted_certs=None,
        )


@contextmanager
def _blamed(where: object, said: str) -> Iterator[None]:
    """Say what is wrong with a file, without a word of what it holds, which the errors of others may quote."""
    try:
        yield
    except ConnectError:  # which is an OSError, too
        raise
    except OSError as error:
        raise ConnectError(f"{where}: {error.strerror or said}") from error
    except (ValueError, RuntimeError):
        raise ConnectError(f"{where}: {said}") from None
