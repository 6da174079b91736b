"""What a namespace is and holds while it runs, under any name, and what is left of it afterwards."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from vifkit import (
    BackendError,
    Bandwidth,
    Connection,
    DomainNotFoundError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_conformance.guest import Guests
from vifkit_conformance.lab import Lab, until
from vifkit_netns import host
from vifkit_netns.driver import NetnsDomain, NetnsDriver

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"


@pytest.fixture(scope="session")
def driver() -> NetnsDriver:
    return NetnsDriver()


@pytest.fixture
def directory(lab: Lab, nothing_left: None) -> Iterator[Path]:
    made = lab.directory / "own"
    yield made
    assert not made.exists() or [path.name for path in made.iterdir()] in ([], [".lock"])
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def own(lab: Lab, driver: NetnsDriver, directory: Path) -> Iterator[Connection]:
    """A connection to a directory that is this test's alone."""
    with driver.open(f"netns://{directory}?db={lab.ovs.db}&netns={lab.host.path}") as opened:
        yield opened


def with_init(xml: str, *argv: str) -> str:
    arguments = "".join(f"<initarg>{each}</initarg>" for each in argv[1:])
    return xml.replace("<devices>", f"<os><type>exe</type><init>{argv[0]}</init>{arguments}</os><devices>")


def running(command: str) -> list[int]:
    """The processes with this command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_text().replace("\0", " ").strip() == command:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_an_init_process_runs_in_the_namespace_and_is_gone_after_the_stop(guest: Guests) -> None:
    xml, macs = guest.write(REFERENCE)
    command = f"sleep 1000.{int(macs[0].replace(':', ''), 16)}"
    domain = guest.create(with_init(xml, *command.split()))
    assert isinstance(domain, NetnsDomain)
    until(lambda: running(command), "the process runs")
    assert host.processes(Path(domain.namespace)) == running(command)
    domain.stop()
    until(lambda: not running(command), "the process is gone")


def test_a_stop_ends_what_the_init_process_has_started_as_well(guest: Guests) -> None:
    xml, macs = guest.write()
    command = f"sleep 1000.{int(macs[0].replace(':', ''), 16)}"
    domain = guest.create(with_init(xml, "sh", "-c", f"setsid {command} &amp; {command} &amp; wait"))
    until(lambda: len(running(command)) == 2, "the processes run")
    domain.stop()
    until(lambda: not running(command), "the processes are gone")


def test_an_init_process_that_is_not_there_fails_the_start_and_leaves_nothing(guest: Guests) -> None:
    xml, _ = guest.write(REFERENCE)
    with pytest.raises(BackendError):
        guest.create(with_init(xml, "/nowhere/init"))
    assert guest.connection.domains() == []


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        " around ",
        "Gästin-客-🙂",
        "100%",
        "100%25",
        "-rf",
        "--help",
        ".hidden",
        "...",
        "a;b&c<d>'e\"",
        "$(reboot)",
        "*",
        "x" * 200,
    ],
    ids=lambda name: f"{name:.20}",
)
def test_a_domain_may_have_any_name(guest: Guests, own: Connection, name: str) -> None:
    xml, _ = guest.write(REFERENCE)
    head, _, tail = xml.partition("<name>")
    domain = own.define(f"{head}<name>{escape(name)}</name>{tail.partition('</name>')[2]}")
    domain.start()
    assert (domain.name, own.domain(name).uuid) == (name, domain.uuid)
    assert [(each.name, each.state()) for each in own.domains()] == [(name, State.RUNNING)]
    domain.stop()
    assert own.domain(name).state() is State.SHUTOFF
    domain.undefine()
    assert own.domains() == []


def test_names_that_are_alike_on_disk_are_two_domains(guest: Guests, own: Connection) -> None:
    names = ["a b", "a%20b"]
    for name in names:
        xml, _ = guest.write()
        head, _, tail = xml.partition("<name>")
        own.define(f"{head}<name>{name}</name>{tail.partition('</name>')[2]}")
    assert [each.name for each in own.domains()] == ["a b", "a%20b"]
    for name in names:
        own.domain(name).undefine()


def test_a_name_too_long_for_a_file_is_refused_and_never_found(guest: Guests, own: Connection) -> None:
    xml, _ = guest.write()
    head, _, tail = xml.partition("<name>")
    for name in ("x" * 300, "客" * 100):
        with pytest.raises(BackendError, match="File name too long"):
            own.define(f"{head}<name>{name}</name>{tail.partition('</name>')[2]}")
        with pytest.raises(DomainNotFoundError):
            own.domain(name)
    assert own.domains() == []


def test_a_directory_that_is_gone_is_a_backend_error_that_names_it(
    guest: Guests, own: Connection, directory: Path
) -> None:
    xml, _ = guest.write()
    shutil.rmtree(directory)
    for verb in (own.define, own.create):
        with pytest.raises(BackendError, match=f"{directory}: No such file or directory"):
            verb(xml)
    assert own.domains() == []


def test_a_directory_that_is_read_only_is_a_backend_error_and_nothing_starts(
    guest: Guests, own: Connection, directory: Path
) -> None:
    xml, _ = guest.write(REFERENCE)
    domain = own.define(xml)
    subprocess.run(["mount", "--bind", directory, directory], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", directory], check=True)
        for verb in (domain.start, domain.undefine, lambda: own.create(xml)):
            with pytest.raises(BackendError, match="Read-only file system"):
                verb()
        assert domain.state() is State.SHUTOFF
    finally:
        subprocess.run(["umount", directory], check=True)
    domain.undefine()


def test_the_case_of_a_mac_address_does_not_matter(guest: Guests) -> None:
    xml, _ = guest.write(REFERENCE)
    mac = "52:54:00:ab:cd:ef"
    head, _, tail = xml.partition("<mac address='")
    domain = guest.create(f"{head}<mac address='{mac.upper()}{tail[len(mac) :]}")
    domain.set_bandwidth(mac.upper(), Bandwidth(inbound=Rate(average=256)))
    assert domain.bandwidth(mac) == domain.bandwidth(mac.upper()) == Bandwidth(inbound=Rate(average=256))
    assert [vif.mac for vif in domain.vifs()] == [mac]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<virtualport type='openvswitch'/>", ""),
        ("type='openvswitch'", "type='802.1Qbh'"),
        ("<interface type='bridge'>", "<interface type='network'>"),
        ("<source bridge='br0'/>", ""),
    ],
    ids=["linux-bridge", "other-virtualport", "network", "no-bridge"],
)
def test_an_interface_that_is_not_on_open_vswitch_is_unsupported(guest: Guests, old: str, new: str) -> None:
    xml, _ = guest.write(REFERENCE)
    assert old in xml
    with pytest.raises(UnsupportedError) as caught:
        guest.create(xml.replace(old, new))
    assert caught.value.capability == "interface"
    assert guest.connection.domains() == []


def without_its_port(lab: Lab, port: str) -> None:
    lab.ovs.vsctl("del-port", port)


def without_its_device(lab: Lab, port: str) -> None:
    lab.host.run("ip", "link", "delete", port)


@pytest.mark.parametrize("spoil", [without_its_port, without_its_device])
def test_a_domain_stops_without_what_somebody_took_from_it(guest: Guests, spoil: Callable[[Lab, str], None]) -> None:
    made = guest("")
    spoil(guest.lab, made.device())
    made.domain.stop()
    assert made.domain.state() is State.SHUTOFF


def restart_of_the_host(lab: Lab, *domains: NetnsDomain) -> None:
    """Take away namespaces and devices, as a restart does: the pins are plain files, and the rows still there."""
    for domain in domains:
        pin = Path(domain.namespace)
        for vif in domain.vifs():
            lab.host.run("ip", "link", "delete", str(vif.target))
        subprocess.run(["umount", pin], check=True)
        assert pin.read_bytes() == b""
    lab.ovs.vswitchd.kill()
    lab.ovs.start_vswitchd()


def test_after_a_restart_of_the_host_a_defined_domain_is_shut_off_and_starts_again(guest: Guests) -> None:
    made = guest(REFERENCE, REFERENCE)
    assert isinstance(made.domain, NetnsDomain)
    tree = made.tree(0)
    restart_of_the_host(guest.lab, made.domain)
    assert made.domain.state() is State.SHUTOFF
    assert [vif.target for vif in made.domain.vifs()] == [None, None]
    assert len(guest.lab.ovs.rows("QoS")) == 2  # those of before
    made.domain.start()
    assert (made.tree(0), made.tree(1)) == (tree, tree)
    assert len(guest.lab.ovs.rows("QoS")) == 2
    made.domain.stop()


def test_after_a_restart_of_the_host_a_created_domain_is_gone_and_may_be_created_again(guest: Guests) -> None:
    xml, _ = guest.write(REFERENCE)
    domain = guest.create(xml)
    assert isinstance(domain, NetnsDomain)
    restart_of_the_host(guest.lab, domain)
    assert guest.connection.domains() == []
    with pytest.raises(DomainNotFoundError):
        guest.connection.domain(domain.name)
    again = guest.create(xml)
    assert again.state() is State.RUNNING
    again.stop()
    assert guest.connection.domains() == []


def test_a_domain_of_another_directory_keeps_its_ports(guest: Guests, own: Connection) -> None:
    made = guest(REFERENCE)
    tree = made.tree()
    with pytest.raises(BackendError):
        own.create(made.domain.xml())
    assert made.tree() == tree
    assert made.port()["ofport"] > 0
