"""Virtuozzo's prlctl fails, is slow, or talks garbage: the error is typed, one line, and nothing is half done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vifkit import (
    BackendError,
    ConnectError,
    Connection,
    State,
    VifkitError,
)
from vifkit_base.doubles.faults import order
from vifkit_conformance.guest import Guests

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
Document = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("after", [False, True])
def test_a_start_that_fails_leaves_nothing(guest: Guests, host: Path, after: bool) -> None:
    made = guest(REFERENCE, REFERENCE, start=False)
    said = "Starting the CT...\nFailed to start the CT: Unable to allocate memory\n"
    order(str(host), start={"stderr": said, "status": 255, "after": after})
    with pytest.raises(BackendError, match=r"^prlctl: Failed to start the CT: Unable to allocate memory$"):
        made.domain.start()
    assert made.ports() == []
    assert made.domain.state() is State.SHUTOFF
    for mac in made.macs:
        assert made.observer.link("vme" + mac.replace(":", "")) is None


@pytest.mark.parametrize("verb", ["create", "set"])
def test_a_definition_that_fails_half_way_leaves_nothing(guest: Guests, host: Path, behind: Run, verb: str) -> None:
    xml, _ = guest.write(REFERENCE)
    before = behind("list", "-a", "-i", "-j")
    order(str(host), **{verb: {"stderr": "no\n", "status": 255, "times": 1}})
    with pytest.raises(BackendError, match="prlctl: no"):
        guest.connection.define(xml)
    assert behind("list", "-a", "-i", "-j") == before
    guest.define(xml)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"stdout": "garbage\n", "status": 0}, BackendError, "not understood"),
        ({"bytes": 10_000_000, "status": 0}, BackendError, "not understood"),
        ({"sleep_s": 30}, ConnectError, "did not end within 3 s"),
        (
            {"stderr": "Failed to connect\nto the dispatcher\n", "status": 253},
            BackendError,
            "prlctl: Failed to connect",
        ),
        ({"status": 1}, BackendError, "status 1, and not a word"),
    ],
    ids=["garbage", "10-MB", "slow", "refused", "silent"],
)
def test_an_answer_that_is_none_is_typed_and_one_line(
    own: Connection, tmp_path: Path, fault: Document, error: type[Exception], said: str
) -> None:
    order(str(tmp_path), list=fault)
    with pytest.raises(error, match=said) as caught:
        own.domains()
    assert isinstance(caught.value, VifkitError)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
