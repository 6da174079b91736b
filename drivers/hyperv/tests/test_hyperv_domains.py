"""Virtual machines: names that are no code, machines that somebody else changes, and nothing half done."""

import random
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest

from vifkit import (
    BackendError,
    Bandwidth,
    DomainExistsError,
    DomainNotFoundError,
    InvalidXmlError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_hyperv.double.host import Adapter, Host, VirtualMachine
from vifkit_hyperv.double.server import Server
from vifkit_hyperv.driver import HypervConnection, HypervDomain

Open = Callable[..., HypervConnection]
Xml = Callable[..., str]
MAC = "52:54:00:00:00:01"
LIMITED = "<outbound average='512'/>"

NAMES = [
    "it's; Remove-VM * -Force",
    '"; Get-VM | Remove-VM -Force #',
    "$(Stop-Computer)",
    "-Force",
    "--help",
    "*",
    "[a-z]?",
    "Grüße 木 \U0001f600",
    "a|b>c&d",
    " spaces ",
    "_x000A_",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(connection: HypervConnection, open_it: Open, host: Host, xml: Xml, name: str) -> None:
    bystander = VirtualMachine("bystander", state="Running")
    host.machines.append(bystander)
    domain = connection.define(xml(escape(name), LIMITED))
    assert host.machines[1].name == name
    other = open_it()
    assert other.domain(name).uuid == domain.uuid
    domain.start()
    assert other.domain(name).state() is State.RUNNING
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=256)))
    domain.stop()
    domain.undefine()
    assert host.machines == [bystander] and bystander.state == "Running"


def test_a_switch_whose_name_is_a_pattern_is_refused(connection: HypervConnection, host: Host, xml: Xml) -> None:
    with pytest.raises(UnsupportedError, match=r"'br\*' would be a pattern") as caught:
        connection.define(xml().replace("'br0'", "'br*'"))
    assert caught.value.capability == "interface"
    assert host.machines == []


def test_processors_memory_and_addresses_are_the_xmls(connection: HypervConnection, host: Host, xml: Xml) -> None:
    connection.define(xml("web", "", LIMITED))
    (machine,) = host.machines
    assert (machine.processors, machine.memory_bytes, machine.generation) == (2, 66 << 20, 2)
    assert [(each.mac, each.dynamic, each.switch) for each in machine.adapters] == [
        ("525400000001", False, "br0"),
        ("525400000002", False, "br0"),
    ]


@pytest.mark.parametrize(
    ("memory", "bytes_"),
    [
        ("<memory>524288</memory>", 512 << 20),
        ("<memory unit='GiB'>2</memory>", 2 << 30),
        ("<memory unit='b'>1</memory>", 32 << 20),
        ("<memory unit='MB'>100</memory>", 100_663_296),
        ("", 512 << 20),
    ],
)
def test_memory_is_rounded_up_to_what_hyperv_takes(
    connection: HypervConnection, host: Host, xml: Xml, memory: str, bytes_: int
) -> None:
    connection.define(xml().replace("<memory unit='MiB'>65</memory>", memory))
    assert host.machines[0].memory_bytes == bytes_


@pytest.mark.parametrize(
    "wrong", ["<memory unit='acres'>1</memory>", "<memory>-1</memory>", "<memory>much</memory>", "<memory/>"]
)
def test_memory_that_is_none_is_refused_before_there_is_anything(
    connection: HypervConnection, host: Host, xml: Xml, wrong: str
) -> None:
    with pytest.raises(InvalidXmlError):
        connection.define(xml().replace("<memory unit='MiB'>65</memory>", wrong))
    assert host.machines == []


def test_our_uuid_and_all_that_hyperv_does_not_know_is_kept(
    connection: HypervConnection, open_it: Open, host: Host, xml: Xml
) -> None:
    text = xml("web", LIMITED).replace("<vcpu>", "<metadata><a xmlns='urn:b'>kept</a></metadata><vcpu>")
    domain = connection.define(text)
    host.machines[0].notes = f"Ask the owner first.\n{host.machines[0].notes}"
    found = open_it().domain("web")
    assert found.uuid == domain.uuid == "6a1f0b7e-7c0f-4f0e-9d55-0d8f3b5a9c01" != str(host.machines[0].id)
    assert "kept</a>" in found.xml()
    connection.define(text.replace("kept</a>", "anew</a>"))
    assert "anew</a>" in found.xml()
    assert host.machines[0].notes.startswith("Ask the owner first.\nvifkit1:")
    assert host.machines[0].notes.count("vifkit1:") == 1


def test_a_long_text_goes_in_pieces_and_comes_back(connection: HypervConnection, open_it: Open, xml: Xml) -> None:
    long = random.Random(1).randbytes(330_000).hex()
    connection.define(xml().replace("<vcpu>", f"<metadata><a xmlns='urn:b'>{long}</a></metadata><vcpu>"))
    assert long in open_it().domain("web").xml()


def test_a_definition_waits_while_it_runs(connection: HypervConnection, host: Host, xml: Xml) -> None:
    domain = connection.define(xml("web", LIMITED))
    domain.start()
    connection.define(xml("web", "<outbound average='128'/>", ""))
    assert len(host.machines[0].adapters) == 1
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))
    domain.stop()
    assert len(host.machines[0].adapters) == 2
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=128))


@pytest.mark.parametrize("verb", ["define", "create"])
def test_a_switch_that_is_not_there_leaves_nothing(
    connection: HypervConnection, host: Host, xml: Xml, verb: str
) -> None:
    with pytest.raises(BackendError, match='unable to find a virtual switch with name "nowhere"') as caught:
        getattr(connection, verb)(xml("web", LIMITED).replace("'br0'", "'nowhere'"))
    assert "\n" not in str(caught.value) and "ErrorActionPreference" not in str(caught.value)
    assert host.machines == []


