"""What a person reads below a failure: the XML, the rows, the trees side by side, and what to mend."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netqos.render import human_rate

from ..judging import evidence
from .compare import UNITS, Part, parts

if TYPE_CHECKING:
    import pytest

Entry = Mapping[str, Any]

TITLE = "vifkit: what was seen"
_WIDTH = 100
_MOST_XML = 12
_FIGURES = ("kind", "rate", "ceil", "buffer", "cbuffer", "quantum")
_DONE = "_vifkit_seen"


def add_section(item: "pytest.Item", report: "pytest.TestReport", test: str) -> None:
    """Give a failure its one section; a test that fails in its teardown as well has it already."""
    entries = evidence.seen()
    if getattr(item, _DONE, False) or not (text := shown(entries)):
        return
    from .run import mend

    setattr(item, _DONE, True)
    report.sections.append((TITLE, "\n".join([text, *_wrapped("to mend", mend(test))])))


def shown(entries: Sequence[Entry]) -> str:
    """Write what was seen, at most some forty lines; nothing where nothing was."""
    of: dict[str, list[Entry]] = {}
    for entry in entries:
        of.setdefault(entry["kind"], []).append(entry)
    blocks = [
        *(_xml(each) for each in of.get("xml", [])[-1:]),
        *(_rows(each) for each in of.get("rows", [])[-1:]),
        *(_tree(each) for each in _telling(of.get("tree", []))),
        *(_rate(each) for each in of.get("rate", [])[-1:]),
    ]
    return "\n".join(line for block in blocks for line in block)


def pretty(text: str, tag: str | None = None) -> str:
    """Indent XML, all of it or the elements of a tag; what is no XML stays as it is."""
    from lxml import etree

    try:
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, remove_blank_text=True))
    except etree.XMLSyntaxError:
        return text
    found = list(root.iter(tag)) if tag else [root]
    for each in found:
        each.tail = None
        etree.indent(each)
    return "\n".join(etree.tostring(each, encoding="unicode") for each in found)


def row(held: Entry | None) -> str:
    """Write a QoS or Queue row on one line."""
    if held is None:
        return "none"
    columns = (held.get(name) or {} for name in ("other_config", "external_ids"))
    return " ".join(
        [held.get("type", ""), *(f"{key}={value}" for each in columns for key, value in sorted(each.items()))]
    ).strip()


def _telling(trees: Sequence[Entry]) -> Sequence[Entry]:
    """Choose the last tree that differs, or else the last."""
    return [each for each in trees if each["differences"]][-1:] or trees[-1:]


def _xml(entry: Entry) -> Iterator[str]:
    lines = (pretty(entry["text"], "interface") or entry["text"]).splitlines()
    yield from (f"  {line}" for line in lines[:_MOST_XML])
    if len(lines) > _MOST_XML:
        yield f"  ... {len(lines) - _MOST_XML} lines more"


def _rows(entry: Entry) -> Iterator[str]:
    yield f"port {entry['port']}"
    for name in ("qos", "queue"):
        yield from _wrapped(f"  {name}", row(entry[name]))
    yield f"  policing: {entry['policing_kbps']} kbit/s, burst {entry['policing_burst_kb']} kbit"


def _tree(entry: Entry) -> Iterator[str]:
    wanted = entry["wanted"]
    found = parts(wanted, entry["live"])
    if not found:
        yield "tree: no qdisc and no classes"
        return
    yield f"{'tree':<22}{'wanted':>16}{'live':>16}" if wanted else f"{'tree':<22}{'live':>16}"
    for part in found:
        yield from _part(part, compared=wanted is not None)
    if entry["differences"]:
        yield from _wrapped("first difference", entry["differences"][0])


def _part(part: Part, *, compared: bool) -> Iterator[str]:
    """Write the fields that carry a bandwidth, and of the others those that differ."""
    yield f"  {part.name}"
    for line in part.lines:
        if not line.differs and (line.field not in _FIGURES or line.live is None):
            continue
        wanted = f"{_said(line.wanted):>16}" if compared else ""
        mark = "  <- differs" if line.differs else ""
        yield f"    {line.field:<8}{UNITS.get(line.field, ''):<10}{wanted}{_said(line.live):>16}{mark}"


def _rate(entry: Entry) -> Iterator[str]:
    rates = [bps for _, bps in entry["samples"]]
    limits = [f"{name} {human_rate(entry[f'{name}_bps'])}" for name in ("average", "peak") if entry[f"{name}_bps"]]
    got = f"{human_rate(min(rates))} to {human_rate(max(rates))}" if rates else "nothing"
    yield from _wrapped(entry["what"], ", ".join([got, *limits, f"offered {human_rate(entry['offered_bps'])}"]))


def _said(value: object) -> str:
    return "-" if value is None else str(value)


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(f"{label}: {text}", _WIDTH, subsequent_indent="    ") if text else []
