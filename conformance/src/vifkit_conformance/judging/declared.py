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
    pytest.skip(f"the driver does not declare {what}")


def inapplicable(reason: str) -> NoReturn:
    """Leave out a test that asks what this driver, by its nature, is not to do."""
    evidence.note("inapplicable")
    pytest.skip(reason)


def missing(testbed: "Testbed", protocol: type) -> NoReturn:
    """Leave out a test of what the testbed does not do to the hypervisor: there may be nothing that it could do."""
    name = protocol.__name__
    if name in testbed.nonexistent:
        inapplicable(f"{testbed.nonexistent[name]} ({name})")
    unjudged(f"the testbed is not {name}")


def unjudged(reason: str) -> NoReturn:
    """Leave out a test that the testbed or the environment does not make possible: nobody knows what it would say."""
    evidence.note("unjudged")
    pytest.skip(reason)


def only_seen() -> NoReturn:
    """Leave out a test that needs a lab, where the host is somebody's."""
    unjudged("it needs a lab, in which it may break things; this host is only looked at")


@contextmanager
def refused(capability: str) -> Iterator[None]:
    """See that what the block asks is refused, as the capability is not declared."""
    with pytest.raises(UnsupportedError) as caught:
        yield
    assert caught.value.capability == capability
    evidence.note("refused", capability=capability)
