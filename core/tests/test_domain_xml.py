"""What is read from domain XML, what is refused, and that the rest of it survives."""

import contextlib
import dataclasses
import os
import pickle
import re
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vifkit import (
    Bandwidth,
    DomainConfig,
    InvalidBandwidthError,
    InvalidXmlError,
    Rate,
    Vif,
    VifkitError,
    parse_bandwidth,
    parse_domain,
    parse_interface,
)
from vifkit.bandwidth import MAX_BURST_KIB, MAX_RATE_KBPS
from vifkit.domain_xml import read_document
from vifkit.safe_xml import MAX_DEPTH, MAX_XML_BYTES

MAC = "52:54:00:aa:bb:cc"
UUID = "0b6a1d7c-5a1f-4a5e-9a51-2f6f5a0c7d11"
PARSERS = [parse_bandwidth, parse_interface, parse_domain, read_document]

INTERFACE = f"""\
<interface type='bridge'>
      <mac address='{MAC.upper()}'/>
      <source bridge='ovsbr0'/>
      <virtualport type='openvswitch'>
        <parameters interfaceid='{UUID}'/>
      </virtualport>
      <target dev='vnet0'/>
      <mtu size='9000'/>
      <bandwidth>
        <inbound average='1000' peak='5000' floor='200' burst='1024'/>
        <outbound average='128' peak='256' burst='256'/>
      </bandwidth>
    </interface>"""

DOMAIN = f"""\
<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' type='kvm'>
  <name>web</name>
  <uuid>{UUID.upper()}</uuid>
  <metadata>
    <app:info xmlns:app='urn:app'><interface><mac address='{MAC}'/></interface></app:info>
  </metadata>
  <devices>
    <!-- the only one -->
    {INTERFACE}
    <interface type='user'>
      <mac address='52:54:00:00:00:02'/>
    </interface>
  </devices>
  <qemu:commandline/>
</domain>"""

VIF = Vif(
    type="bridge",
    mac=MAC,
    source="ovsbr0",
    virtualport="openvswitch",
    interface_id=UUID,
    target="vnet0",
    mtu=9000,
    bandwidth=Bandwidth(
        inbound=Rate(average=1000, peak=5000, floor=200, burst=1024),
        outbound=Rate(average=128, peak=256, burst=256),
    ),
)


def domain(devices: str = "", name: str = "web", identity: str = f"<uuid>{UUID}</uuid>") -> str:
    return f"<domain type='kvm'><name>{name}</name>{identity}<devices>{devices}</devices></domain>"


def interface(inside: str = "", mac: str = MAC) -> str:
    return f"<interface type='bridge'><mac address='{mac}'/>{inside}</interface>"


def refusal(parser: object, xml: str | bytes) -> InvalidXmlError:
    assert callable(parser)
    with pytest.raises(InvalidXmlError) as caught:
        parser(xml)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300
    return caught.value


# What is read


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


# What is added


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


# What is changed


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


def test_targets_are_named_for_several_vifs_at_once() -> None:
    config = parse_domain(DOMAIN).with_targets({MAC: "vnet7", "52:54:00:00:00:02": "exactly15bytes_"})
    assert [vif.target for vif in config.vifs] == ["vnet7", "exactly15bytes_"]


BAD_DEVICES = ["", ".", "..", "a/b", "a b", "a\tb", "a\u00a0b", "eth0:1", "x" * 16, "é" * 8]


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


# What is refused: figures


BAD_FIGURES = {
    "negative": "-1",
    "signed": "+1",
    "fractional": "1.5",
    "hexadecimal": "0x10",
    "empty": "",
    "2^64": str(2**64),
    "more than is bits in 64 bits": str(MAX_RATE_KBPS + 1000),
    "NaN": "NaN",
    "infinite": "inf",
    "exponent": "1e3",
    "comma": "1,000",
    "underscore": "1_000",
    "apostrophe": "1&apos;000",
    "space inside": "1 000",
    "space before": " 1",
    "space behind": "1 ",
    "newline behind": "1&#10;",
    "unit": "1kB",
    "full width": "\uff11",
    "arabic": "\u0661",
    "superscript": "\u00b2",
    "beyond int()": "9" * 5000,
    "nearly a megabyte": "9" * 1_000_000,
}


