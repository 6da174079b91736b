"""How a driver opens a hypervisor on another host: all of it, or it hangs up again."""

from collections.abc import Callable
from typing import TypeVar

from vifkit import BackendError, ConnectError, VifkitError

_Connection = TypeVar("_Connection")


def opened(host: str, connect: Callable[[], _Connection], hang_up: Callable[[], object]) -> _Connection:
    """Connect, and hang up where that fails; what the hypervisor refuses then is a ConnectError of its host's."""
    try:
        return connect()
    except VifkitError as error:
        hang_up()
        if isinstance(error, BackendError):
            raise ConnectError(f"{host}: {error}") from error
        raise
