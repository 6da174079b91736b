"""What is read from domain XML, what is added, and how it is changed."""

import dataclasses
import os
import pickle
import re

import pytest
from documents import BAD_DEVICES, DOMAIN, INTERFACE, MAC, UUID, VIF, domain, interface, refusal

from vifkit import (
    Bandwidth,
    InvalidXmlError,
    Rate,
    Vif,
    parse_bandwidth,
    parse_domain,
    parse_interface,
)
from vifkit.domain_xml import read_document


def test_an_interface_is_read() -> None:
    vif = parse_interface(INTERFACE)
    assert vif == VIF
    assert vif.on_openvswitch


def test_what_an_interface_does_not_say_is_none() -> None:
    vif = parse_interface("<interface/>")
    assert vif == Vif(type="user")
    assert vif.mac is None and not vif.on_openvswitch


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [("bridge", "bridge"), ("network", "network"), ("direct", "dev"), ("ethernet", "dev")],
)
def test_the_source_is_named_by_the_type(kind: str, attribute: str) -> None:
    xml = f"<interface type='{kind}'><source {attribute}='here' mode='other'/></interface>"
    assert parse_interface(xml).source == "here"


def test_a_missing_bandwidth_is_none_and_an_empty_one_is_empty() -> None:
    assert parse_interface(interface()).bandwidth is None
    assert parse_interface(interface("<bandwidth/>")).bandwidth == Bandwidth()


def test_a_domain_is_read_with_the_vifs_of_its_devices_alone() -> None:
    config = parse_domain(DOMAIN)
    assert (config.name, config.uuid, config.type) == ("web", UUID, "kvm")
    assert config.vifs == (VIF, Vif(type="user", mac="52:54:00:00:00:02"))


@pytest.mark.parametrize("text", [UUID.upper(), f"\n {UUID} ", UUID.replace("-", "")])
def test_a_uuid_is_taken_as_libvirt_takes_it(text: str) -> None:
    assert parse_domain(domain(identity=f"<uuid>{text}</uuid>")).uuid == UUID


def test_any_of_the_three_documents_gives_its_vifs() -> None:
    bandwidth = "<bandwidth><inbound average='1'/></bandwidth>"
    read = Bandwidth(inbound=Rate(average=1))
    assert read_document(bandwidth) == ("bandwidth", (Vif(type="", bandwidth=read),))
    assert read_document(INTERFACE) == ("interface", (VIF,))
    assert read_document(DOMAIN) == ("domain", parse_domain(DOMAIN).vifs)
    assert "<domain> or <interface> or <bandwidth>" in refusal(read_document, "<network/>").reason


