"""What is said of a pass: lines for a person, to which a journal adds the time, or JSON for a program."""

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from netqos import CODES
from netqos.render import printable

from .reconciler import Reconciler, Report

SHOWN = 8


class Teller(ABC):
    """Says what happens, when it happens."""

    @abstractmethod
    def ready(self, reconciler: Reconciler) -> None:
        """Say what is watched."""

    @abstractmethod
    def tell(self, report: Report) -> None:
        """Say what a pass did; nothing where it did nothing."""


class Lines(Teller):
    """What is done goes to standard output, what is wrong to standard error."""

    def ready(self, reconciler: Reconciler) -> None:
        """One line."""
        watched = (f"{source.name} ({len(source.domains)} running)" for source in reconciler.sources)
        _say(f"watching {', '.join(watched)}")

    def tell(self, report: Report) -> None:
        """One line for each kind of thing."""
        for trouble in report.begun:
            _say(f"vifkit-libvirt: {trouble}", err=True)
        for good in report.over:
            _say(good)
        if report.changed:
            _say(f"in effect: {_names(f'{domain} {port}' for domain, port in report.changed)}")
        if report.collected:
            _say(f"deleted: {report.collected} rows that no port led to")
        findings: dict[str, dict[str, str]] = {}
        for domain, finding in report.findings:
            findings.setdefault(finding.code, {})[domain] = finding.message
        for code, messages in findings.items():
            said = set(messages.values())
            _say(f"note: {_names(messages)}: {code}: {said.pop() if len(said) == 1 else CODES[code]}")


class Json(Teller):
    """One object a line, all to standard output."""

    def ready(self, reconciler: Reconciler) -> None:
        """One object."""
        self._say({"watching": [{"uri": each.uri, "running": len(each.domains)} for each in reconciler.sources]})

    def tell(self, report: Report) -> None:
        """One object, where anything was read or done."""
        if report.read or report.changed or report.collected or report.begun or report.over:
            self._say(
                {
                    "read": report.read,
                    "changed": [{"domain": domain, "port": port} for domain, port in report.changed],
                    "collected": report.collected,
                    "findings": [{"domain": domain, **asdict(finding)} for domain, finding in report.findings],
                    "troubles": report.begun,
                    "over": report.over,
                    "seconds": round(report.seconds, 4),
                }
            )

    def _say(self, said: Mapping[str, Any]) -> None:
        _say(json.dumps({"time": round(time.time(), 3), **said}))


def _say(line: str, *, err: bool = False) -> None:
    """Say a line; that it cannot be written is no reason to leave a bandwidth out of effect.

    Raises BrokenPipeError where the reader has left.
    """
    try:
        click.echo(printable(line), err=err)
    except OSError as error:
        stream = sys.stderr if err else sys.stdout
        with Path(os.devnull).open("wb") as nowhere:  # also for what the stream still holds
            os.dup2(nowhere.fileno(), stream.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        if not err:
            _say(f"vifkit-libvirt: what follows cannot be written: {error.strerror}", err=True)


def _names(names: Iterable[str]) -> str:
    """List names, and of many the first few."""
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
