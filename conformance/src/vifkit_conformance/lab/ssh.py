"""A server for ssh, by which a lab is a remote host."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from .binaries import binary
from .command import run
from .process import spawn

_SSHD_CONFIG = """AuthorizedKeysFile {directory}/user.pub
HostKey {directory}/host
ListenAddress {address}
Port {port}
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
StrictModes no
UsePAM no
"""
_SSH_CONFIG = """UserKnownHostsFile {known_hosts}
GlobalKnownHostsFile none
StrictHostKeyChecking yes
IdentitiesOnly yes
"""


class SshServer:
    """Lets root in, by key; all its files are in one new directory.

    `command` gives the command that runs another where the server is to be, with a /run of its own. `keyfile` is the
    user's key, `known_hosts` knows the server's. Raises LabError, LabUnavailableError.
    """

    port = 2222

    def __init__(self, command: Callable[..., list[str]], directory: Path, address: str = "127.0.0.1") -> None:
        self.directory = directory
        self.address = address
        directory.mkdir(mode=0o700)
        for name in ("host", "user", "stranger"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)])
        self.keyfile = directory / "user"
        self.known_hosts = self.knowing("known_hosts", "host")
        config = directory / "sshd_config"
        config.write_text(_SSHD_CONFIG.format(directory=directory, address=self.address, port=self.port))
        sshd = ("setpriv", "--pdeathsig", "KILL", binary("sshd"), "-D", "-e", "-f", str(config))
        ready = ("sh", "-c", 'mkdir -p /run/sshd && exec "$@"', "sh")
        self._daemon = spawn(command(*ready, *sshd), directory / "sshd.log")
        try:
            self._daemon.wait_for(lambda: "listening" in self._daemon.log.read_text(), "listens")
        except BaseException:
            self.close()
            raise

    def knowing(self, name: str, *hosts: str) -> Path:
        """Make a file that knows the server by these keys."""
        path = self.directory / name
        public = ((self.directory / f"{host}.pub").read_text() for host in hosts)
        path.write_text("".join(f"[{self.address}]:{self.port} {key}" for key in public))
        return path

    def config(self, known_hosts: Path) -> Path:
        """Make a configuration of ssh with one list of known hosts, and nothing of anybody's."""
        path = self.directory / f"ssh-{known_hosts.name}.config"
        path.write_text(_SSH_CONFIG.format(known_hosts=known_hosts))
        return path

    def command(self, known_hosts: Path) -> Path:
        """Make the `command` of a URI with `+ssh`: ssh with that configuration."""
        path = self.directory / f"ssh-{known_hosts.name}"
        config = self.config(known_hosts)
        path.write_text(f'#!/bin/sh\nexec {binary("ssh")} -F {config} "$@"\n')
        path.chmod(0o700)
        return path

    def close(self) -> None:
        """End it; may be called again."""
        self._daemon.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
