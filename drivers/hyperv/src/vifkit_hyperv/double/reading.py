"""Reads what a client of PowerShell remoting sends: fragments, messages, and CLIXML ([MS-PSRP] 2.2.1, 2.2.4, 2.2.5)."""

import re
import struct
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lxml import etree

from vifkit import VifkitError, safe_xml

_HEADER = struct.Struct(">QQBI")
_NUMBERS = frozenset(("By", "SB", "U16", "I16", "U32", "I32", "U64", "I64"))
_CONTAINERS = ("LST", "QUE", "STK", "IE")


@dataclass(frozen=True)
class Message:
    """One message: its type, the pool and the pipeline that it is about, and its object, None where it has none."""

    type: int
    pool: UUID
    pipeline: UUID
    data: Any


class Incoming:
    """Puts messages together from their fragments."""

    def __init__(self) -> None:
        self._begun: dict[int, list[bytes]] = {}

    def messages(self, data: bytes) -> list[Message]:
        """Give the messages that are complete. Raises ValueError for what are no fragments of messages."""
        found = []
        while data:
            if len(data) < _HEADER.size:
                raise ValueError("a fragment is cut short")
            number, place, flags, length = _HEADER.unpack_from(data)
            piece, data = data[_HEADER.size : _HEADER.size + length], data[_HEADER.size + length :]
            pieces = self._begun.setdefault(number, [])
            if len(piece) != length or place != len(pieces) or bool(flags & 1) is not (place == 0):
                raise ValueError("a fragment is cut short, or out of its place")
            pieces.append(piece)
            if flags & 2:
                found.append(_message(b"".join(self._begun.pop(number))))
        return found


def _message(data: bytes) -> Message:
    if len(data) < 40:
        raise ValueError("a message is cut short")
    destination, kind = struct.unpack_from("<II", data)
    if destination != 2:
        raise ValueError("a message for somebody else")
    text = data[40:].removeprefix(b"\xef\xbb\xbf")
    try:
        value = Reader().read(safe_xml.parse(text)) if text else None
    except VifkitError as error:
        raise ValueError(str(error)) from error
    return Message(kind, UUID(bytes_le=data[8:24]), UUID(bytes_le=data[24:40]), value)


class Reader:
    """Reads one object, with all that it refers to: an object with properties becomes a dict, with '' for its text."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}

    def read(self, element: etree._Element) -> Any:
        """Give the value of an element. Raises ValueError."""
        tag, text = str(element.tag), element.text or ""
        if tag == "Obj":
            return self._object(element)
        if tag == "Ref":
            try:
                return self._objects[element.get("RefId", "")]
            except KeyError:
                raise ValueError("a reference to no object") from None
        if tag == "B":
            return text == "true"
        if tag in _NUMBERS:
            return int(text)
        if tag == "G":
            return UUID(text)
        return None if tag == "Nil" else unescape(text)

    def _object(self, element: etree._Element) -> Any:
        for child in element:
            if child.tag in _CONTAINERS:
                return self._keep(element, [self.read(each) for each in child])
            if child.tag == "DCT":
                pairs = [{each.get("N"): self.read(each) for each in entry} for entry in child]
                return self._keep(element, {pair.get("Key"): pair.get("Value") for pair in pairs})
        members = self._keep(element, {"": unescape(element.findtext("ToString", ""))})
        for child in element:
            if child.tag in ("MS", "Props"):
                members.update({unescape(each.get("N", "")): self.read(each) for each in child})
            elif child.tag not in ("TN", "TNRef", "ToString"):
                return self.read(child)  # an enumeration, or a primitive with a type
        return members

    def _keep(self, element: etree._Element, value: Any) -> Any:
        self._objects[element.get("RefId", "")] = value
        return value


def unescape(text: str) -> str:
    """Read the escapes _xHHHH_ of a string, two of which may be the surrogates of one character."""
    found = re.sub("_[xX]([0-9A-Fa-f]{4})_", lambda each: chr(int(each[1], 16)), text)
    return found.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
