"""Finds drivers: the entry points of the group `vifkit.drivers`, of whatever is installed."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .driver import Connection, Credentials, Driver
from .errors import ConnectError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "vifkit.drivers"


def drivers() -> "dict[str, EntryPoint]":
    """Name every installed driver, unloaded."""
    from importlib.metadata import entry_points  # late: it is slow, and a command that opens no URI does without

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def driver(name: str) -> Driver:
    """Load an installed driver by name. Raises LookupError, with the names that there are."""
    found = drivers()
    if name not in found:
        raise LookupError(f"no driver named {name!r} is installed; there are: {', '.join(sorted(found)) or 'none'}")
    made: Driver = found[name].load()()
    return made


def connect(uri: str, credentials: Credentials | None = None) -> Connection:
    """Open a URI by the driver of its scheme (`qemu+ssh` is `qemu`'s).

    Raises ConnectError if no installed driver opens the scheme or the hypervisor does not answer,
    ValueError for a URI that the driver does not understand.
    """
    scheme = urlsplit(uri).scheme.partition("+")[0]
    # A driver that is named like the scheme comes first, so that the others need not be loaded.
    for name in sorted(drivers(), key=lambda name: name != scheme):
        try:
            candidate = driver(name)
        except ImportError as error:
            if name == scheme:
                raise ConnectError(f"the driver {name!r} does not load: {error}") from error
            continue  # a driver that lacks something is no reason not to find another
        if scheme in candidate.schemes:
            return candidate.open(uri, credentials)
    raise ConnectError(f"no installed driver opens {scheme or 'a URI without a scheme'}")
