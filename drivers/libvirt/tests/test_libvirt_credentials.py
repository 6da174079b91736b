"""Credentials: asked for when libvirt asks, and not before."""

from collections.abc import Iterator

import pytest

from vifkit import ConnectError
from vifkit_conformance.fixtures import lacking
from vifkit_conformance.lab import Lab, LabUnavailableError
from vifkit_libvirt.lab import Passwords
from vifkit_libvirt.session import Session
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_libvirt.uri import Address, parse_uri

pytestmark = pytest.mark.switch

USER, PASSWORD = "fred@lab", "no secret"


class Person:
    """Answers, and notes what was asked."""

    def __init__(self, username: str = USER, password: str = PASSWORD) -> None:
        self.asked: list[str] = []
        self._answers = {"username": username, "password": password}

    def __call__(self, prompt: str) -> str:
        self.asked.append(prompt)
        return self._answers[prompt]


def parsed(libvirt: PrivateLibvirt) -> Address:
    return parse_uri(libvirt.uri("qemu"), ("qemu",))


@pytest.fixture(scope="module")
def guarded(request: pytest.FixtureRequest, lab: Lab) -> Iterator[PrivateLibvirt]:
    """A libvirtd that lets in who has a password."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            passwords = Passwords(lab.directory / "passwords")
            passwords.add(USER.partition("@")[0], PASSWORD)
            patch.setenv("SASL_CONF_PATH", str(passwords.directory))
            booted = PrivateLibvirt(lab, libvirtd_conf='auth_unix_rw = "sasl"\nauth_unix_ro = "sasl"')
        except LabUnavailableError as error:
            lacking(request.config, str(error))
        with booted:
            yield booted


def test_the_right_credentials_open_it_and_each_is_asked_for_once(guarded: PrivateLibvirt) -> None:
    person = Person()
    session = Session(parsed(guarded), person)
    assert session.connection().getType() == "QEMU"
    assert person.asked == ["username", "password"]
    session.close()


@pytest.mark.parametrize(
    "person", [Person(password="another"), Person(username="nobody@lab"), Person(username="fred")],
    ids=["password", "user", "realm"],
)  # fmt: skip
def test_the_wrong_credentials_are_a_connect_error(guarded: PrivateLibvirt, person: Person) -> None:
    with pytest.raises(ConnectError, match="authentication failed") as caught:
        Session(parsed(guarded), person)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_none_where_they_are_needed_are_a_connect_error_that_says_so(guarded: PrivateLibvirt) -> None:
    with pytest.raises(ConnectError, match=r"credentials are needed$"):
        Session(parsed(guarded), None)


def test_a_person_who_gives_up_is_a_connect_error_with_the_reason(guarded: PrivateLibvirt) -> None:
    reason = EOFError("the person has left")

    def give_up(prompt: str) -> str:
        raise reason

    with pytest.raises(ConnectError, match=r"no credentials: the person has left$") as caught:
        Session(parsed(guarded), give_up)
    assert caught.value.__cause__ is reason


def test_they_are_asked_for_again_when_libvirtd_came_back(guarded: PrivateLibvirt) -> None:
    person = Person()
    session = Session(parsed(guarded), person)
    guarded.kill()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SASL_CONF_PATH", str(guarded.lab.directory / "passwords"))
        guarded.start()
    assert session.connection().getType() == "QEMU"
    assert person.asked == ["username", "password"] * 2
    session.close()


def test_a_socket_that_asks_for_nothing_asks_nobody(libvirt: PrivateLibvirt) -> None:
    person = Person()
    session = Session(parsed(libvirt), person)
    assert session.connection().getType() == "QEMU"
    assert person.asked == []
    session.close()
