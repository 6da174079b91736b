"""Reports read, and held against their schema."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vifkit import VifkitError

from .redact import clean
from .run import SCHEMA, Run

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


class ReportError(VifkitError):
    """A file is no report of this version's; the message is one line that names it."""


def read(path: Path) -> list[Run]:
    """Give the runs of a report, named by its file or its folder. Raises ReportError."""
    file = path / "report.json" if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise ReportError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise ReportError(f"{file}: no report: {error}") from error
    if isinstance(report, dict) and report.get("schema", SCHEMA) != SCHEMA:
        raise ReportError(f"{file}: a report of schema {report['schema']!r}, and this version reads {SCHEMA}")
    if (wrong := first_error(report)) is not None:
        raise ReportError(f"{file}: no report: {wrong}")
    runs: list[Run] = clean(report["runs"])
    return runs


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no value of JSON")


def first_error(report: Any) -> str | None:
    """Say in one line what is not as the schema wants it; None for a report that is right."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(report))
    return error and f"{error.json_path}: {error.message:.200}"


@cache
def _validator() -> "Validator":
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((files(__package__) / "schema.json").read_text(encoding="utf-8")))
