"""libvirt's errors as the contract's: by code, and where the code says too little, by words."""

import errno

import libvirt
import pytest

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
from vifkit_libvirt.errors import LibvirtError, frozen, lost, said, translated, translation


def an_error(code: int, message: str = "what happened", *, domain: int = libvirt.VIR_FROM_QEMU) -> libvirt.libvirtError:
    error = libvirt.libvirtError("")
    # As virGetLastError gives it: code, domain, message, level, three texts, two numbers.
    error.err = (code, domain, message, libvirt.VIR_ERR_ERROR, None, None, None, -1, -1)
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("VIR_ERR_NO_DOMAIN", DomainNotFoundError),
        ("VIR_ERR_DOM_EXIST", DomainExistsError),
        ("VIR_ERR_OPERATION_DENIED", AccessDeniedError),
        ("VIR_ERR_ACCESS_DENIED", AccessDeniedError),
        ("VIR_ERR_AUTH_CANCELLED", AccessDeniedError),
        ("VIR_ERR_AUTH_UNAVAILABLE", AccessDeniedError),
        ("VIR_ERR_XML_ERROR", InvalidXmlError),
        ("VIR_ERR_XML_DETAIL", InvalidXmlError),
        ("VIR_ERR_XML_INVALID_SCHEMA", InvalidXmlError),
        ("VIR_ERR_OS_TYPE", InvalidXmlError),
        ("VIR_ERR_NO_SUPPORT", UnsupportedError),
        ("VIR_ERR_CONFIG_UNSUPPORTED", UnsupportedError),
        ("VIR_ERR_OPERATION_UNSUPPORTED", UnsupportedError),
        ("VIR_ERR_ARGUMENT_UNSUPPORTED", UnsupportedError),
        ("VIR_ERR_INVALID_CONN", ConnectError),
        ("VIR_ERR_INTERNAL_ERROR", LibvirtError),
        ("VIR_ERR_OPERATION_FAILED", LibvirtError),
        ("VIR_ERR_OPERATION_INVALID", LibvirtError),
        ("VIR_ERR_SYSTEM_ERROR", LibvirtError),
    ],
)
def test_a_code_chooses_the_error(code: str, kind: type[VifkitError]) -> None:
    assert type(translation(an_error(getattr(libvirt, code)), "guest")) is kind


@pytest.mark.parametrize(
    "message",
    [
        "operation failed: domain 'a' already exists with uuid 7714e6b5-4885-4140-bc59-2f77cc99b3b5",
        "operation failed: domain 'a' is already defined with uuid 7714e6b5-4885-4140-bc59-2f77cc99b3b5",
        "operation failed: domain is already active as 'a'",
    ],
)
def test_a_name_or_uuid_that_is_taken_is_known_by_libvirts_words(message: str) -> None:
    assert type(translation(an_error(libvirt.VIR_ERR_OPERATION_FAILED, message), "a")) is DomainExistsError


def test_a_code_that_has_no_error_of_its_own_is_kept() -> None:
    error = translation(an_error(libvirt.VIR_ERR_OPERATION_FAILED), "guest")
    assert isinstance(error, LibvirtError) and isinstance(error, BackendError)
    assert (error.code, str(error)) == (9, "libvirt: what happened")  # 9 is VIR_ERR_OPERATION_FAILED


@pytest.mark.parametrize("domain", ["VIR_FROM_RPC", "VIR_FROM_REMOTE"])
def test_a_connection_that_failed_is_a_connect_error(domain: str) -> None:
    error = an_error(libvirt.VIR_ERR_SYSTEM_ERROR, "Cannot recv data", domain=getattr(libvirt, domain))
    assert lost(error) and not frozen(error)
    assert type(translation(error)) is ConnectError


def test_a_procedure_that_the_other_side_does_not_know_is_unsupported_and_not_a_lost_connection() -> None:
    error = an_error(libvirt.VIR_ERR_NO_SUPPORT, "unknown procedure: 450", domain=libvirt.VIR_FROM_RPC)
    assert type(translation(error)) is UnsupportedError


def test_many_lines_become_one() -> None:
    drawn = (
        "Cannot recv data: @@@@@\r\n@  WARNING: CHANGED!  @\r\n@@@@@\n\n   Host key verification failed.\r\n: reset\n"
    )
    error = an_error(libvirt.VIR_ERR_SYSTEM_ERROR, drawn)
    assert said(error) == "Cannot recv data:; WARNING: CHANGED!; Host key verification failed.; : reset"


def test_the_boundary_raises_from_what_libvirt_raised() -> None:
    original = an_error(libvirt.VIR_ERR_NO_DOMAIN)
    with pytest.raises(DomainNotFoundError, match="'guest'") as caught, translated("guest"):
        raise original
    assert caught.value.__cause__ is original


def test_an_error_without_a_word_of_libvirts_is_told_as_it_is() -> None:
    error = libvirt.libvirtError("")
    error.args, error.err = ("virDomainCreate() failed",), None
    told = translation(error)
    assert isinstance(told, LibvirtError)
    assert (told.code, str(told)) == (1, "libvirt: virDomainCreate() failed")  # 1 is VIR_ERR_INTERNAL_ERROR


def test_a_file_that_may_not_be_opened_is_no_lost_connection() -> None:
    error = an_error(libvirt.VIR_ERR_SYSTEM_ERROR, "Failed to open '/dev/kvm': Permission denied")
    error.err = (*error.err[:7], errno.EACCES, -1)
    assert type(translation(error)) is LibvirtError
