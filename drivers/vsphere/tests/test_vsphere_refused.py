"""What is refused, after which all is as it was; and names that are not what they look like."""

from collections.abc import Callable
from pathlib import Path

import pytest
from vspheres.domains import domain_xml
from vspheres.raw import Raw, vim

from vifkit import (
    BackendError,
    Bandwidth,
    Connection,
    DomainExistsError,
    InvalidXmlError,
    Rate,
    UnsupportedError,
    VifkitError,
)
from vifkit_vsphere.driver import VsphereDriver

LIMITED = "<bandwidth><outbound average='512'/></bandwidth>"
MAC = "52:54:00:00:01:00"


@pytest.mark.parametrize(
    ("xml", "error", "said"),
    [
        (
            domain_xml("guest", "<bandwidth><outbound average='2' peak='1'/></bandwidth>"),
            UnsupportedError,
            "a peak of 1 below an average of 2 cannot be",
        ),
        (domain_xml("guest", LIMITED, LIMITED, network="nowhere"), BackendError, "no port group is named 'nowhere'"),
        (domain_xml("guest", LIMITED, network="VM&apos;;--&quot;"), BackendError, "no port group is named"),
        (domain_xml("guest", LIMITED, more="<model type='ne2k'/>"), UnsupportedError, "the adapter 'ne2k' is none of"),
        (domain_xml("guest", LIMITED, more="<mtu size='1400'/>"), UnsupportedError, "<mtu>"),
        (domain_xml("guest", LIMITED, more="<virtualport type='openvswitch'/>"), UnsupportedError, "on a port group"),
        (domain_xml("guest", LIMITED).replace("type='bridge'", "type='network'"), UnsupportedError, "on a port group"),
        (domain_xml("guest", LIMITED).replace("'vmware'", "'kvm'"), InvalidXmlError, "another hypervisor's"),
        (domain_xml("guest", LIMITED).replace("'MiB'", "'MiBs'"), InvalidXmlError, "not understood: '64' 'MiBs'"),
        (domain_xml("guest", LIMITED).replace(">64<", ">sixty<"), InvalidXmlError, "not understood: 'sixty' 'MiB'"),
        (domain_xml("x" * 81, "<bandwidth><inbound floor='1'/></bandwidth>"), UnsupportedError, "guarantees no floor"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    connection: Connection, raw: Raw, xml: str, error: type[VifkitError], said: str
) -> None:
    before = raw.groups().keys()
    for verb in (connection.define, connection.create):
        with pytest.raises(error, match=said) as caught:
            verb(xml)
        assert "\n" not in str(caught.value)
    assert list(connection.domains()) == []
    assert raw.groups().keys() == before


@pytest.mark.parametrize("mode", ["esx"], indirect=True)
def test_a_standard_switch_refuses_what_a_guest_receives(connection: Connection) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    with pytest.raises(UnsupportedError) as caught:
        domain.set_bandwidth(MAC, Bandwidth(inbound=Rate(average=1)))
    assert caught.value.capability == "inbound"
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))


def test_a_redefinition_that_fails_leaves_the_definition(connection: Connection, raw: Raw) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    before, groups = domain.xml(), raw.groups().keys()
    for wrong in (
        domain_xml("guest", LIMITED.replace("512", "9"), network="nowhere"),
        domain_xml("guest", LIMITED.replace("512", "9"), LIMITED, more="<model type='ne2k'/>"),
    ):
        with pytest.raises(VifkitError):
            connection.define(wrong)
        assert domain.xml() == before
        assert raw.groups().keys() == groups
        assert (4_096_000, 4_096_000, 65_536) in raw.shaping("vifkit-00000000-525400000100-br0").values()


def test_two_domains_have_neither_name_nor_uuid_in_common(connection: Connection) -> None:
    connection.define(domain_xml("guest"))
    with pytest.raises(DomainExistsError):
        connection.define(domain_xml("guest", number=2))
    with pytest.raises(DomainExistsError):
        connection.define(domain_xml("other"))


