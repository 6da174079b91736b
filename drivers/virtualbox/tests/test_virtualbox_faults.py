"""VBoxManage fails, is slow, or talks garbage: the error is typed, one line, and nothing is half done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vifkit import (
    BackendError,
    ConnectError,
    Connection,
    DomainNotFoundError,
    State,
    VifkitError,
)
from vifkit_base.doubles.faults import order
from vifkit_conformance.guest import Guests
from vifkit_virtualbox.links import bridge_end

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
Document = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


def test_a_machine_that_is_removed_in_the_middle_of_a_verb_leaves_nothing(guest: Guests, host: Path) -> None:
    made = guest(REFERENCE, start=False)
    gone = f"VBoxManage: error: Could not find a registered machine with UUID {{{made.domain.uuid}}}\n"
    order(str(host), startvm={"stderr": gone, "status": 1})
    with pytest.raises(DomainNotFoundError):
        made.domain.start()
    assert made.ports() == []
    assert made.observer.link(bridge_end(made.domain.uuid, made.mac)) is None


def test_a_start_that_fails_leaves_no_device(guest: Guests, host: Path) -> None:
    made = guest(REFERENCE, REFERENCE, start=False)
    said = "VBoxManage: error: VT-x is not available (VERR_VMX_NO_VMX)\nVBoxManage: error: Details: code E_FAIL\n"
    order(str(host), startvm={"stderr": said, "status": 1})
    with pytest.raises(BackendError, match=r"^VBoxManage: VT-x is not available \(VERR_VMX_NO_VMX\)$"):
        made.domain.start()
    for mac in made.macs:
        assert made.observer.link(bridge_end(made.domain.uuid, mac)) is None
    assert made.domain.state() is State.SHUTOFF


def test_a_start_that_reports_a_failure_too_late_leaves_nothing(guest: Guests, host: Path) -> None:
    made = guest(REFERENCE, start=False)
    order(str(host), startvm={"stderr": "VBoxManage: error: lost\n", "status": 1, "after": True})
    with pytest.raises(BackendError, match="lost"):
        made.domain.start()
    assert made.ports() == []
    assert made.observer.link(bridge_end(made.domain.uuid, made.mac)) is None
    (host / "faults").unlink()
    assert made.domain.state() is State.SHUTOFF


@pytest.mark.parametrize("verb", ["createvm", "setextradata", "modifyvm"])
def test_a_definition_that_fails_half_way_leaves_nothing(guest: Guests, host: Path, behind: Run, verb: str) -> None:
    xml, _ = guest.write(REFERENCE)
    before = behind("list", "vms"), behind("getextradata", "global", "enumerate")
    order(str(host), **{verb: {"stderr": "VBoxManage: error: no\n", "status": 1, "times": 1}})
    with pytest.raises(BackendError, match="VBoxManage: no"):
        guest.connection.define(xml)
    assert (behind("list", "vms"), behind("getextradata", "global", "enumerate")) == before
    guest.define(xml)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"stdout": "garbage\n", "status": 0}, BackendError, "not understood"),
        ({"bytes": 10_000_000, "status": 0}, BackendError, "not understood"),
        ({"sleep_s": 30}, ConnectError, "did not end within 3 s"),
        ({"stderr": "VBoxManage: error: two\nlines\n", "status": 1}, BackendError, "VBoxManage: two"),
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