@pytest.mark.parametrize("field", ["average", "peak", "burst", "floor"])
@pytest.mark.parametrize("text", BAD_FIGURES.values(), ids=BAD_FIGURES.keys())
def test_a_figure_that_is_no_whole_number_of_64_bits_is_refused(text: str, field: str) -> None:
    other = "" if field == "average" else "average='1'"
    with pytest.raises(InvalidBandwidthError) as caught:
        parse_bandwidth(f"<bandwidth><inbound {other} {field}='{text}'/></bandwidth>")
    assert caught.value.field == field
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        ("<inbound peak='1'/>", "peak"),
        ("<inbound burst='1'/>", "burst"),
        ("<inbound average='0' peak='1'/>", "peak"),
        ("<inbound floor='1' burst='1'/>", "burst"),
        ("<inbound/>", "average"),
        ("<inbound peak='0'/>", "average"),
        ("<outbound/>", "average"),
        ("<outbound floor='1'/>", "floor"),
        ("<outbound average='1' floor='1'/>", "floor"),
    ],
)
def test_figures_that_do_not_go_together_are_refused(inside: str, field: str) -> None:
    with pytest.raises(InvalidBandwidthError) as caught:
        parse_domain(domain(interface(f"<bandwidth>{inside}</bandwidth>")))
    assert caught.value.field == field
    assert caught.value.__notes__ == ["in domain/devices/interface/bandwidth"]


# What is refused: elements


@pytest.mark.parametrize(
    ("inside", "path", "reason"),
    [
        ("<inbound average='1'/><inbound average='1'/>", "/inbound[2]", "only one"),
        ("<outbound average='1'/><outbound average='1'/>", "/outbound[2]", "only one"),
        ("<inbund average='1'/>", "", "unknown element 'inbund'"),
        ("<x:inbound xmlns:x='urn:x' average='1'/>", "", "unknown element '{urn:x}inbound'"),
        ("<inbound average='1' rate='2'/>", "/inbound", "unknown attribute 'rate'"),
        ("<inbound Average='1'/>", "/inbound", "unknown attribute 'Average'"),
        ("<inbound average='1'><floor/></inbound>", "/inbound", "unknown element 'floor'"),
        ("<inbound average='1'/>512", "", "unexpected text '512'"),
        ("512<inbound average='1'/>", "", "unexpected text '512'"),
        ("<inbound average='1'>512</inbound>", "/inbound", "unexpected text '512'"),
        ("<!-- -->\u00a0", "", "unexpected text"),
    ],
)
def test_what_a_bandwidth_does_not_have_is_named(inside: str, path: str, reason: str) -> None:
    bad = interface(f"<bandwidth>{inside}</bandwidth>")
    error = refusal(parse_domain, domain(interface(mac="52:54:00:00:00:01") + bad))
    assert error.path == f"domain/devices/interface[2]/bandwidth{path}"
    assert reason in error.reason


def test_an_unknown_attribute_of_a_bandwidth_is_named() -> None:
    error = refusal(parse_bandwidth, "<bandwidth classID='3'/>")
    assert (error.path, error.reason) == ("bandwidth", "unknown attribute 'classID'")


@pytest.mark.parametrize("tag", ["bandwidth", "mac", "source", "target", "virtualport", "mtu"])
def test_what_is_read_must_not_be_there_twice(tag: str) -> None:
    error = refusal(parse_interface, f"<interface><{tag}/><{tag}/></interface>")
    assert error.path == f"interface/{tag}[2]"


@pytest.mark.parametrize(
    "mac",
    ["", "52:54:00:aa:bb", MAC + ":dd", "52-54-00-aa-bb-cc", "52:54:00:aa:bb:gg", f" {MAC}", f"{MAC}&#10;"],
)
def test_a_mac_that_is_none_is_refused(mac: str) -> None:
    assert "is no MAC address" in refusal(parse_interface, interface(mac=mac)).reason


def test_a_multicast_mac_is_refused() -> None:
    assert "multicast" in refusal(parse_interface, interface(mac="01:00:5e:00:00:01")).reason


def test_two_vifs_with_one_mac_are_refused() -> None:
    error = refusal(parse_domain, domain(interface() + interface(mac=MAC.upper())))
    assert error.path == "domain/devices/interface[2]/mac"


@pytest.mark.parametrize("device", BAD_DEVICES)
def test_a_target_in_the_xml_that_linux_would_refuse_is_refused(device: str) -> None:
    error = refusal(parse_interface, interface(f"<target dev='{device.replace(chr(9), '&#9;')}'/>"))
    assert error.path == "interface/target"


@pytest.mark.parametrize("size", ["67", "65536", "", "-1", "1500.0", "0x5dc", "9" * 20, "\uff11500"])
def test_an_mtu_that_is_none_is_refused(size: str) -> None:
    assert refusal(parse_interface, interface(f"<mtu size='{size}'/>")).path == "interface/mtu"


