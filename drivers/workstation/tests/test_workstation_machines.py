"""What a domain becomes in VMware's files, and what of VMware's files a domain is."""

from pathlib import Path

import pytest

from vifkit import (
    Bandwidth,
    Connection,
    InvalidStateError,
    InvalidXmlError,
    Rate,
    State,
    SupportsResume,
    SupportsSuspend,
    UnsupportedError,
)
from vifkit_workstation.double.install import Double
from vifkit_workstation.driver import WorkstationDriver

UUID = "0a1b2c3d-1111-4222-8333-444455556666"
FIRST, SECOND = "52:54:00:00:00:01", "00:50:56:00:00:02"


def interface(mac: str, inside: str = "", bridge: str = "br0") -> str:
    return f"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/>{inside}</interface>"


def domain(
    *interfaces: str, name: str = "web", uuid: str = UUID, memory: str = "<memory unit='MiB'>510</memory>"
) -> str:
    return (
        f"<domain type='vmware'><name>{name}</name><uuid>{uuid}</uuid>{memory}<vcpu>2</vcpu>"
        f"<devices>{''.join(interfaces)}</devices></domain>"
    )


LIMITED = "<bandwidth><inbound average='512'/><outbound average='77'/></bandwidth>"


def lines(vmx: Path) -> list[str]:
    """Give the lines but the note."""
    return [line for line in vmx.read_text(encoding="utf-8").splitlines() if not line.startswith("vifkit.note")]


def test_a_definition_becomes_a_vmx_file(vmware: Double, machines: Connection) -> None:
    machines.define(domain(interface(FIRST, LIMITED), interface(SECOND, "<model type='vmxnet3'/>", bridge="vmnet8")))
    assert lines(vmware.vmx("web")) == [
        '.encoding = "UTF-8"',
        'config.version = "8"',
        'virtualHW.version = "8"',
        'guestOS = "other"',
        'displayName = "web"',
        'uuid.bios = "0a 1b 2c 3d 11 11 42 22-83 33 44 44 55 55 66 66"',
        'memsize = "512"',
        'numvcpus = "2"',
        'ethernet0.present = "TRUE"',
        'ethernet0.virtualDev = "e1000"',
        'ethernet0.connectionType = "custom"',
        'ethernet0.vnet = "br0"',
        'ethernet0.addressType = "static"',
        'ethernet0.address = "52:54:00:00:00:01"',
        'ethernet0.checkMACAddress = "FALSE"',
        'ethernet0.rxbw.limit = "4096"',
        'ethernet0.txbw.limit = "616"',
        'ethernet1.present = "TRUE"',
        'ethernet1.virtualDev = "vmxnet3"',
        'ethernet1.connectionType = "custom"',
        'ethernet1.vnet = "vmnet8"',
        'ethernet1.addressType = "static"',
        'ethernet1.address = "00:50:56:00:00:02"',
    ]
    assert sorted(each.name for each in vmware.machines.rglob("*")) == [".vifkit.lock", "web", "web.vmx"]


# As Workstation writes it, but for its length.
THEIRS = b"""#!/usr/bin/vmware\r
.encoding = "windows-1252"\r
config.version = "8"\r
virtualHW.version = "16"\r
displayName = "Caf\xe9"\r
guestOS = "ubuntu-64"\r
nvme0:0.fileName = "Caf\xe9.vmdk"\r
ethernet0.connectionType = "nat"\r
ethernet0.addressType = "generated"\r
ethernet0.virtualDev = "e1000"\r
ethernet0.present = "TRUE"\r
ethernet0.rxbw.limit = "1544"\r
ethernet0.rxfi.droprate = "0"\r
ethernet0.txbw.limit = "-1"\r
ethernet0.generatedAddress = "00:0C:29:4C:23:7B"\r
ethernet0.pciSlotNumber = "33"\r
ethernet1.present = "FALSE"\r
ethernet2.present = "TRUE"\r
ethernet2.connectionType = "pvn"\r
ethernet2.addressType = "generated"\r
ethernet2.generatedAddress = "00:0c:29:4c:23:85"\r
ethernet3.present = "TRUE"\r
uuid.bios = "56 4d cd 3f 59 5b 61 43-fd 73 ef 46 56 4c 23 7b"\r
checkpoint.vmState = ""\r
"""


