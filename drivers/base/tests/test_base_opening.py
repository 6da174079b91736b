"""What is opened half way is closed again."""

import pytest

from vifkit import AccessDeniedError, BackendError, ConnectError, VifkitError
from vifkit_base.opening import opening


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
    with pytest.raises(told) as caught, opening("host", lambda: closed.append("closed")):
        raise raised
    assert (str(caught.value), closed) == (said, ["closed"])


def test_what_comes_about_stays_open() -> None:
    closed: list[str] = []
    with opening("host", lambda: closed.append("closed")):
        pass
    assert closed == []
