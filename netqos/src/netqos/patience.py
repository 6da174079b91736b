"""How long ovs-vswitchd is waited for: less where it has crashed, and nobody starts it again.

As long as it runs it keeps a lock on its pidfile, by which Open vSwitch's own tools tell a stale one (lock_pidfile and
read_pidfile__ in OVS's lib/daemon-unix.c); ovs-ctl has it written beside the database's socket.
"""

import fcntl
import os
import struct
import time
from pathlib import Path

GONE_SECONDS = 2.0
"""Its own monitor, or the system's, starts what has crashed at once (monitor_daemon in OVS's lib/daemon-unix.c)."""

_FLOCK = struct.Struct("hhqqi4x")  # fcntl(2): type, whence, start, length, process


class Patience:
    """A wait of some seconds for the ovs-vswitchd beside a database; it begins when this is made."""

    def __init__(self, db: str, seconds: float) -> None:
        self._db = db
        self._seen = time.monotonic()
        self._end = self._seen + seconds

    @property
    def left(self) -> float:
        """The seconds that are left; none or less when it is over."""
        now = time.monotonic()
        if not is_gone(self._db):
            self._seen = now
        return min(self._end, self._seen + GONE_SECONDS) - now


def is_gone(db: str) -> bool:
    """Tell that the ovs-vswitchd beside a local database has ended without a farewell, as by a crash.

    False is also not to know: of a database that is reached otherwise, or where there is no pidfile that we may read.
    """
    kind, _, address = db.partition(":")
    if kind != "unix":
        return False
    try:
        with Path(address).with_name("ovs-vswitchd.pid").open("rb") as pidfile:
            asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            return bool(_FLOCK.unpack(fcntl.fcntl(pidfile, fcntl.F_GETLK, asked))[0] == fcntl.F_UNLCK)
    except (OSError, ValueError):  # ValueError: an address that is no path
        return False
