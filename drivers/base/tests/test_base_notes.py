"""What is kept in a hypervisor's text comes back, and what is not ours does not."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vifkit import parse_domain
from vifkit_base.notes import NOTHING, in_text, note, noted, written

XML = "<domain type='vbox'><name>a b; 'ü'</name><uuid>8e8ccd2a-a9ab-4a18-9b3d-9e1b1fd6a6f1</uuid></domain>"
OTHER = XML.replace("</domain>", "<metadata><x xmlns='urn:x'>\n</x></metadata></domain>")


@pytest.mark.parametrize("transient", [True, False])
@pytest.mark.parametrize("waiting", [None, OTHER])
@pytest.mark.parametrize("around", ["{}", "somebody's words\n{}\nmore words", " {} "])
def test_a_note_comes_back(transient: bool, waiting: str | None, around: str) -> None:
    written = note(parse_domain(XML), transient=transient, waiting=parse_domain(waiting) if waiting else None)
    found = noted(around.format(written))
    assert found is not None
    assert (found.transient, found.xml) == (transient, parse_domain(XML).to_xml())
    assert found.waiting == (parse_domain(waiting).to_xml() if waiting else None)


def test_a_note_is_one_word_of_ascii() -> None:
    written = note(parse_domain(OTHER), transient=False)
    assert written.isascii() and written.isprintable() and not set(written) & set(" '\"\\;,|&$`<>")


@given(st.text())
def test_what_is_no_note_is_none(text: str) -> None:
    assert noted(text) is None


@given(st.binary())
def test_a_damaged_note_is_none(garbage: bytes) -> None:
    assert noted("vifkit1:" + base64.urlsafe_b64encode(garbage).decode()) is None


@pytest.mark.parametrize(
    "json",
    [
        b"{}",
        b"[]",
        b"7",
        b'{"xml": 1, "transient": true, "waiting": null}',
        b'{"xml": "", "transient": 1, "waiting": null}',
    ],
)
def test_a_note_of_another_shape_is_none(json: bytes) -> None:
    assert noted("vifkit1:" + base64.urlsafe_b64encode(zlib.compress(json)).decode()) is None


def test_a_note_that_unpacks_to_gigabytes_is_none() -> None:
    packed = zlib.compress(b'"' + b" " * (64 << 20) + b'"', 9)
    assert noted("vifkit1:" + base64.urlsafe_b64encode(packed).decode()) is None


def test_a_note_takes_the_place_of_all_others_in_a_text() -> None:
    line = note(parse_domain("<domain type='test'><name>a</name></domain>"), transient=True)
    assert in_text("", line) == line
    assert in_text(f"Payroll.\nvifkit1:\nnot ours: {line}\nDo not stop.", line) == f"Payroll.\nDo not stop.\n{line}"
    assert written(NOTHING) != line
    assert noted(written(NOTHING)) == NOTHING
