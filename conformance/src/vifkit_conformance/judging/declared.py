"""Capabilities, both ways: a test that does not apply says why, and one that sees a refusal says of what."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest

from vifkit import UnsupportedError

from . import evidence

if TYPE_CHECKING:
    from vifkit_conformance.testbed import Testbed


def undeclared(what: str) -> NoReturn:
    """Leave out a test of what the driver does not declare.

    A capability must be refused, which other tests see to; a protocol (SupportsX) has no verb that could refuse.
    """
    if what.startswith("Supports"):
        inapplicable(f"the driver does not declare {what}")
    evidence.note("undeclared", capability=what)
    _skip(f"the driver does not declare {what}")


def inapplicable(reason: str) -> NoReturn:
    """Leave out a test that asks what this driver, by its nature, is not to do."""
    evidence.note("inapplicable")
    _skip(reason)


def missing(testbed: "Testbed", protocol: type) -> NoReturn:
    """Leave out a test of what the testbed does not do to the hypervisor: there may be nothing that it could do."""
    name = protocol.__name__
    if name in testbed.nonexistent:
        inapplicable(f"{testbed.nonexistent[name]} ({name})")
    unjudged(f"the testbed is not {name}")


def unjudged(reason: str) -> NoReturn:
    """Leave out a test that the testbed or the environment does not make possible: nobody knows what it would say."""
    evidence.note("unjudged")
    _skip(reason)


def only_seen() -> NoReturn:
    """Leave out a test that needs a lab, where the host is somebody's."""
    unjudged("it needs a lab, in which it may break things; this host is only looked at")


def note_again(error: BaseException) -> None:
    """Note once more why a test is left out, where a fixture of the session leaves out each test that asks for it."""
    entry = getattr(error, "vifkit", None)
    if entry is not None and entry not in evidence.seen():
        evidence.note(**entry)


def _skip(reason: str) -> NoReturn:
    """Skip, and keep with it what was noted last."""
    try:
        pytest.skip(reason)
    except pytest.skip.Exception as left_out:
        left_out.vifkit = evidence.seen()[-1]  # type: ignore[attr-defined]
        raise


@contextmanager
def refused(capability: str) -> Iterator[None]:
    """See that what the block asks is refused, as the capability is not declared."""
    with pytest.raises(UnsupportedError) as caught:
        yield
    assert caught.value.capability == capability
    evidence.note("refused", capability=capability)
