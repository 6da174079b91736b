"""The files of a report. Each is there whole or not at all: it is written beside its place, and then moved there."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from .run import SCHEMA, Run

PAGE = "report.html"


def prepare(folder: Path) -> None:
    """Make the folder, and see that files can be made in it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder):
        pass


def write(runs: Sequence[Run], folder: Path) -> Path:
    """Write every file of a report, and return the path of the page. Raises OSError."""
    from . import badge, junit, page

    report = {"schema": SCHEMA, "runs": list(runs)}
    made = {
        "report.json": json.dumps(report, indent=1, ensure_ascii=False) + "\n",
        "junit.xml": junit.write(runs),
        "badge.svg": badge.svg(runs),
        "badge.json": json.dumps(badge.endpoint(runs), ensure_ascii=False) + "\n",
        PAGE: page.render(runs),
    }
    prepare(folder)
    for name, text in made.items():
        _put(folder / name, text)
    return folder / PAGE


def _put(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
