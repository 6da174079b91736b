"""How an installed driver is found, by name and by URI."""

from importlib.metadata import EntryPoint, EntryPoints
from typing import cast

import pytest

from vifkit import ConnectError, Connection, Credentials, Driver, connect, driver, drivers, registry

OPENED = cast("Connection", object())


class Qemu(Driver):
    name = "qemu"
    schemes = ("qemu", "test")

    def open(self, uri: str, credentials: Credentials | None = None) -> Connection:
        return OPENED


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = EntryPoints(
        [
            EntryPoint("absent", "no_such_module:Driver", registry.GROUP),
            EntryPoint("qemu", f"{__name__}:Qemu", registry.GROUP),
            EntryPoint("other", "json:dumps", "other.group"),
        ]
    )
    monkeypatch.setattr("importlib.metadata.entry_points", installed.select)


@pytest.fixture
def _only_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = EntryPoints([EntryPoint("qemu", f"{__name__}:Qemu", registry.GROUP)])
    monkeypatch.setattr("importlib.metadata.entry_points", installed.select)


def test_drivers_are_named_without_being_loaded() -> None:
    assert sorted(drivers()) == ["absent", "qemu"]


def test_a_driver_is_loaded_by_name() -> None:
    assert driver("qemu").name == "qemu"


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(LookupError, match="no driver named 'nope' is installed; there are: absent, qemu"):
        driver("nope")


def test_an_unknown_name_is_answered_too_where_no_driver_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", EntryPoints().select)
    with pytest.raises(LookupError, match="there are: none"):
        driver("nope")


@pytest.mark.parametrize("uri", ["qemu:///system", "qemu+ssh://root@host/system", "QEMU:///system"])
def test_a_uri_is_opened_by_the_driver_of_its_scheme_and_no_other_is_loaded(
    uri: str,
) -> None:
    assert connect(uri) is OPENED


@pytest.mark.usefixtures("_only_qemu")
def test_a_driver_may_open_schemes_other_than_its_name() -> None:
    assert connect("test:///default") is OPENED


@pytest.mark.usefixtures("_only_qemu")
@pytest.mark.parametrize("uri", ["nope:///", "nope+ssh://host/", "nope", ""])
def test_a_scheme_of_no_driver_is_a_connect_error(uri: str) -> None:
    with pytest.raises(ConnectError, match="no installed driver opens"):
        connect(uri)


@pytest.mark.usefixtures("_only_qemu")
def test_what_may_be_secret_in_a_uri_without_a_scheme_is_not_shown() -> None:
    with pytest.raises(ConnectError) as caught:
        connect("//me:hunter2@host/")
    assert "hunter2" not in str(caught.value)