def test_a_redefinition_that_fails_leaves_what_there_was(connection: HypervConnection, host: Host, xml: Xml) -> None:
    domain = connection.define(xml("web", LIMITED, ""))
    with pytest.raises(BackendError):
        connection.define(xml("web", "", LIMITED).replace("'br0'", "'nowhere'"))
    adapters = host.machines[0].adapters
    assert [(each.mac, each.switch) for each in adapters] == [("525400000001", "br0"), ("525400000002", "br0")]
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))
    assert domain.vifs()[1].bandwidth is None


@pytest.mark.parametrize("verb", ["start", "stop", "undefine", "state", "xml", "suspend"])
def test_one_that_somebody_has_removed_is_not_found(
    connection: HypervConnection, host: Host, xml: Xml, verb: str
) -> None:
    domain = connection.define(xml())
    host.machines.clear()
    with pytest.raises(DomainNotFoundError):
        getattr(domain, verb)()


def test_one_that_is_removed_in_between_is_not_found(connection: HypervConnection, host: Host, xml: Xml) -> None:
    connection.define(xml())
    config = connection.machine("web").config
    host.machines.clear()
    for act in (connection.hypervisor.start, connection.hypervisor.stop, connection.hypervisor.undefine):
        with pytest.raises(DomainNotFoundError):
            act(config)
    with pytest.raises(DomainNotFoundError):
        connection.hypervisor.shape(config, MAC, None)
    assert connection.define(xml()).state() is State.SHUTOFF


def test_an_adapter_that_is_removed_in_between_is_told(connection: HypervConnection, host: Host, xml: Xml) -> None:
    connection.define(xml())
    config = connection.machine("web").config
    host.machines[0].adapters.clear()
    with pytest.raises(BackendError, match="'web' has 0 adapters of the address 52:54:00:00:00:01"):
        connection.hypervisor.shape(config, MAC, Bandwidth(outbound=Rate(average=1)))


def test_one_that_somebody_has_renamed_is_theirs(connection: HypervConnection, host: Host, xml: Xml) -> None:
    domain = connection.define(xml())
    host.machines[0].name = "mail"
    with pytest.raises(DomainNotFoundError):
        domain.state()
    assert connection.domain("mail").uuid == str(host.machines[0].id)


def test_machines_of_one_name_are_told_apart(connection: HypervConnection, host: Host, xml: Xml) -> None:
    host.machines.append(first := VirtualMachine("web", state="Running"))
    with pytest.raises(DomainExistsError):
        connection.define(xml())
    host.machines.clear()
    ours = connection.define(xml())
    host.machines.insert(0, first)
    assert [each.name for each in connection.domains()] == ["web", f"web ({first.id})"]
    assert ours.state() is State.SHUTOFF
    assert connection.domain(f"web ({first.id})").state() is State.RUNNING
    ours.undefine()
    assert host.machines == [first]


@pytest.mark.parametrize("name", ["a/b", "line\nbreak", ".", "  ", ""])
def test_a_name_that_no_domain_can_have_hinders_nothing(connection: HypervConnection, host: Host, name: str) -> None:
    machine = VirtualMachine(name, state="Saved")
    machine.adapters += [Adapter(machine), Adapter(machine, mac="525400000009"), Adapter(machine, mac="525400000009")]
    host.machines += [machine, VirtualMachine("mail")]
    assert sorted(each.name for each in connection.domains()) == sorted([str(machine.id), "mail"])
    found = connection.domain(str(machine.id))
    assert (found.uuid, found.state()) == (str(machine.id), State.SHUTOFF)


def test_adapters_without_an_address_are_left_out(connection: HypervConnection, host: Host) -> None:
    machine = VirtualMachine("theirs")
    machine.adapters += [Adapter(machine), Adapter(machine), Adapter(machine, mac="525400000009", switch="br0")]
    host.machines.append(machine)
    assert [(vif.mac, vif.source, vif.target) for vif in connection.domain("theirs").vifs()] == [
        ("52:54:00:00:00:09", "br0", None)
    ]


def test_notes_that_are_not_ours_hinder_nothing(connection: HypervConnection, host: Host) -> None:
    notes = ["vifkit1:damaged", "vifkit1:", "nothing of ours", "\U0001f600\n\t"]
    host.machines += [VirtualMachine(f"theirs{place}", notes=each) for place, each in enumerate(notes)]
    assert [each.uuid for each in connection.domains()] == [str(each.id) for each in host.machines]


def test_it_pauses_and_goes_on(connection: HypervConnection, xml: Xml) -> None:
    domain = connection.create(xml("web", LIMITED))
    assert isinstance(domain, HypervDomain)
    domain.suspend()
    assert domain.state() is State.PAUSED
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))
    domain.resume()
    assert domain.state() is State.RUNNING
    domain.stop()
    with pytest.raises(DomainNotFoundError):
        domain.state()


def test_many_are_listed_in_one_call(connection: HypervConnection, server: Server, host: Host) -> None:
    for number in range(1000):
        machine = VirtualMachine(f"vm{number}", notes="n" * 500)
        machine.adapters.append(Adapter(machine, mac=f"525400AA{number:04X}", switch="br0"))
        host.machines.append(machine)
    before = server.management.calls
    assert len(connection.domains()) == 1000
    assert server.management.calls == before + 1
    domain = connection.domain("vm999")
    assert server.management.calls == before + 2
    assert domain.vifs()[0].mac == "52:54:00:aa:03:e7"
    assert server.management.calls == before + 3