def test_two_adapters_of_one_address_have_a_port_group_each(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", LIMITED))
    other = domain_xml("other", LIMITED.replace("512", "9"), number=2).replace("00:02:00", "00:01:00")
    connection.define(other.replace("<uuid>00000000", "<uuid>11111111")).undefine()
    assert (4_096_000, 4_096_000, 65_536) in raw.shaping("vifkit-00000000-525400000100-br0").values()
    assert [each.name for each in connection.domains()] == ["guest"]


@pytest.mark.parametrize(
    "name",
    [
        "it's",
        'a "quoted" one',
        "a;b&&c|d$(e)`f`",
        "-rf",
        "--help",
        "%2f",
        "100%",
        "%252F%5c",
        "back\\slash",
        "grüße-東京-🐟",
        "a&amp;&lt;b&gt;",
        " spaces  inside ",
        "[LocalDS_0] x",
        "..%2f..%2fetc",
    ],
)
def test_a_name_is_a_name(connection: Connection, raw: Raw, name: str) -> None:
    written = name.replace("&", "&amp;").replace("<", "&lt;")
    domain = connection.define(domain_xml(written, LIMITED))
    assert domain.name == name
    assert [each.name for each in connection.domains()] == [name]
    assert connection.domain(name).bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))
    kept = name.replace("%", "%25").replace("\\", "%5c")
    assert raw.machine(kept).config.annotation.startswith("vifkit1:")
    domain.start()
    domain.stop()
    domain.undefine()
    assert list(connection.domains()) == []


@pytest.mark.parametrize("name", ["x" * 80, "%" * 26 + "xx", "\\" * 26, "%2f" * 16])
def test_a_name_may_have_80_characters_as_vsphere_writes_it(connection: Connection, raw: Raw, name: str) -> None:
    connection.define(domain_xml(name, LIMITED))
    assert [each.name for each in connection.domains()] == [name]
    assert raw.machine(name.replace("%", "%25").replace("\\", "%5c")).config.annotation.startswith("vifkit1:")


@pytest.mark.parametrize("name", ["x" * 81, "%" * 26 + "xxx", "\\" * 27, "%2f" * 17, "-" * 5000])
def test_a_name_that_is_longer_is_refused_before_anything_is_asked(
    simulated: Callable[..., str], mode: str, tmp_path: Path, name: str
) -> None:
    trace = tmp_path / "trace"
    with VsphereDriver().open(simulated(mode, "-trace", str(trace))) as connection:
        trace.write_text("")
        for verb in (connection.define, connection.create):
            with pytest.raises(InvalidXmlError, match=r"domain/name: .* has more than 80 characters") as caught:
                verb(domain_xml(name, LIMITED))
            assert len(str(caught.value)) < 140
        assert trace.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("mode", ["vcenter"], indirect=True)
def test_a_network_may_have_a_name_that_leaves_room_for_that_of_the_vifs_own(connection: Connection, raw: Raw) -> None:
    switch = raw.groups()["br0"].config.distributedVirtualSwitch
    for network, room in (("n" * 48 + "%2f", True), ("n" * 52, False)):
        raw.wait(switch.AddDVPortgroup_Task([vim.dvs.DistributedVirtualPortgroup.ConfigSpec(name=network)]))
        source = network.replace("%2f", "/")
        domain = connection.define(domain_xml("guest", network=source))
        assert domain.vifs()[0].source == source
        if room:
            domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=7)))
            assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=7))
            assert domain.vifs()[0].source == source
        else:
            with pytest.raises(InvalidXmlError, match=r"domain/devices/interface/source: .* more than 80"):
                domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=7)))
            assert domain.bandwidth(MAC) is None
        domain.undefine()
        raw.wait(raw.groups()[network].Destroy_Task())


def test_the_name_of_a_template_is_taken(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", number=2))
    machine = raw.machine("guest")
    machine.MarkAsTemplate()
    assert list(connection.domains()) == []
    with pytest.raises(DomainExistsError):
        connection.define(domain_xml("guest", LIMITED))
    raw.wait(machine.Destroy_Task())


@pytest.mark.parametrize("name", ["a\nb", "a/b", "", "\x85"])
def test_a_name_that_no_domain_has_is_refused(connection: Connection, name: str) -> None:
    with pytest.raises(InvalidXmlError):
        connection.define(domain_xml(name))


def test_a_machine_whose_name_no_domain_has_hides_no_other(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest"))
    connection.define(domain_xml("other", number=2))
    machine = raw.machine("other")
    raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(name="a%2fb")))
    assert {each.name for each in connection.domains()} == {"guest", "a%2fb"}
    raw.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(name="two\nlines")))
    assert connection.domain("guest").name == "guest"
    raw.wait(machine.Destroy_Task())
