"""Reads XML from anybody: bounded in size and depth, without a DOCTYPE, and with one kind of error.

And edits it with care for what stands around. Namespaced elements are never taken for ours.
"""

from functools import partial

from lxml import etree

from .errors import InvalidXmlError

MAX_XML_BYTES = 2**20
"""The largest document that is read, in bytes."""
MAX_DEPTH = 64
"""How deep elements may be nested; libvirt's own go to about ten."""

_parser: "partial[etree.XMLParser[etree._Element]]" = partial(
    etree.XMLParser,
    # This overrules the declaration in a document: in a str it means nothing any more, and in bytes
    # it would choose among decoders.
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    strip_cdata=False,
)


class _Guard:
    """Ends the reading where there is a DOCTYPE, the door of every entity, or too much depth."""

    def __init__(self) -> None:
        self._depth = 0

    def start(self, _tag: str, _attributes: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidXmlError("", f"elements are nested more than {MAX_DEPTH} deep")

    def end(self, _tag: str) -> None:
        self._depth -= 1

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise InvalidXmlError("", "a DOCTYPE is not allowed")

    def close(self) -> None:
        pass


def parse(xml: str | bytes) -> etree._Element:
    """Read UTF-8 of at most MAX_XML_BYTES, and give the root; a declared encoding is ignored.

    Comments, processing instructions, CDATA sections and whitespace are kept. Raises InvalidXmlError.
    """
    try:
        data = xml.encode() if isinstance(xml, str) else xml
        if len(data) > MAX_XML_BYTES:
            raise InvalidXmlError("", f"{len(data)} bytes are too many: the limit is {MAX_XML_BYTES}")
        if 0 in data:  # not left to libxml2, whose own strings end there
            raise InvalidXmlError("", "a null byte is not allowed")
        # Twice, as a tree that is built through a target loses comments outside of the root and CDATA.
        etree.fromstring(data, _parser(target=_Guard()))
        return etree.fromstring(data, _parser())
    except UnicodeEncodeError as error:
        raise InvalidXmlError("", f"not Unicode text: {error.reason}") from error
    except etree.XMLSyntaxError as error:
        lines = (error.msg or "").splitlines() or ["no reason given"]
        raise InvalidXmlError("", f"not well-formed XML: {lines[0][:200]}") from error


def parse_again(xml: str) -> etree._Element:
    """Read what `write` gave; escapes may have made it longer than MAX_XML_BYTES."""
    return etree.fromstring(xml.encode(), _parser())


def write(root: etree._Element) -> str:
    """Give the document, what stands around the root included, without an XML declaration."""
    return etree.tostring(root.getroottree(), encoding="unicode")


def write_element(element: etree._Element) -> str:
    """Give one element by itself, with the namespaces that it needs."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def path(element: etree._Element) -> str:
    """Name the place of an element, such as `domain/devices/interface[2]/bandwidth`."""
    return element.getroottree().getpath(element).lstrip("/")


def only(parent: etree._Element | None, tag: str) -> etree._Element | None:
    """Find a child that may occur once. Raises InvalidXmlError if there are more."""
    found = [] if parent is None else parent.findall(tag)
    if len(found) > 1:
        raise InvalidXmlError(path(found[1]), "only one is allowed")
    return found[0] if found else None


def put(parent: etree._Element, tag: str, after: str | None = None) -> etree._Element:
    """Give the only child of this tag, made where there is none: behind `after`, or else as the first."""
    child = only(parent, tag)
    if child is None:
        child = etree.Element(tag)
        previous = None if after is None else parent.find(after)
        space = parent.text if previous is None else previous.tail
        if not (space or "").strip():
            child.tail = space
        parent.insert(0 if previous is None else parent.index(previous) + 1, child)
    return child


def remove(parent: etree._Element, child: etree._Element) -> None:
    """Take a child out, but no text around it; of mere whitespace, what stood behind stays."""
    previous = child.getprevious()
    text = ((parent.text if previous is None else previous.tail) or "") + (child.tail or "")
    if not text.strip():
        text = child.tail or ""
    parent.remove(child)
    if previous is None:
        parent.text = text
    else:
        previous.tail = text
