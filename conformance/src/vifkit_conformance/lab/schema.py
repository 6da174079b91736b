"""The installed vswitch.ovsschema, and by it OVSDB's notation as plain Python."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .binaries import binary
from .errors import LabUnavailableError

Row = dict[str, Any]


@cache
def schema_file() -> Path:
    """Return the schema that belongs to the installed ovsdb-tool.

    Raises `LabUnavailableError` if there is none in OVS_PKGDATADIR or the usual places.
    """
    prefix = Path(binary("ovsdb-tool")).resolve().parent.parent
    directories = [
        os.environ.get("OVS_PKGDATADIR"),
        *(f"{p}/share/openvswitch" for p in (prefix, "/usr", "/usr/local")),
    ]
    for directory in filter(None, directories):
        if (found := Path(directory, "vswitch.ovsschema")).is_file():
            return found
    raise LabUnavailableError("vswitch.ovsschema is not installed: install the package openvswitch-switch")


def plain_row(columns: Mapping[str, Any], row: Row) -> Row:
    """Return a row as it came from OVSDB with dicts, lists, None and strings in place of its tags.

    `columns` are those of its table in the schema. A column that may hold many values is always a list, one that may
    be empty is a value or None, and a UUID is a string (notation: RFC 7047, section 5.1).
    """
    return {name: _plain(columns[name]["type"] if name in columns else "uuid", value) for name, value in row.items()}


@cache
def tables() -> dict[str, Any]:
    """Return the tables of the installed schema by name."""
    tables: dict[str, Any] = json.loads(schema_file().read_text())["tables"]
    return tables


def _plain(kind: Any, value: Any) -> Any:
    if isinstance(kind, str):
        return _atom(value)
    if "value" in kind:
        return {_atom(key): _atom(item) for key, item in value[1]}
    # A set of one is written as its only element.
    elements = [_atom(item) for item in (value[1] if isinstance(value, list) and value[0] == "set" else [value])]
    if kind.get("max", 1) != 1:
        return elements
    return elements[0] if elements else None


def _atom(value: Any) -> Any:
    return value[1] if isinstance(value, list) else value
