"""Secrets, from whoever is asked for them or from a file that nobody else may read; never from a URI."""

import os
import stat
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
            return credentials(prompt)
        except Exception as error:
            raise ConnectError(f"no {prompt}: {type(error).__name__} from who was asked for it") from error
    if file is None:
        raise ConnectError(f"no {prompt}: give credentials, or a file of them by '?credentials=FILE' in the URI")
    try:
        return read(file)[prompt]
    except KeyError:
        raise ConnectError(f"{file}: no line '{prompt} = …'") from None


def read(file: Path) -> dict[str, str]:
    """Read lines of 'prompt = secret'; '#' begins a comment where it begins a line.

    The file must be the user's own, or root's, and no other's to read. Raises ConnectError, without a word of what
    it holds.
    """
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
                raise ConnectError(f"{file}: a file of your own is needed")
            if status.st_mode & 0o077:
                raise ConnectError(f"{file}: others may read it: chmod 600 it")
            text = opened.read(MAX_BYTES).decode()
    except ConnectError:  # which is an OSError, too
        raise
    except OSError as error:
        raise ConnectError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConnectError(f"{file}: no UTF-8") from None
    lines = (line.partition("=") for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in lines}
