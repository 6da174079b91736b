"""What somebody else was quicker with is looked at again, a bounded number of times."""

import pytest

from vifkit import BackendError, DomainNotFoundError
from vifkit_base.overtaken import TRIES, OvertakenError, afresh


def test_it_is_done_in_the_end() -> None:
    others = [OvertakenError("changed")] * (TRIES - 1)

    def verb() -> str:
        if others:
            raise others.pop()
        return "done"

    assert afresh(verb) == "done"


def test_who_is_never_quick_enough_is_told_in_one_line() -> None:
    seen = []

    def verb() -> None:
        seen.append(1)
        raise OvertakenError("changed")

    with pytest.raises(BackendError) as caught:
        afresh(lambda: afresh(verb))
    assert str(caught.value) == "somebody else was quicker each time, and nothing was done: changed"
    assert not isinstance(caught.value, OvertakenError)
    assert isinstance(caught.value.__cause__, OvertakenError)
    assert len(seen) == TRIES


@pytest.mark.parametrize("error", [BackendError("broken"), DomainNotFoundError("guest")])
def test_any_other_error_is_told_at_once(error: Exception) -> None:
    seen = []

    def verb() -> None:
        seen.append(1)
        raise error

    with pytest.raises(type(error)):
        afresh(verb)
    assert len(seen) == 1
