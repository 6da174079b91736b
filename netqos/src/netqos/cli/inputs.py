"""What a user hands in: XML, and the JSON of `netqos apply --from`, which is read as strictly."""

import json
import sys
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from vifkit import Bandwidth, InvalidBandwidthError, InvalidXmlError, Rate, Vif
from vifkit.domain_xml import read_document

MAX_INPUT_BYTES = 2**20
"""The largest file that is read, in bytes."""

_DIRECTIONS = ("inbound", "outbound")
_FIGURES = tuple(figure.name for figure in fields(Rate))


def read_input(file: str) -> bytes:
    """Read a file, `-` for standard input, of at most MAX_INPUT_BYTES. Raises click.ClickException."""
    if file == "-" and sys.stdin is None:
        raise click.ClickException("standard input is closed")
    try:
        with nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb") as stream:
            data = stream.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    if len(data) > MAX_INPUT_BYTES:
        raise click.ClickException(f"{file}: more than {MAX_INPUT_BYTES} bytes are not read")
    return data


def read_vifs(file: str) -> tuple[str, tuple[Vif, ...]]:
    """Read the name of the root, and the vifs. Raises click.ClickException, which names the file."""
    data = read_input(file)
    try:
        return read_document(data)
    except (InvalidXmlError, InvalidBandwidthError) as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        raise click.ClickException(f"{file}: {error}{notes}") from error


def read_map(file: str) -> dict[str, Bandwidth | None]:
    """Read `{"vnet0": {"inbound": {"average": 512}, "outbound": null}, "vnet1": null}`.

    Raises click.ClickException, which names the file, the port and the field.
    """
    data = read_input(file)
    try:
        ports = _object(json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse), "the document")
        return {name: _bandwidth(name, value) for name, value in ports.items()}
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file}: not UTF-8") from error
    except RecursionError as error:
        raise click.ClickException(f"{file}: nested too deep") from error
    except ValueError as error:  # also JSONDecodeError and InvalidBandwidthError
        raise click.ClickException(f"{file}: {error}") from error


def _bandwidth(port: str, value: Any) -> Bandwidth | None:
    if value is None:
        return None
    directions = _object(value, f"port {port!r}", _DIRECTIONS)
    try:
        rates = {name: _rate(f"port {port!r}: {name}", rate) for name, rate in directions.items()}
        return Bandwidth(**rates)
    except InvalidBandwidthError as error:
        raise ValueError(f"port {port!r}: outbound {error}") from error


def _rate(where: str, value: Any) -> Rate | None:
    if value is None:
        return None
    figures = _object(value, where, _FIGURES)
    given = [figure for figure in figures.values() if figure is not None]
    if (
        not figures.keys().isdisjoint(("average", "floor"))
        and given
        and all(figure == 0 and type(figure) is int for figure in given)
    ):
        return None  # zero is no limit, as in XML
    try:
        return Rate(**figures)
    except InvalidBandwidthError as error:
        raise ValueError(f"{where} {error}") from error


def _object(value: Any, where: str, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: an object is needed, not {json.dumps(value)[:40]}")
    unknown = [key for key in value if keys is not None and key not in keys]
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