@pytest.mark.parametrize("size", [68, 1500, 65535])
def test_an_mtu_is_read(size: int) -> None:
    assert parse_interface(interface(f"<mtu size='{size}'/>")).mtu == size


@pytest.mark.parametrize(
    "name",
    ["", " ", "\n", "a/b", ".", "..", "a\nb", "a\tb", "a\x7fb", "a\u0085b", "a\u2028b", "<b/>", "a<!-- b -->c"],
)
def test_a_name_that_could_mislead_is_refused(name: str) -> None:
    assert refusal(parse_domain, domain(name=name)).path in ("domain/name", "domain")


@pytest.mark.parametrize("name", ["web-1", "a b", "наме", "a&amp;b", "..."])
def test_an_ordinary_name_is_taken(name: str) -> None:
    assert parse_domain(domain(name=name)).name == name.replace("&amp;", "&")


@pytest.mark.parametrize("uuid", ["x", UUID + "0", UUID[:-1], "{" + UUID + "}", f"urn:uuid:{UUID}", "\uff11" * 32])
def test_a_uuid_that_is_none_is_refused(uuid: str) -> None:
    assert refusal(parse_domain, domain(identity=f"<uuid>{uuid}</uuid>")).path == "domain/uuid"


@pytest.mark.parametrize(
    "xml",
    [
        "<domain><name>a</name></domain>",
        "<domain type=''><name>a</name></domain>",
        "<domain type='kvm'/>",
        "<domain type='kvm'><name>a</name><name>b</name></domain>",
        f"<domain type='kvm'><name>a</name><uuid>{UUID}</uuid><uuid>{UUID}</uuid></domain>",
        "<domain type='kvm' xmlns='urn:other'><name>a</name></domain>",
        "<network/>",
    ],
)
def test_a_domain_without_type_or_one_name_is_refused(xml: str) -> None:
    refusal(parse_domain, xml)


# What is refused: whole documents


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    "xml",
    [
        "",
        " ",
        "average=512",
        '{"average": 512}',
        "<bandwidth>",
        f"<{'a' * 40_000}></bandwidth>",
        "<bandwidth/><bandwidth/>",
        "<bandwidth a='1' a='2'/>",
        "<bandwidth><inbound average=512/></bandwidth>",
        "<bandwidth>&undefined;</bandwidth>",
        "<bandwidth>&#0;</bandwidth>",
        "<x:bandwidth/>",
        "<bandwidth>\ud800</bandwidth>",
        b"<bandwidth>\xff</bandwidth>",
        b"<!-- \xff --><bandwidth/>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><bandwidth><!-- \xe9 --></bandwidth>",
        "<bandwidth/>".encode("utf-16"),
        "<bandwidth/>".encode("utf-32-le"),
        b"\x1f\x8b\x08\x00",
        b"\x00",
    ],
)
def test_what_is_no_xml_in_utf_8_is_refused(xml: str | bytes, parser: object) -> None:
    assert refusal(parser, xml).path == ""


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("xml", ["\0<bandwidth/>", "<bandwidth>\0</bandwidth>", "<bandwidth/>\0", b"<bandwidth/>\0"])
def test_a_null_byte_is_refused_and_not_the_end(xml: str | bytes, parser: object) -> None:
    assert refusal(parser, xml).reason == "a null byte is not allowed"


def test_the_reason_of_the_xml_parser_is_kept() -> None:
    error = refusal(parse_bandwidth, "<bandwidth>\n<inbound></bandwidth>")
    assert error.reason.startswith("not well-formed XML: Opening and ending tag mismatch")
    assert error.__cause__ is not None


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("space", [" ", "é"])
def test_ten_megabytes_are_refused_unread(parser: object, space: str) -> None:
    error = refusal(parser, f"<bandwidth>{space * 10_000_000}</bandwidth>")
    assert error.reason.endswith(f"bytes are too many: the limit is {MAX_XML_BYTES}")


def test_a_document_of_the_largest_size_is_read() -> None:
    frame = "<bandwidth></bandwidth>"
    assert parse_bandwidth(frame.replace("><", f">{' ' * (MAX_XML_BYTES - len(frame))}<")) == Bandwidth()


def test_a_document_that_escapes_make_longer_can_still_be_changed() -> None:
    config = parse_domain(domain(interface()) + f"<!-- {'x' * 900_000} -->").with_bandwidth(MAC, Bandwidth())
    longer = parse_domain(domain(interface() + f"<a>{'>' * 900_000}</a>"))
    assert len(longer.to_xml()) > MAX_XML_BYTES
    assert longer.with_bandwidth(MAC, Bandwidth()).vifs == config.vifs