@pytest.fixture
def theirs(vmware: Double) -> Path:
    directory = vmware.machines / "Café"
    directory.mkdir()
    path = directory / "old name.vmx"
    path.write_bytes(THEIRS)
    path.chmod(0o750)
    return path


def test_a_machine_of_vmwares_own_is_a_domain(theirs: Path, machines: Connection) -> None:
    found = machines.domain("Café")
    assert found.uuid == "564dcd3f-595b-6143-fd73-ef46564c237b"
    assert found.state() is State.SHUTOFF
    assert [(vif.mac, vif.type, vif.source) for vif in found.vifs()] == [
        ("00:0c:29:4c:23:7b", "bridge", "vmnet8"),
        ("00:0c:29:4c:23:85", "bridge", None),
    ]
    assert found.bandwidth("00:0c:29:4c:23:7b") == Bandwidth(inbound=Rate(average=193))
    assert [each.name for each in machines.domains()] == ["Café"]


def test_of_a_machine_of_vmwares_own_only_the_limits_change(theirs: Path, machines: Connection) -> None:
    found = machines.domain("Café")
    found.set_bandwidth("00:0C:29:4C:23:7B", Bandwidth(inbound=Rate(average=512)))
    found.set_bandwidth("00:0c:29:4c:23:85", Bandwidth(outbound=Rate(average=1)))
    wanted = THEIRS.replace(b'"1544"', b'"4096"').replace(b'ethernet0.txbw.limit = "-1"\r\n', b"")
    assert theirs.read_bytes() == wanted + b'ethernet2.txbw.limit = "8"\r\n'
    assert theirs.stat().st_mode & 0o777 == 0o750
    assert [each.name for each in theirs.parent.iterdir()] == ["old name.vmx"]


def test_a_machine_of_vmwares_own_that_is_defined_anew_keeps_what_no_domain_says(
    theirs: Path, machines: Connection
) -> None:
    vif = f"<interface type='bridge'><mac address='00:0c:29:4c:23:7b'/><source bridge='br0'/>{LIMITED}</interface>"
    machines.define(domain(vif, name="Café", uuid=machines.domain("Café").uuid))
    text = theirs.read_bytes()
    for kept in (
        b'nvme0:0.fileName = "Caf\xe9.vmdk"\r\n',
        b'virtualHW.version = "16"\r\n',
        b'displayName = "Caf\xe9"\r\n',
    ):
        assert kept in text
    assert b'ethernet0.pcislotnumber = "33"\r\n' in text
    assert b'ethernet0.generatedAddress = "00:0c:29:4c:23:7b"\r\n' in text
    assert b'ethernet0.rxbw.limit = "4096"\r\n' in text
    assert b"ethernet2" not in text


def test_what_has_a_disk_is_forgotten_and_not_deleted(theirs: Path, machines: Connection) -> None:
    disk = theirs.with_name("Café.vmdk")
    disk.write_bytes(b"disk")
    theirs.with_name("vmware.log").touch()
    machines.domain("Café").undefine()
    assert sorted(each.name for each in theirs.parent.iterdir()) == ["Café.vmdk", "vmware.log"]
    assert machines.domains() == []


def test_what_was_never_more_than_its_files_is_deleted(vmware: Double, machines: Connection) -> None:
    made = machines.create(domain(interface(FIRST)))
    (vmware.machines / "web/web.nvram").touch()
    made.stop()
    assert [each.name for each in vmware.machines.iterdir()] == [".vifkit.lock"]


@pytest.mark.parametrize(
    ("limit", "average"),
    [("28", 4), ("56", 7), ("1", 1), ("-1", None), ("0", None), ("", None), ("fast", None), ("99999999999", None)],
)
def test_a_limit_of_vmwares_own_is_told_in_kilobytes(
    theirs: Path, machines: Connection, limit: str, average: int | None
) -> None:
    theirs.write_bytes(THEIRS.replace(b'"1544"', f'"{limit}"'.encode()))
    held = machines.domain("Café").bandwidth("00:0c:29:4c:23:7b")
    assert (held and held.inbound and held.inbound.average) == average


@pytest.mark.parametrize("name", ['a "b"; c', "it's $(id) `id` | %s", "-leading", "--nogui", "wört ☃", "ünïcode " * 12])
def test_a_name_is_a_name(vmware: Double, machines: Connection, name: str) -> None:
    escaped = name.replace("&", "&amp;")
    made = machines.define(domain(interface(FIRST), name=escaped))
    assert (vmware.machines / name / f"{name}.vmx").is_file()
    made.start()
    assert machines.domain(name).state() is State.RUNNING
    assert list(vmware.running()) == [str(vmware.vmx(name))]
    made.stop()
    made.undefine()
    assert machines.domains() == []


