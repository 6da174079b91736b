"""The ways in to a libvirtd: each is the same driver, and who is not known does not get in."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from vifkit import Bandwidth, ConnectError, Connection, Rate
from vifkit_conformance.bandwidths import REFERENCE
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.guest import Guests
from vifkit_conformance.lab import Lab, LabUnavailableError, SshServer, until
from vifkit_conformance.leftovers import Leftovers
from vifkit_conformance.suite.trees import differences
from vifkit_libvirt.lab import Authority
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_qemu.driver import QemuDriver
from vifkit_qemu.testbed import QemuTestbed

pytestmark = pytest.mark.switch

HOST = "127.0.0.1"  # of the lab's own namespace
LISTENS = f'listen_tcp = 1\nlisten_addr = "{HOST}"\nauth_tcp = "none"\n'


@dataclass(frozen=True)
class House:
    """A libvirtd that is reached in every way."""

    lab: Lab
    libvirt: PrivateLibvirt
    authority: Authority
    ssh: SshServer

    def uri(self, transport: str, host: str = "", ours: Mapping[str, object] | None = None, /, **theirs: object) -> str:
        """Write a URI; `ours` are our own parameters, by default those that a complete view takes."""
        complete = {"db": self.lab.ovs.db, "netns": self.lab.host.path}
        asked = {**theirs, **(complete if ours is None else ours)}
        return f"qemu+{transport}://{host}/system?" + "&".join(
            f"{name}={quote(str(value), safe='/:')}" for name, value in asked.items()
        )

    def ssh_uri(self, transport: str, **theirs: object) -> str:
        """Write a URI for one of the transports that are ssh."""
        host = f"root@{self.ssh.address}:{self.ssh.port}"
        return self.uri(transport, host, **({"keyfile": self.ssh.keyfile} | theirs))

    def open(self, uri: str) -> Connection:
        """Connect, as if from the lab's namespace."""
        return self.lab.host.call(QemuDriver().open, uri)


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, lab: Lab, uri: str) -> Iterator[House]:
    """All that there is beside `uri`, whose testbed has made the guests' disk."""
    try:
        authority = Authority(lab.directory / "pki")
        authority.issue("server", HOST)
        authority.issue("client")
        with (
            PrivateLibvirt(lab, libvirtd_conf=LISTENS + authority.libvirtd_conf(HOST)) as libvirt,
            SshServer(libvirt.command, lab.directory / "ssh") as ssh,
        ):
            yield House(lab, libvirt, authority, ssh)
    except LabUnavailableError as error:
        lacking(request.config, str(error))


WAYS: dict[str, Callable[[House], str]] = {
    "unix": lambda house: house.uri("unix", socket=house.libvirt.socket),
    "tcp": lambda house: house.uri("tcp", HOST),
    "tls": lambda house: house.uri("tls", HOST, pkipath=house.authority.directory),
    "tls-by-default": lambda house: house.uri("tls", HOST, pkipath=house.authority.directory).replace("+tls", "", 1),
    "ssh": lambda house: house.ssh_uri("ssh", command=house.ssh.command(house.ssh.known_hosts), no_tty=1),
    "ssh-netcat": lambda house: house.ssh_uri(
        "ssh", command=house.ssh.command(house.ssh.known_hosts), no_tty=1, proxy="netcat"
    ),
    "libssh": lambda house: house.ssh_uri(
        "libssh", known_hosts=house.ssh.known_hosts, known_hosts_verify="normal", sshauth="privkey"
    ),
    "libssh2": lambda house: house.ssh_uri(
        "libssh2", known_hosts=house.ssh.known_hosts, known_hosts_verify="normal", sshauth="privkey"
    ),
}


def children() -> list[str]:
    """The names of this process's children."""
    found = []
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in listed.read_text().split():
            with suppress(FileNotFoundError):
                found.append(Path("/proc", pid, "comm").read_text().strip())
    return found


@contextmanager
def guests(house: House, uri: str, testbed: QemuTestbed) -> Iterator[Guests]:
    """Make guests by a connection; nothing of them is left."""
    before = Leftovers.of(house.lab)
    with house.open(uri) as connection:
        made = Guests(connection, testbed, house.lab)
        yield made
        made.close()
        assert connection.domains() == []
    assert str(Leftovers.of(house.lab) - before) == ""


@pytest.mark.parametrize("way", WAYS)
def test_each_way_leads_to_a_shaped_domain(house: House, testbed: QemuTestbed, way: str) -> None:
    with guests(house, WAYS[way](house), testbed) as guest:
        assert "libvirt" in guest.connection.version()
        made = guest(REFERENCE)
        assert [each.name for each in guest.connection.domains()] == [made.domain.name]
        assert differences(made.tree(), "reference") == []
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512, peak=512)))
        assert (made.tree().classes["1:1"].rate, made.tree().classes["1:1"].ceil) == (512_000, 512_000)
        assert made.domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=512, peak=512))
        made.domain.stop()
        assert guest.lab.ovs.rows("QoS") == guest.lab.ovs.rows("Queue") == []


