"""What domain XML must not say: figures and elements."""

import pytest
from documents import BAD_DEVICES, MAC, UUID, domain, interface, refusal

from vifkit import (
    InvalidBandwidthError,
    parse_bandwidth,
    parse_domain,
    parse_interface,
)
from vifkit.bandwidth import MAX_RATE_KBPS

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


def test_the_address_of_nobody_is_refused() -> None:
    assert "is nobody's address" in refusal(parse_interface, interface(mac="00:00:00:00:00:00")).reason
    assert parse_interface(interface(mac="00:00:00:00:00:01")).mac == "00:00:00:00:00:01"


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