def test_a_sleeping_machine_takes_no_change_and_is_stopped(vmware: Double, machines: Connection) -> None:
    made = machines.define(domain(interface(FIRST, LIMITED)))
    made.start()
    assert isinstance(made, SupportsSuspend) and isinstance(made, SupportsResume)
    made.suspend()
    assert made.state() is State.PAUSED
    with pytest.raises(UnsupportedError):
        made.set_bandwidth(FIRST, None)
    with pytest.raises(InvalidStateError):
        made.undefine()
    made.resume()
    assert made.state() is State.RUNNING
    assert vmware.running()[str(vmware.vmx("web"))]["ethernet0.rxbw.limit"] == "4096"
    made.suspend()
    made.stop()
    assert made.state() is State.SHUTOFF


def test_a_definition_waits_for_the_machines_end(vmware: Double, machines: Connection) -> None:
    made = machines.create(domain(interface(FIRST, LIMITED)))
    started = vmware.vmx("web").read_bytes()
    machines.define(domain(interface(FIRST), interface(SECOND)))
    assert vmware.vmx("web").read_bytes() == started
    assert made.bandwidth(FIRST) == Bandwidth(inbound=Rate(average=512), outbound=Rate(average=77))
    made.stop()
    assert made.state() is State.SHUTOFF
    assert [vif.mac for vif in made.vifs()] == [FIRST, SECOND]
    assert made.bandwidth(FIRST) is None
    assert sorted(each.name for each in (vmware.machines / "web").iterdir()) == ["vmware.log", "web.vmx"]


def test_a_machine_that_died_starts_again(vmware: Double, machines: Connection) -> None:
    made = machines.define(domain(interface(FIRST)))
    made.start()
    vmware.kill("web")
    assert made.state() is State.SHUTOFF
    made.start()
    made.stop()


@pytest.mark.parametrize(
    ("xml", "error", "said"),
    [
        (domain(interface(FIRST, bridge="nowhere0")), None, ""),
        (domain(interface(FIRST, "<virtualport type='openvswitch'/>")), UnsupportedError, "no 'openvswitch' here"),
        (domain("<interface type='user'/>"), UnsupportedError, "no 'user' here"),
        (domain("<interface type='bridge'/>"), UnsupportedError, "a network that has a name"),
        (domain(*(interface(f"52:54:00:00:00:{number:02x}") for number in range(11))), UnsupportedError, "10 adapters"),
        (domain(memory="<memory>much</memory>"), InvalidXmlError, "domain/memory: not understood: 'much' 'KiB'"),
        (
            domain(memory="<memory unit='horse'>1</memory>"),
            InvalidXmlError,
            "domain/memory: not understood: '1' 'horse'",
        ),
        (domain(interface(FIRST, "<mtu size='9000'/>")), UnsupportedError, "mtu"),
        (domain(name="a/b"), InvalidXmlError, "domain/name"),
        (domain(name="a&#10;b"), InvalidXmlError, "domain/name"),
    ],
    ids=["network", "openvswitch", "user", "no-source", "eleven", "memory", "unit", "mtu", "slash", "newline"],
)
def test_what_vmware_cannot_be_is_refused(
    vmware: Double, machines: Connection, xml: str, error: type[Exception] | None, said: str
) -> None:
    if error is None:
        made = machines.define(xml)
        with pytest.raises(Exception, match="ethernet0 of 'web': there is no virtual network 'nowhere0'"):
            made.start()
        made.undefine()
    else:
        with pytest.raises(error, match=said):
            machines.define(xml)
    assert {each.name for each in vmware.machines.iterdir()} <= {".vifkit.lock"}


def test_two_connections_see_one_another(vmware: Double, machines: Connection) -> None:
    made = machines.define(domain(interface(FIRST)))
    with WorkstationDriver().open(vmware.uri) as other:
        other.domain("web").set_bandwidth(FIRST, Bandwidth(outbound=Rate(average=9)))
        assert made.bandwidth(FIRST) == Bandwidth(outbound=Rate(average=9))
        other.domain("web").start()
        assert made.state() is State.RUNNING
