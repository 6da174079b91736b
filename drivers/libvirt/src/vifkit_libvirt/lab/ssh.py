"""A server for ssh beside a libvirtd."""

from pathlib import Path
from typing import Self

from vifkit_conformance.lab import spawn
from vifkit_conformance.lab.binaries import binary
from vifkit_conformance.lab.command import run

from ..testbed import PrivateLibvirt

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
    """Lets root in, by key, where libvirtd runs; all its files are in one new directory.

    `keyfile` is the user's key, `known_hosts` knows the server's. Raises LabError, LabUnavailableError.
    """

    address = "127.0.0.1"
    port = 2222

    def __init__(self, libvirt: PrivateLibvirt, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700)
        for name in ("host", "user", "stranger"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)])
        self.keyfile = directory / "user"
        self.known_hosts = self.knowing("known_hosts", "host")
        config = directory / "sshd_config"
        config.write_text(_SSHD_CONFIG.format(directory=directory, address=self.address, port=self.port))
        run(libvirt.command("mkdir", "-p", "/run/sshd"))
        sshd = libvirt.command("setpriv", "--pdeathsig", "KILL", binary("sshd"), "-D", "-e", "-f", str(config))
        self._daemon = spawn(sshd, directory / "sshd.log")
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

    def command(self, known_hosts: Path) -> Path:
        """Make the `command` of a URI with `+ssh`: ssh with one list of known hosts and nobody's configuration."""
        path = self.directory / f"ssh-{known_hosts.name}"
        config = path.with_suffix(".config")
        config.write_text(_SSH_CONFIG.format(known_hosts=known_hosts))
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