@pytest.mark.parametrize("parser", PARSERS)
def test_deep_nesting_is_refused(parser: object) -> None:
    for depth in (MAX_DEPTH + 1, 255, 100_000):
        assert "nested" in refusal(parser, "<a>" * depth + "</a>" * depth).reason


def test_nesting_to_the_limit_is_kept() -> None:
    depth = MAX_DEPTH - 2
    inside = "<a>" * (depth - 1) + "<a/>" + "</a>" * (depth - 1)
    assert inside in parse_domain(domain(inside + "<b/>" * 100)).to_xml()


LAUGHS = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))


DOCTYPES = {
    "billion laughs": f"<!DOCTYPE a [<!ENTITY a0 'ha'>{LAUGHS}]><bandwidth>&a9;</bandwidth>",
    "billion laughs in an attribute": f"<!DOCTYPE a [<!ENTITY a0 'ha'>{LAUGHS}]><bandwidth average='&a9;'/>",
    "behind other things": f"<!-- --><?pi?>\n<!DOCTYPE a [<!ENTITY a0 'ha'>{LAUGHS}]><bandwidth>&a9;</bandwidth>",
    "quadratic": f"<!DOCTYPE a [<!ENTITY a '{'ha' * 50_000}'>]><a>{'&a;' * 50_000}</a>",
    "bare": "<!DOCTYPE bandwidth><bandwidth/>",
    "external": "<!DOCTYPE bandwidth SYSTEM 'http://127.0.0.1:9/a.dtd'><bandwidth/>",
    "public": "<!DOCTYPE bandwidth PUBLIC 'a' 'file:///etc/hostname'><bandwidth/>",
    "parameter entity": "<!DOCTYPE a [<!ENTITY % a SYSTEM 'file:///etc/hostname'> %a;]><bandwidth/>",
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("xml", DOCTYPES.values(), ids=DOCTYPES.keys())
def test_a_doctype_is_refused_so_that_no_entity_is_ever_defined(xml: str, parser: object) -> None:
    assert refusal(parser, xml).reason == "a DOCTYPE is not allowed"
    assert refusal(parser, xml.encode()).reason == "a DOCTYPE is not allowed"


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("17")
    for uri in (secret.as_uri(), "file:///etc/hostname"):
        doctype = f"<!DOCTYPE bandwidth [<!ENTITY x SYSTEM '{uri}'>]>"
        for parser in PARSERS:
            error = refusal(parser, f"{doctype}<bandwidth>&x;</bandwidth>")
            assert error.reason == "a DOCTYPE is not allowed"


def test_an_inclusion_is_kept_and_not_followed() -> None:
    inside = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
    assert inside in parse_domain(domain(inside)).to_xml()


# Any input whatever


def some_rate(*, floor: bool) -> st.SearchStrategy[Rate]:
    rates, bursts = st.integers(1, MAX_RATE_KBPS), st.integers(1, MAX_BURST_KIB)
    floors = st.none() | rates if floor else st.none()
    limited = st.builds(Rate, average=rates, peak=st.none() | rates, burst=st.none() | bursts, floor=floors)
    return limited | st.builds(Rate, floor=rates) if floor else limited


BANDWIDTHS = st.builds(
    Bandwidth,
    inbound=st.none() | some_rate(floor=True),
    outbound=st.none() | some_rate(floor=False),
)

# Most lists of these are no XML; enough of them are, or would be but for one place.
TOKENS = st.sampled_from(
    [
        *re.findall(r"</?[\w:]+|[\w:]+='[^']*'|/?>", DOMAIN),
        *("<bandwidth>", "</bandwidth>", "<inbound average='1'/>", "<outbound ", " peak='", " -1", "0' "),
        *("&a;", "&#0;", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE a>", "<!DOCTYPE a [", "]>", "<?pi ?>"),
        *("<?xml version='1.0'?>", " xmlns='urn:x'", "x:", "\0", "\ud800", "\uff11", "\n", " ", "512"),
    ]
)


@st.composite
def broken_domains(draw: st.DrawFn) -> str:
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(DOMAIN))] * 2)))
    return DOMAIN[:start] + draw(st.text(max_size=5) | TOKENS) + DOMAIN[end:]


