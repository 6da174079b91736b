"""Documents that are no XML, or are out to do harm."""

from pathlib import Path

import pytest
from documents import MAC, PARSERS, domain, interface, refusal

from vifkit import (
    Bandwidth,
    parse_bandwidth,
    parse_domain,
)
from vifkit.safe_xml import MAX_DEPTH, MAX_XML_BYTES


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
