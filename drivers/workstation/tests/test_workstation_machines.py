"""What a domain becomes in VMware's files, and what of VMware's files a domain is."""

from pathlib import Path
from uuid import uuid4

import pytest

from vifkit import (
    Bandwidth,
    Connection,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    Rate,
    State,
    SupportsResume,
    SupportsSuspend,
    UnsupportedError,
    parse_domain,
)
from vifkit_workstation.double.install import Double
from vifkit_workstation.driver import WorkstationDriver
from vifkit_workstation.machine import BLANK, fill
from vifkit_workstation.vmx import Vmx

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


NOBODYS = ["", ".", "..", "a/b", "\0", "web\0", "x" * 256, "x" * 5000, "x" * 200_000, "\ud800"]
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
        'uuid.action = "keep"',
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
    assert sorted(each.name for each in vmware.machines.rglob("*")) == ["web", "web.vmx"]


def test_what_was_never_more_than_its_files_is_deleted(vmware: Double, machines: Connection) -> None:
    made = machines.create(domain(interface(FIRST)))
    (vmware.machines / "web/web.nvram").touch()
    made.stop()
    assert list(vmware.machines.iterdir()) == []


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


def test_the_memory_of_one_that_slept_is_deleted_with_it(vmware: Double, machines: Connection) -> None:
    made = machines.define(domain(interface(FIRST)))
    made.start()
    assert isinstance(made, SupportsSuspend)
    made.suspend()
    assert (vmware.machines / "web/web.vmss").is_file()
    made.stop()
    for each in ("web.vmem", "web-0a1b2c3d.vmss", "web-0a1b2c3d.vmem"):
        (vmware.machines / "web" / each).write_bytes(b"secret")
    made.undefine()
    assert list(vmware.machines.iterdir()) == []


def test_the_memory_of_another_is_left(vmware: Double, machines: Connection) -> None:
    made = machines.define(domain(interface(FIRST), name="w.b"))
    (vmware.machines / "w.b/web.vmem").write_bytes(b"somebody's")
    made.undefine()
    assert [each.name for each in (vmware.machines / "w.b").iterdir()] == ["web.vmem"]


@pytest.mark.parametrize(("letter", "most"), [("x", 244), ("ö", 122), ("🙂", 61)])
def test_a_name_is_as_long_as_a_files_name_can_be(vmware: Double, machines: Connection, letter: str, most: int) -> None:
    for number in (most + 1, 300):
        with pytest.raises(InvalidXmlError, match="domain/name: a file's name has 255 bytes"):
            machines.define(domain(interface(FIRST), name=letter * number))
    assert list(vmware.machines.iterdir()) == []
    made = machines.create(domain(interface(FIRST), name=letter * most))
    machines.define(domain(interface(FIRST, LIMITED), name=letter * most))  # waits in a file of its own
    made.stop()
    assert machines.domain(letter * most).state() is State.SHUTOFF


@pytest.mark.parametrize("name", NOBODYS, ids=lambda name: ascii(name)[:9])
def test_nobody_has_a_name_that_no_file_can_have(machines: Connection, name: str) -> None:
    with pytest.raises(DomainNotFoundError):
        machines.domain(name)


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
        (domain(interface(FIRST, bridge="")), UnsupportedError, "on a network that has a name"),
        (domain(interface(FIRST, "<target dev='-x'/>")), InvalidXmlError, "no dash first"),
        (domain(interface(FIRST), interface(FIRST)), InvalidXmlError, f"another vif has the address {FIRST}"),
        (domain(interface("00:00:00:00:00:00")), InvalidXmlError, "is nobody's address"),
        (domain(name="a/b"), InvalidXmlError, "domain/name"),
        (domain(name="a&#10;b"), InvalidXmlError, "domain/name"),
    ],
    ids=[
        "network",
        "openvswitch",
        "user",
        "no-source",
        "eleven",
        "memory",
        "unit",
        "mtu",
        "nameless",
        "option",
        "twice",
        "nobody",
        "slash",
        "newline",
    ],
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
    assert list(vmware.machines.iterdir()) == []


def test_two_connections_see_one_another(vmware: Double, machines: Connection) -> None:
    made = machines.define(domain(interface(FIRST)))
    with WorkstationDriver().open(vmware.uri) as other:
        other.domain("web").set_bandwidth(FIRST, Bandwidth(outbound=Rate(average=9)))
        assert made.bandwidth(FIRST) == Bandwidth(outbound=Rate(average=9))
        other.domain("web").start()
        assert made.state() is State.RUNNING


def test_any_number_of_machines_is_listed_by_one_call(vmware: Double, machines: Connection) -> None:
    text = Vmx(BLANK)
    for number in range(200):
        config = parse_domain(domain(interface(FIRST, LIMITED), name=f"vm{number:04}", uuid=str(uuid4())))
        (vmware.machines / config.name).mkdir()
        fill(text, config, transient=False)
        vmware.vmx(config.name).write_bytes(text.to_bytes())
    machines.domain("vm0007").start()
    before = vmware.calls()
    assert [each.name for each in machines.domains()] == [f"vm{number:04}" for number in range(200)]
    assert vmware.calls() == [*before, "list"]
    assert machines.domain("vm0007").state() is State.RUNNING
    assert vmware.calls() == [*before, "list", "list", "list"]
