"""What a driver author and a caller may rely on in the classes themselves."""

import dataclasses
from collections.abc import Sequence

import pytest

import vifkit
from vifkit import (
    Capabilities,
    Connection,
    Domain,
    Driver,
    RowWriter,
    Shaping,
    SupportsHotplug,
    SupportsSuspend,
    VifkitError,
)

ERRORS = [
    (vifkit.UnsupportedError("floor"), VifkitError, "not supported: floor"),
    (vifkit.InvalidXmlError("domain/name", "is empty"), ValueError, "domain/name: is empty"),
    (vifkit.InvalidXmlError("", "is no XML"), ValueError, "is no XML"),
    (vifkit.InvalidBandwidthError("peak", "-1", "bad"), ValueError, "peak '-1': bad"),
    (vifkit.DomainNotFoundError("a\nb"), LookupError, r"no domain is named 'a\nb'"),
    (vifkit.DomainExistsError("a"), VifkitError, "a domain named 'a', or with its UUID, exists"),
    (
        vifkit.InvalidStateError("a", "running", "shut off"),
        VifkitError,
        "domain 'a' is running, not shut off",
    ),
    (vifkit.AccessDeniedError("for reading only"), PermissionError, "for reading only"),
    (vifkit.ConnectError("no answer"), ConnectionError, "no answer"),
    (vifkit.SwitchUnavailableError("no answer"), vifkit.BackendError, "no answer"),
    (vifkit.PortNotFoundError("tap0"), LookupError, "no bridge has a port named 'tap0'"),
    (vifkit.PortExistsError("tap0"), vifkit.BackendError, "a bridge has a port named 'tap0' already"),
    (vifkit.ForeignQosError("tap0", "held"), vifkit.BackendError, "held"),
]


@pytest.mark.parametrize(("error", "base", "message"), ERRORS, ids=lambda case: type(case).__name__)
def test_an_error_is_ours_and_also_what_python_callers_expect(
    error: VifkitError, base: type[Exception], message: str
) -> None:
    assert isinstance(error, VifkitError)
    assert isinstance(error, base)
    assert str(error) == message


def test_every_error_class_is_exported_and_judged_here() -> None:
    def below(error: type[VifkitError]) -> set[type[VifkitError]]:
        return {error}.union(*map(below, error.__subclasses__()))

    ours = {error for error in below(VifkitError) if error.__module__.startswith("vifkit.")}
    assert ours == {type(error) for error, _, _ in ERRORS} | {VifkitError, vifkit.BackendError}
    assert all(getattr(vifkit, error.__name__) is error for error in ours)


def test_a_huge_value_does_not_flood_the_message() -> None:
    assert len(str(vifkit.InvalidBandwidthError("peak", "9" * 10**6, "bad"))) < 100


def test_a_bandwidth_warning_is_no_error_and_begins_with_its_code() -> None:
    warning = vifkit.BandwidthWarning("rate-wraps", "40 Gbit/s is too fast")
    assert isinstance(warning, UserWarning)
    assert not issubclass(vifkit.BandwidthWarning, VifkitError)
    assert str(warning) == "rate-wraps: 40 Gbit/s is too fast"


def test_by_default_nothing_is_declared() -> None:
    words = (Shaping.NONE, RowWriter.DRIVER)
    assert not any(value for value in dataclasses.asdict(Capabilities()).values() if value not in words)


def test_every_public_name_exists_and_is_explained() -> None:
    for name in vifkit.__all__:
        public = getattr(vifkit, name)
        assert name == "Credentials" or public.__doc__, name


@pytest.mark.parametrize("level", [Driver, Connection, Domain])
def test_a_driver_must_answer_everything_but_extras(level: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        level()


class _Hypervisor(Connection):
    capabilities = Capabilities()
    closed = False

    def version(self) -> str:
        return "0"

    def domains(self) -> Sequence[Domain]:
        return ()

    def domain(self, name: str) -> Domain:
        raise vifkit.DomainNotFoundError(name)

    def define(self, xml: str) -> Domain:
        raise vifkit.UnsupportedError("persistent_domains")

    def create(self, xml: str) -> Domain:
        raise vifkit.InvalidXmlError("", xml)

    def close(self) -> None:
        self.closed = True


def test_a_connection_closes_at_the_end_of_its_block_and_hides_no_error() -> None:
    hypervisor = _Hypervisor()
    with pytest.raises(LookupError), hypervisor as connection:
        connection.domain("a")
    assert hypervisor.closed


def test_an_optional_verb_is_found_by_looking() -> None:
    class Suspendable:
        def suspend(self) -> None: ...

    assert isinstance(Suspendable(), SupportsSuspend)
    assert not isinstance(Suspendable(), SupportsHotplug)