def test_text_and_bytes_are_read_alike_whatever_encoding_is_declared() -> None:
    for declared in ("", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='UTF-16'?>\n"):
        for mark in ("", "\ufeff"):
            text = mark + declared + domain(name="wéb")
            assert parse_domain(text).name == parse_domain(text.encode()).name == "wéb"


def test_comments_and_spaces_are_welcome_in_a_bandwidth() -> None:
    xml = "<bandwidth>\n<!-- for now -->\t<inbound average='1'><!-- kB/s --></inbound>\r\n</bandwidth>"
    assert parse_bandwidth(xml) == Bandwidth(inbound=Rate(average=1))


@pytest.mark.parametrize("figures", ["average='0'", "floor='0'", "average='0' floor='0' peak='0'"])
def test_zero_is_no_limit(figures: str) -> None:
    assert parse_bandwidth(f"<bandwidth><inbound {figures}/></bandwidth>") == Bandwidth()
    assert parse_bandwidth(f"<bandwidth><outbound {figures}/></bandwidth>") == Bandwidth()


def test_a_domain_without_uuid_gets_one_and_keeps_it() -> None:
    for identity in ("", "<uuid/>", "<uuid> </uuid>"):
        config = parse_domain(domain(identity=identity))
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", config.uuid)
        assert f"<name>web</name><uuid>{config.uuid}</uuid>" in config.to_xml()
        assert parse_domain(config.to_xml()) == config


def test_each_vif_without_mac_gets_one_of_its_own_and_keeps_it() -> None:
    bare = "<interface type='user'/><interface type='user'><mac/><source/></interface>"
    config = parse_domain(domain(bare * 20 + interface()))
    macs = [vif.mac or "" for vif in config.vifs]
    assert len(set(macs)) == 41
    assert all(re.fullmatch("52:54:00(:[0-9a-f]{2}){3}", mac) for mac in macs)
    assert parse_domain(config.to_xml()) == config


def test_a_mac_that_is_taken_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    random = iter([b"\0\0\1", b"\0\0\1", b"\0\0\2", b"\0\0\3"])
    monkeypatch.setattr(os, "urandom", lambda _: next(random))
    config = parse_domain(domain("<interface/>" * 2 + interface(mac="52:54:00:00:00:02")))
    assert [vif.mac for vif in config.vifs] == ["52:54:00:00:00:01", "52:54:00:00:00:03", "52:54:00:00:00:02"]


def test_text_that_means_nothing_is_not_doubled_by_what_is_added() -> None:
    config = parse_domain(domain("<interface>odd<source/></interface>"))
    assert f'<interface>odd<mac address="{config.vifs[0].mac}"/><source/></interface>' in config.to_xml()


def test_what_is_added_is_indented_like_what_is_there() -> None:
    before = """\
<domain type="kvm">
  <name>web</name>
  <devices>
    <interface type="bridge">
      <source bridge="ovsbr0"/>
    </interface>
  </devices>
</domain>"""
    config = parse_domain(before)
    (vif,) = config.vifs
    assert vif.mac is not None
    bandwidth = Bandwidth(inbound=Rate(floor=4, burst=3, peak=2, average=1), outbound=Rate(average=5))
    limited = config.with_targets({vif.mac: "vnet0"}).with_bandwidth(vif.mac, bandwidth)
    assert (
        limited.to_xml()
        == f"""\
<domain type="kvm">
  <name>web</name>
  <uuid>{config.uuid}</uuid>
  <devices>
    <interface type="bridge">
      <mac address="{vif.mac}"/>
      <bandwidth>
        <inbound average="1" peak="2" burst="3" floor="4"/>
        <outbound average="5"/>
      </bandwidth>
      <target dev="vnet0"/>
      <source bridge="ovsbr0"/>
    </interface>
  </devices>
</domain>"""
    )
    assert limited.with_bandwidth(vif.mac, None) == config.with_targets({vif.mac: "vnet0"})


def test_a_bandwidth_is_replaced_whole_and_in_its_place() -> None:
    config = parse_domain(DOMAIN)
    replaced = config.with_bandwidth(MAC, Bandwidth(outbound=Rate(average=7)))
    assert replaced.vifs[0] == dataclasses.replace(VIF, bandwidth=Bandwidth(outbound=Rate(average=7)))
    assert replaced.vifs[1:] == config.vifs[1:]
    assert config.vifs[0] == VIF
    before, after = config.to_xml().splitlines(), replaced.to_xml().splitlines()
    start = before.index("      <bandwidth>")
    assert after == [*before[: start + 1], '        <outbound average="7"/>', *before[start + 3 :]]


def test_a_bandwidth_that_is_removed_leaves_nothing_but_what_stood_around() -> None:
    config = parse_domain(domain(interface("a<bandwidth/>b<!-- c -->") + interface("<bandwidth/>", "02" + MAC[2:])))
    assert 'cc"/>ab<!-- c --></interface>' in config.with_bandwidth(MAC, None).to_xml()
    assert 'cc"/></interface></devices>' in config.with_bandwidth("02" + MAC[2:], None).to_xml()
    unlimited = config.with_bandwidth(MAC, None)
    assert unlimited.with_bandwidth(MAC, None) == unlimited


def test_an_empty_bandwidth_is_not_the_same_as_none() -> None:
    config = parse_domain(DOMAIN)
    assert config.with_bandwidth(MAC, Bandwidth()).vifs[0].bandwidth == Bandwidth()
    assert config.with_bandwidth(MAC, None).vifs[0].bandwidth is None


def test_a_vif_is_addressed_in_any_case_and_an_unknown_one_is_a_lookup_error() -> None:
    config = parse_domain(DOMAIN)
    assert config.with_bandwidth(MAC.upper(), None) == config.with_bandwidth(MAC, None) != config
    with pytest.raises(LookupError, match="'web' has no vif with the MAC address '52:54:00:00:00:99'"):
        config.with_bandwidth("52:54:00:00:00:99", None)
    with pytest.raises(LookupError, match="has no vif"):
        config.with_targets({MAC: "vnet1", "": "vnet2"})


def test_one_interface_is_given_by_itself() -> None:
    config = parse_domain(domain(INTERFACE))
    assert parse_interface(config.interface_xml(MAC.upper())) == VIF
    with pytest.raises(LookupError):
        config.interface_xml("52:54:00:ff:ff:ff")


def test_targets_are_named_for_several_vifs_at_once() -> None:
    config = parse_domain(DOMAIN).with_targets({MAC: "vnet7", "52:54:00:00:00:02": "exactly15bytes_"})
    assert [vif.target for vif in config.vifs] == ["vnet7", "exactly15bytes_"]


@pytest.mark.parametrize("device", [*BAD_DEVICES, "a\0b", "\ud800"])
def test_a_target_that_linux_would_refuse_is_refused(device: str) -> None:
    with pytest.raises(InvalidXmlError) as caught:
        parse_domain(DOMAIN).with_targets({MAC: device})
    assert caught.value.path == "domain/devices/interface[1]/target"


def test_a_config_is_a_value() -> None:
    config = parse_domain(DOMAIN)
    assert {config, parse_domain(DOMAIN), pickle.loads(pickle.dumps(config))} == {config}
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.name = "other"  # type: ignore[misc]
