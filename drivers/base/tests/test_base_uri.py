"""URIs of hypervisors, and what is none."""

import pytest

from vifkit_base.uri import parse


def test_all_parts() -> None:
    address = parse("hmc://hscroot@hmc.example:2222/Server%20A?keyfile=/k%20y&x=", ("hmc",), ("keyfile", "x"))
    assert (address.scheme, address.user, address.host, address.port) == ("hmc", "hscroot", "hmc.example", 2222)
    assert (address.path, address.query) == ("/Server A", {"keyfile": "/k y", "x": ""})


def test_nothing_but_a_scheme() -> None:
    address = parse("vbox:///", ("vbox",), ())
    assert (address.user, address.host, address.port, address.path, address.query) == (None, None, None, "/", {})


@pytest.mark.parametrize(
    "uri",
    [
        "esx://h/",
        "hmc://h/?other=1",
        "hmc://h/?a=1&a=2",
        "hmc://h/#x",
        "hmc://h:port/",
        "hmc://h:0/",
        "hmc://h:00",
        "hmc://me@a b:1?a=1",
        "hmc://a%20b/",
        "hmc://a\u2003b/",
        "hmc://[::1/",
        "hmc://h/?a",
        "",
    ],
)
def test_what_is_not_understood(uri: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        parse(uri, ("hmc",), ("a",))


@pytest.mark.parametrize("character", ["%00", "%0A", "%0d", "%7F", "%E2%80%A8", "\n", "\0", "\x1b"])
@pytest.mark.parametrize("uri", ["hmc://h/?a=/x{}y", "hmc://h/x{}y", "hmc://me{}@h/", "{}hmc://h/", "hmc://h{}/"])
def test_a_control_character_is_refused_and_not_shown(uri: str, character: str) -> None:
    with pytest.raises(ValueError, match=r"^the URI is not understood: a control character is in it$"):
        parse(uri.format(character), ("hmc",), ("a",))


def test_an_at_sign_in_a_directory_is_no_password() -> None:
    assert parse("hmc:///home/me@work/vms", ("hmc",), ()).path == "/home/me@work/vms"


@pytest.mark.parametrize(
    "uri",
    [
        "hmc://me:hunter2@h/",
        "hmc://me:hunter2/x@h/",
        "hmc:me:hunter2@h/",
        "hmc://h/?password=hunter2",
        "esx://a:hunter2@h",
        "hmc://me:hunter2@a b:0/",
    ],
)
def test_a_password_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(ValueError, match="no password") as caught:
        parse(uri, ("hmc",), ())
    assert "hunter2" not in str(caught.value)
