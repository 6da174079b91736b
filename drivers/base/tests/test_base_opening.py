"""What is opened half way is closed again."""

import pytest

from vifkit import AccessDeniedError, BackendError, ConnectError, VifkitError
from vifkit_base.opening import opened


@pytest.mark.parametrize(
    ("raised", "told", "said"),
    [
        (BackendError("no such pool"), ConnectError, "host: no such pool"),
        (ConnectError("host: nobody answers"), ConnectError, "host: nobody answers"),
        (AccessDeniedError("not you"), AccessDeniedError, "not you"),
    ],
)
def test_what_does_not_come_about_is_closed_and_told(raised: VifkitError, told: type[VifkitError], said: str) -> None:
    closed: list[str] = []

    def connect() -> None:
        raise raised

    with pytest.raises(told) as caught:
        opened("host", connect, lambda: closed.append("closed"))
    assert (str(caught.value), closed) == (said, ["closed"])


def test_what_comes_about_stays_open() -> None:
    closed: list[str] = []
    assert opened("host", lambda: "connection", lambda: closed.append("closed")) == "connection"
    assert closed == []
