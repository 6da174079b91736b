"""A host that is reached by ssh alone: a lab with a server for ssh, and a client in another namespace."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from vifkit_conformance.lab import Lab, Namespace, SshServer, veth

_HOST, _CLIENT = "192.0.2.1", "192.0.2.2"
# Where its tools look for Open vSwitch, they find the lab's.
_OWN_RUN = (
    'mount -t tmpfs run /run && mkdir /run/openvswitch && mount --bind "$1" /run/openvswitch && shift && exec "$@"'
)


@dataclass(frozen=True)
class Hypervisor:
    """`lab` is the host, `client` the namespace from which it is reached."""

    lab: Lab
    client: Namespace
    ssh: SshServer

    @property
    def hosts(self) -> str:
        """The value of `--hosts`."""
        config = self.ssh.config(self.ssh.known_hosts)
        return f"ssh://root@{_HOST}:{self.ssh.port}?ssh_config={config}&ssh_identity_file={self.ssh.keyfile}"

    @property
    def driver_uri(self) -> str:
        """Where the driver of network namespaces connects: it is no remote one, and goes by files of this machine."""
        return f"netns://{quote(str(self.lab.directory))}/domains?db={quote(self.lab.ovs.db)}&netns={quote(self.lab.host.path)}"

    @property
    def prefix(self) -> list[str]:
        """The words before a command that runs at the client's."""
        return self.client.command(["env"])


@contextmanager
def hypervisor() -> Iterator[Hypervisor]:
    """Boot one, with the bridge br0."""
    with Lab() as lab:
        lab.bridge()
        client = lab.namespace()
        ends = lab.enter(veth(lab.host, "ssh0", "eth0", client))
        for end, address in zip(ends, (_HOST, _CLIENT), strict=True):
            end.add_address(f"{address}/24")
        with SshServer(lambda *argv: own_run(lab, *argv), lab.directory / "ssh", _HOST) as ssh:
            yield Hypervisor(lab, client, ssh)


def own_run(lab: Lab, *argv: str) -> list[str]:
    """Return the command that runs another on the host, with a /run of its own."""
    return lab.host.command(["unshare", "--mount", "sh", "-c", _OWN_RUN, "sh", str(lab.directory), *argv])


def remains(lab: Lab) -> list[Path]:
    """List what is left of domains."""
    return list(Path(lab.directory, "domains").glob("*"))
