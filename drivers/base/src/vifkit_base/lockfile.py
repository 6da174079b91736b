"""A lock that keeps other processes out as well as other threads: for hypervisors that have none of their own."""

import fcntl
import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vifkit import AccessDeniedError, BackendError


class LockFile:
    """A lock by `what` it guards, which who holds it may take again; the file is there only while it is held.

    It is in XDG_RUNTIME_DIR, else in /run, else where temporary files are, and its user's own.
    """

    private = True
    """Whether nobody else's file is taken for it: others may write where it is."""

    def __init__(self, *what: str) -> None:
        run = os.environ.get("XDG_RUNTIME_DIR") or ("/run" if os.access("/run", os.W_OK) else tempfile.gettempdir())
        key = hashlib.sha256("\0".join(what).encode()).hexdigest()[:16]
        self.path = Path(run) / f"vifkit-{os.geteuid()}-{key}.lock"
        self._thread = threading.RLock()
        self._depth = 0
        self._descriptor = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for the time of the block. Raises AccessDeniedError, BackendError where the file is not to be had."""
        with self._thread:
            if self._depth == 0:
                self._descriptor = self._take()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    with suppress(OSError):
                        self.path.unlink()  # before anybody else can have it
                    os.close(self._descriptor)

    def _take(self) -> int:
        """Lock the file that is there; one that its holder has just removed is none."""
        while True:
            descriptor = self._open()
            try:
                if os.path.samestat(os.fstat(descriptor), self.path.lstat()):
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)

    def _open(self) -> int:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or (self.private and found.st_uid != os.geteuid()):
                    raise BackendError(f"{self.path}: it is another's")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            kind = AccessDeniedError if isinstance(error, PermissionError) else BackendError
            raise kind(f"{self.path}: {error.strerror}") from error
        return descriptor


class DirectoryLock(LockFile):
    """A lock of all that is in a directory, for whoever may write there; of a directory that is there nothing stays."""

    private = False

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.path = directory / ".vifkit.lock"
