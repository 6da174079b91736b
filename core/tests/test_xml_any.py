"""Any input whatever: a result or a typed error, and nothing lost."""

import contextlib
import re
from xml.sax.saxutils import escape

from documents import DOMAIN, MAC, UUID, domain, interface
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vifkit import (
    Bandwidth,
    DomainConfig,
    Rate,
    Vif,
    VifkitError,
    parse_bandwidth,
    parse_domain,
    parse_interface,
)
from vifkit.bandwidth import MAX_BURST_KIB, MAX_RATE_KBPS
from vifkit.domain_xml import read_document


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
