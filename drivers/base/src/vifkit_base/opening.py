"""How a driver opens a hypervisor on another host: all of it, or it hangs up again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vifkit import BackendError, ConnectError, VifkitError


@contextmanager
def opening(host: str, hang_up: Callable[[], object]) -> Iterator[None]:
    """Hang up where a connection does not come about; what the host's hypervisor refuses is a ConnectError here."""
    try:
        yield
    except VifkitError as error:
        hang_up()
        if isinstance(error, BackendError):
            raise ConnectError(f"{host}: {error}") from error
        raise
