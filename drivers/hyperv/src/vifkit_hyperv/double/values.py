"""What goes through a pipeline, and how PowerShell writes it as CLIXML ([MS-PSRP] 2.2.5)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from uuid import UUID

from lxml import etree


@dataclass(frozen=True)
class Enumeration:
    """A value of a .NET enumeration."""

    type: str
    name: str
    number: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Long:
    """A 64-bit number, where a plain int is a 32-bit one."""

    value: int

    def __str__(self) -> str:
        return str(self.value)


@runtime_checkable
class PowerShellObject(Protocol):
    """An object with properties."""

    @property
    def type_names(self) -> Sequence[str]:
        """Its .NET type, and those that it derives from."""

    def properties(self) -> Mapping[str, object]:
        """Its properties."""


@dataclass
class Custom:
    """A PSCustomObject, as Select-Object makes it: its properties are extended ones."""

    type_names: Sequence[str]
    members: Mapping[str, object] = field(default_factory=dict)

    def properties(self) -> Mapping[str, object]:
        """Give what was selected."""
        return self.members


def clixml(value: object) -> etree._Element:
    """Write one object of a pipeline's output, one level deep: what is nested further becomes its text."""
    return _Writer().element(value, depth=1)


_TAGS = ((bool, "B"), (int, "I32"), (Long, "I64"), (UUID, "G"))  # a bool is an int, too


class _Writer:
    def __init__(self) -> None:
        self._objects = 0
        self._types: dict[tuple[str, ...], str] = {}

    def element(self, value: object, *, depth: int, name: str | None = None) -> etree._Element:
        element = self._element(value, depth)
        if name is not None:
            element.set("N", escape(name))
        return element

    def _element(self, value: object, depth: int) -> etree._Element:
        if isinstance(value, Enumeration):
            element = self._object((value.type, "System.Enum", "System.ValueType", "System.Object"), str(value))
            element.append(_primitive("I32", str(value.number)))
            return element
        if depth and isinstance(value, PowerShellObject):
            return self._with_properties(value)
        for kind, tag in _TAGS:
            if isinstance(value, kind):
                return _primitive(tag, escape(str(value).lower() if kind is bool else str(value)))
        return etree.Element("Nil") if value is None else _primitive("S", escape(str(value)))

    def _with_properties(self, value: PowerShellObject) -> etree._Element:
        element = self._object(tuple(value.type_names), None if isinstance(value, Custom) else str(value))
        members = etree.SubElement(element, "MS" if isinstance(value, Custom) else "Props")
        for name, member in value.properties().items():
            members.append(self.element(member, depth=0, name=name))
        return element

    def _object(self, types: tuple[str, ...], text: str | None) -> etree._Element:
        element = etree.Element("Obj", RefId=str(self._objects))
        self._objects += 1
        if types in self._types:
            etree.SubElement(element, "TNRef", RefId=self._types[types])
        else:
            self._types[types] = str(len(self._types))
            names = etree.SubElement(element, "TN", RefId=self._types[types])
            for each in types:
                etree.SubElement(names, "T").text = each
        if text is not None:
            etree.SubElement(element, "ToString").text = escape(text)
        return element


def _primitive(tag: str, text: str) -> etree._Element:
    element = etree.Element(tag)
    element.text = text
    return element


def escape(text: str) -> str:
    """Write a string as [MS-PSRP] 2.2.5.3.2 has it: control characters as _xHHHH_, and a '_' before any 'x' as well.

    What is beyond 16 bits is written as its two surrogates.
    """
    text = re.sub("_(?=[xX])", "_x005F_", text)
    return re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\U00010000-\U0010ffff]", _escaped, text)


def _escaped(found: "re.Match[str]") -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"_x{units[start : start + 4]}_" for start in range(0, len(units), 4))


def properties(value: object) -> Mapping[str, object]:
    """Give the properties of what has some."""
    return value.properties() if isinstance(value, PowerShellObject) else {}


def member(value: object, name: str) -> object:
    """Read a property of an object, whatever the case of its name; what it has not is null."""
    return next((held for each, held in properties(value).items() if each.lower() == name.lower()), None)
