"""Secrets, from whoever is asked for them or from a file that nobody else may read; never from a URI."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vifkit import ConnectError, Credentials

from .uri import Address

MAX_BYTES = 65536


def account(address: Address, credentials: Credentials | None) -> tuple[str, str]:
    """Give a user, the URI's if it names one, and the password, with `?credentials=FILE` as the file.

    Raises ConnectError.
    """
    file = Path(address.query["credentials"]) if "credentials" in address.query else None
    user = address.user or secret("username", credentials, file)
    return user, secret("password", credentials, file)


def secret(prompt: str, credentials: Credentials | None, file: Path | None) -> str:
    """Give the secret for a prompt, such as 'password': the provider's, or else the file's. Raises ConnectError."""
    if credentials is not None:
        try:
            given: object = credentials(prompt)
        except Exception as error:
            raise ConnectError(f"no {prompt}: {type(error).__name__} from who was asked for it") from error
        if not isinstance(given, str):
            raise ConnectError(f"no {prompt}: who was asked for it gave {type(given).__name__}, and not str")
        if not given or any("\ud800" <= each <= "\udfff" for each in given):
            raise ConnectError(f"no {prompt}: who was asked for it gave {'no Unicode text' if given else 'nothing'}")
        return given
    if file is None:
        raise ConnectError(f"no {prompt}: give credentials, or a file of them by '?credentials=FILE' in the URI")
    if not (found := read(file).get(prompt)):
        raise ConnectError(f"{file}: no line '{prompt} = …'")
    return found


def read(file: Path) -> dict[str, str]:
    """Read lines of 'prompt = secret'; '#' begins a comment where it begins a line.

    The file must be the user's own, or root's, and no other's to read. Raises ConnectError, without a word of what
    it holds.
    """
    try:
        with _opened(file) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConnectError(f"{file}: it is no file, but a directory, a device, a pipe or a socket")
            if status.st_uid not in (os.geteuid(), 0):
                raise ConnectError(f"{file}: it belongs to the user {status.st_uid}, and neither to you nor to root")
            insist_private(file, status)
            text = os.read(descriptor, MAX_BYTES).decode()
    except ConnectError:  # which is an OSError, too
        raise
    except OSError as error:
        linked = error.errno == errno.ELOOP and file.is_symlink()
        said = "it is a symbolic link: name the file that it leads to" if linked else error.strerror
        raise ConnectError(f"{file}: {said}") from error
    except UnicodeDecodeError:
        raise ConnectError(f"{file}: no UTF-8") from None
    lines = (line.partition("=") for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in lines}


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def insist_private(file: Path, status: os.stat_result) -> None:
    """Refuse a file whose group, or whom all others, may do anything with it. Raises ConnectError."""
    mode = stat.S_IMODE(status.st_mode)
    verbs = [verb for bits, verb in ((0o44, "read"), (0o22, "write"), (0o11, "execute")) if mode & bits]
    if verbs:
        raise ConnectError(f"{file}: its mode is {mode:04o}, so others may {' and '.join(verbs)} it: chmod 600 it")