@st.composite
def filled_domains(draw: st.DrawFn) -> str:
    """Well-formed to the last: it is the values and the elements that are wild."""
    values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.integers().map(str)
    tag = st.sampled_from(["mac", "source", "target", "mtu", "virtualport", "bandwidth", "inbound", "name"])
    name = st.sampled_from(["address", "bridge", "dev", "size", "type", "average", "peak", "burst", "floor"])

    def element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(markup, tag, st.dictionaries(name, values, max_size=4), st.lists(children, max_size=4))

    figures = st.dictionaries(st.sampled_from(["average", "peak", "burst", "floor"]), st.integers(-1).map(str) | values)
    limits = [markup(direction, draw(figures), []) for direction in ("inbound", "outbound")]
    inside = "".join(draw(st.lists(st.recursive(element(st.just("")), element, max_leaves=8), max_size=5)))
    return draw(
        st.sampled_from(
            [
                f"<bandwidth>{inside}</bandwidth>",
                f"<bandwidth>{''.join(limits)}</bandwidth>",
                f"<interface>{inside}</interface>",
                domain(f"<interface>{inside}</interface>"),
                domain(inside, name=escape(draw(values)), identity=inside),
            ]
        )
    )


def markup(tag: str, attributes: dict[str, str], inside: list[str]) -> str:
    """An element, spelt as lxml spells it."""
    opened = tag + "".join(f' {name}="{escape(text, {chr(34): "&quot;"})}"' for name, text in attributes.items())
    content = "".join(inside)
    return f"<{opened}>{content}</{tag}>" if content else f"<{opened}/>"


@settings(max_examples=400, deadline=None)
@given(
    st.text()
    | st.binary()
    | st.lists(TOKENS, max_size=30).map("".join)
    | broken_domains()
    | broken_domains().map(lambda xml: xml.encode("utf-16", "replace"))
    | filled_domains()
)
@example("\ufeff")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b"<?xml version='1.0' encoding='UTF-7'?>+ADw-bandwidth/+AD4-")
@example(b"\x4c\x6f\xa7\x94\x93")
def test_any_input_gives_a_result_or_a_typed_error(xml: str | bytes) -> None:
    for parser in (parse_bandwidth, parse_interface, parse_domain, read_document):
        with contextlib.suppress(VifkitError):
            assert isinstance(parser(xml), (Bandwidth, Vif, DomainConfig, tuple))


@settings(deadline=None)
@given(BANDWIDTHS)
def test_a_bandwidth_written_and_read_again_is_the_same(bandwidth: Bandwidth) -> None:
    for start in (DOMAIN, domain(interface())):
        config = parse_domain(start).with_bandwidth(MAC, bandwidth)
        assert parse_domain(config.to_xml()).vifs[0].bandwidth == config.vifs[0].bandwidth == bandwidth
        assert config.with_bandwidth(MAC, bandwidth) == config


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=9)
LEAVES = (
    TEXT.map(escape)
    | st.just("\n  ")
    | TEXT.map(lambda text: f"<!--{text.replace('-', '')}-->")
    | TEXT.map(lambda text: f"<![CDATA[{text.replace(']', '')}!]]>")
    | TEXT.map(lambda text: f"<?keep {text.replace('?', '').lstrip()}?>".replace(" ?>", "?>"))
)
TAGS = st.sampled_from(["a", "x:a", "é", "interface", "bandwidth", "mac", "uuid", "x:bandwidth"])
NAMES = st.sampled_from(["a", "x:a", "type", "é"])
UNKNOWN = st.recursive(
    LEAVES,
    lambda inside: st.builds(markup, TAGS, st.dictionaries(NAMES, TEXT, max_size=3), st.lists(inside, max_size=4)),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(UNKNOWN, min_size=5, max_size=5), st.none() | BANDWIDTHS)
def test_unknown_content_survives_to_the_byte(unknown: list[str], bandwidth: Bandwidth | None) -> None:
    head = (
        f'<!--a--><domain xmlns:x="urn:x" type="kvm"><name>web</name><uuid>{UUID}</uuid>'
        f"<metadata>{unknown[0]}!</metadata><devices><disk>{unknown[1]}!</disk>"
    )
    kept = f"<driver>{unknown[2]}!</driver>"
    tail = f"<disk>{unknown[3]}!</disk></devices><os>{unknown[4]}!</os></domain><!--b-->"
    config = parse_domain(f'{head}<interface type="bridge"><mac address="{MAC}"/>{kept}</interface>{tail}')
    changed = config.with_targets({MAC: "vnet0"}).with_bandwidth(MAC, bandwidth).to_xml()
    assert changed.startswith(head)
    assert changed.endswith(f"{kept}</interface>{tail}")
    assert parse_domain(changed).to_xml() == changed


def test_without_a_change_a_document_in_lxmls_spelling_is_the_same_to_the_byte() -> None:
    spelt = DOMAIN.replace("'", '"')
    assert parse_domain(spelt).to_xml() == spelt
