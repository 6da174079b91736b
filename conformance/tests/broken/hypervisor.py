"""A host that is reached by ssh alone: a lab with a server for ssh, and a client in another namespace."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from vifkit_conformance.lab import Lab, Namespace, SshServer, veth

_HOST, _CLIENT = "192.0.2.1", "192.0.2.2"
# Where its tools look for Open vSwitch, they find the lab's; and it lacks what something is mounted over.
_OWN_RUN = """
mount -t tmpfs run /run && mkdir /run/openvswitch && mount --bind "$1" /run/openvswitch
for program in $2; do mount --bind /dev/null "$program"; done
shift 2
exec "$@"
"""


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
        """Where the driver of network namespaces connects: it is no remote one, and goes by this machine's files."""
        switch = f"db={quote(self.lab.ovs.db)}&netns={quote(self.lab.host.path)}"
        return f"netns://{quote(str(self.lab.directory))}/domains?{switch}"

    def worker(self, python: str, directory: Path) -> str:
        """The value of pytest-xdist's `--tx` for a worker there, started by a command in a directory."""
        config = self.ssh.config(self.ssh.known_hosts)
        login = f"-p {self.ssh.port} -i {self.ssh.keyfile} root@{_HOST}"
        return f"ssh={login}//ssh_config={config}//python={python}//chdir={directory}"

    @property
    def prefix(self) -> list[str]:
        """The words before a command that runs at the client's."""
        return self.client.command(["env"])


@contextmanager
def hypervisor(lacks: Sequence[str] = (), bridge: str = "br0") -> Iterator[Hypervisor]:
    """Boot one; it lacks programs, given by path."""
    with Lab() as lab:
        lab.bridge(bridge)
        client = lab.namespace()
        ends = lab.enter(veth(lab.host, "ssh0", "eth0", client))
        for end, address in zip(ends, (_HOST, _CLIENT), strict=True):
            end.add_address(f"{address}/24")
        own_run = ["unshare", "--mount", "sh", "-ec", _OWN_RUN, "sh", str(lab.directory), " ".join(lacks)]
        with SshServer(lambda *argv: lab.host.command([*own_run, *argv]), lab.directory / "ssh", _HOST) as ssh:
            yield Hypervisor(lab, client, ssh)