def test_ssh_ends_when_the_connection_is_closed(house: House) -> None:
    connection = house.open(WAYS["ssh"](house))
    assert "ssh" in children()
    connection.close()
    until(lambda: "ssh" not in children(), "ssh has ended")


def test_where_the_kernel_is_not_ours_to_see_the_rows_are_what_counts(house: House, testbed: QemuTestbed) -> None:
    with guests(house, house.uri("tcp", HOST, {"db": house.lab.ovs.db}), testbed) as guest:
        assert guest.connection.capabilities.outbound is False
        made = guest(REFERENCE)
        queue = made.queue()
        assert queue["other_config"] == {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
        assert differences(made.tree(), "reference") == []
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=512)))
        assert made.queue()["other_config"] == {"min-rate": "4096000", "max-rate": "4096000"}
        made.domain.set_bandwidth(made.mac, None)
        assert made.qos() is None


def test_a_remote_libvirt_that_is_not_repaired_needs_no_database(house: House, testbed: QemuTestbed) -> None:
    with guests(house, house.uri("tcp", HOST, {"repair": "off"}), testbed) as guest:
        made = guest("<bandwidth><inbound average='512'/></bandwidth>")
        assert made.queue()["other_config"] == {"min-rate": "4096000"}  # libvirt's own: no max-rate
        made.domain.stop()
        for table in ("QoS", "Queue"):  # which it leaves
            house.lab.ovs.vsctl("--all", "destroy", table)


def test_a_client_of_another_authority_does_not_get_in(house: House, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.issue("client")
    shutil.copy(house.authority.directory / "cacert.pem", stranger.directory / "cacert.pem")
    with pytest.raises(ConnectError, match="hasn't got a known issuer") as caught:  # its own libvirt says so
        house.open(house.uri("tls", HOST, pkipath=stranger.directory))
    assert "\n" not in str(caught.value)
    with pytest.raises(ConnectError) as caught:  # libvirtd says so
        house.open(house.uri("tls", HOST, pkipath=stranger.directory, no_sanity=1))
    assert "\n" not in str(caught.value)


def test_a_server_of_another_authority_is_not_trusted(house: House, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.issue("client")
    with pytest.raises(ConnectError, match="Failed to verify peer's certificate"):
        house.open(house.uri("tls", HOST, pkipath=stranger.directory))


def test_a_certificate_for_another_name_is_not_trusted(house: House) -> None:
    with pytest.raises(ConnectError, match="Failed to verify peer's certificate"):
        house.open(house.uri("tls", "localhost", pkipath=house.authority.directory))


def test_a_client_without_certificates_is_told_what_is_missing(house: House) -> None:
    with pytest.raises(ConnectError, match=r"Cannot read CA certificate '/nowhere/cacert\.pem'"):
        house.open(house.uri("tls", HOST, pkipath="/nowhere"))


@pytest.mark.parametrize("known", [(), ("stranger",)], ids=["unknown", "changed"])
@pytest.mark.parametrize(
    ("transport", "said"),
    [
        ("ssh", "Host key verification failed"),
        ("libssh", "HOST KEY VERIFICATION FAILED|Can't verify the session host key"),
        ("libssh2", "HOST KEY VERIFICATION FAILED|Can't verify the session host key"),
    ],
)
def test_a_server_whose_key_is_not_known_is_not_trusted(
    house: House, transport: str, said: str, known: tuple[str, ...]
) -> None:
    hosts = house.ssh.knowing("known-" + "-".join(known), *known)
    how: dict[str, object] = {"known_hosts": hosts, "known_hosts_verify": "normal", "sshauth": "privkey"}
    if transport == "ssh":
        how = {"command": house.ssh.command(hosts), "no_tty": 1}
    with pytest.raises(ConnectError, match=said) as caught:
        house.open(house.ssh_uri(transport, **how))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("transport", "said"),
    [("ssh", "Permission denied"), ("libssh", "Access denied"), ("libssh2", "authentication failed")],
)
def test_a_key_that_is_not_authorised_does_not_get_in(house: House, transport: str, said: str) -> None:
    how: dict[str, object] = {"known_hosts": house.ssh.known_hosts, "sshauth": "privkey"}
    if transport == "ssh":
        how = {"command": house.ssh.command(house.ssh.known_hosts), "no_tty": 1}
    with pytest.raises(ConnectError, match=said) as caught:
        house.open(house.ssh_uri(transport, keyfile=house.ssh.directory / "stranger", **how))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("transport", "host", "said"),
    [
        ("tcp", f"{HOST}:1", "unable to connect to server at '127.0.0.1:1': Connection refused"),
        ("tcp", "nowhere.invalid", "Unable to resolve address 'nowhere.invalid'"),
        ("pigeon", HOST, "transport in URL not recognised"),
    ],
)
def test_a_host_that_is_not_there_is_a_connect_error_that_names_it(
    house: House, transport: str, host: str, said: str
) -> None:
    with pytest.raises(ConnectError, match=said) as caught:
        house.open(house.uri(transport, host))
    assert "\n" not in str(caught.value)
