"""Files that VMware reads too: read whole, replaced at once, and left alone where somebody else has them."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vifkit import AccessDeniedError, BackendError
from vifkit_base.overtaken import OvertakenError

from .vmx import MAX_BYTES, Vmx, VmxError


class ChangedError(VmxError, OvertakenError):
    """Somebody else has changed a file since it was read; it was left as it is."""


class LockedError(BackendError):
    """Somebody has the machine open: VMware's own window, another host, or one that died and left its lock."""


@contextmanager
def touching(path: Path) -> Iterator[None]:
    """Raise what the system says of a file as an error of the contract, in one line."""
    try:
        yield
    except VmxError as error:
        raise type(error)(f"{path}: {error}") from error
    except PermissionError as error:
        raise AccessDeniedError(f"{path}: {error.strerror}") from error
    except OSError as error:
        raise BackendError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:  # what is no UUID, no MAC address, no domain
        raise VmxError(f"{path}: {error}") from error


class VmxFile:
    """A .vmx file as it was when it was read. Raises VmxError, AccessDeniedError, BackendError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with touching(path), path.open("rb") as opened:
            self._seen = _mark(os.fstat(opened.fileno()))
            self.text = Vmx(opened.read(MAX_BYTES + 1))

    def save(self) -> None:
        """Replace it, with its owner and mode. Raises LockedError, ChangedError."""
        insist_unlocked(self.path)
        with touching(self.path):
            target = Path(os.path.realpath(self.path))  # a link stays one
            data, now = self.text.to_bytes(), target.stat()
            if _mark(now) != self._seen:
                raise ChangedError("somebody else has changed it meanwhile; it was left as it is")
            put(target, data, like=now)


def put(path: Path, data: bytes, *, like: os.stat_result | None = None) -> None:
    """Write a file, whole or not at all, with owner and mode of one that it replaces. Raises OSError."""
    draft = path.with_name(f".{secrets.token_hex(8)}.vifkit")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600 if like else 0o666), "wb") as opened:
            opened.write(data)
            if like is not None:
                if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(opened.fileno(), like.st_uid, like.st_gid)
                os.fchmod(opened.fileno(), like.st_mode & 0o7777)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def is_locked(path: Path) -> bool:
    """Tell whether somebody has the machine open: VMware puts its locks into a directory beside the .vmx file."""
    with touching(path):
        lock = path.with_name(f"{path.name}.lck")
        return lock.is_dir() and any(lock.iterdir())


def insist_unlocked(path: Path) -> None:
    """Raise LockedError where somebody has the machine open: VMware would write over what we write."""
    if is_locked(path):
        raise LockedError(f"{path}.lck is there: somebody has the machine open; if nobody has, remove that directory")


def _mark(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
