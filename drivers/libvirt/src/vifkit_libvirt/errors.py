"""libvirt's errors as ours: the one boundary where they are translated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import libvirt

from vifkit import (
    AccessDeniedError,
    BackendError,
    ConnectError,
    DomainExistsError,
    DomainNotFoundError,
    InvalidXmlError,
    UnsupportedError,
    VifkitError,
)

_EXISTS = ("already exists with uuid", "is already defined with uuid", "is already active as")


class LibvirtError(BackendError):
    """libvirt failed; `code` is its virErrorNumber (include/libvirt/virterror.h)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def translated(name: str = "") -> Iterator[None]:
    """Raise what libvirt raises as an error of the contract; `name` is the domain in question."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise translation(error, name) from error


def translation(error: libvirt.libvirtError, name: str = "") -> VifkitError:
    """Choose the contract's error by libvirt's code, and where it has none of its own, by its words."""
    code, message = error.get_error_code() or libvirt.VIR_ERR_INTERNAL_ERROR, said(error)
    if any(words in message for words in _EXISTS):
        return DomainExistsError(name)
    if code in _BY_CODE:
        return _BY_CODE[code](name, message)
    if lost(error):
        return _stopped(name, message)
    return LibvirtError(f"libvirt: {message}", code)


def said(error: libvirt.libvirtError) -> str:
    """Give an error's message in one line, without the frames that ssh draws."""
    lines = (line.strip(" @") for line in (error.get_error_message() or str(error)).splitlines())
    return "; ".join(filter(None, lines))


def lost(error: libvirt.libvirtError) -> bool:
    """Tell whether the connection, and not the request, failed."""
    if error.get_error_domain() in (libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE):
        return True
    return error.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR and "socket" in said(error)


def frozen(error: libvirt.libvirtError) -> bool:
    """Tell whether the connection failed as no answer came in time (virNetClientKeepAliveDeadCB), which takes long."""
    return lost(error) and "keepalive" in said(error)


def _denied(_: str, message: str) -> VifkitError:
    return AccessDeniedError(f"libvirt says no: {message}")


def _malformed(_: str, message: str) -> VifkitError:
    return InvalidXmlError("", f"libvirt: {message}")


def _unsupported(_: str, message: str) -> VifkitError:
    return UnsupportedError("libvirt", f"libvirt: {message}")


def _stopped(_: str, message: str) -> VifkitError:
    return ConnectError(f"libvirt stopped answering: {message}")


_BY_CODE: dict[int, Callable[[str, str], VifkitError]] = {
    libvirt.VIR_ERR_NO_DOMAIN: lambda name, _: DomainNotFoundError(name),
    libvirt.VIR_ERR_DOM_EXIST: lambda name, _: DomainExistsError(name),
    libvirt.VIR_ERR_NO_SUPPORT: _unsupported,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED: _unsupported,
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED: _unsupported,
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED: _unsupported,
    libvirt.VIR_ERR_INVALID_CONN: _stopped,
    libvirt.VIR_ERR_OPERATION_DENIED: _denied,
    libvirt.VIR_ERR_ACCESS_DENIED: _denied,
    libvirt.VIR_ERR_AUTH_CANCELLED: _denied,
    libvirt.VIR_ERR_AUTH_UNAVAILABLE: _denied,
    libvirt.VIR_ERR_XML_ERROR: _malformed,
    libvirt.VIR_ERR_XML_DETAIL: _malformed,
    libvirt.VIR_ERR_XML_INVALID_SCHEMA: _malformed,
    libvirt.VIR_ERR_OS_TYPE: _malformed,
}
