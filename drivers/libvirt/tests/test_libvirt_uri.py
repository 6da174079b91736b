"""What we take out of a URI, what libvirt gets, and what is refused."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vifkit_libvirt.uri import Address, parse_uri


def address(uri: str) -> Address:
    return parse_uri(uri, ("qemu",))


def test_what_is_not_ours_reaches_libvirt_as_it_is_written() -> None:
    found = address("qemu+ssh://root@host:22/system?keyfile=%2Fkeys/a%20b&db=tcp:192.0.2.1:6640&no_tty=1")
    assert found.libvirt == "qemu+ssh://root@host:22/system?keyfile=%2Fkeys/a%20b&no_tty=1"
    assert (found.db, found.remote) == ("tcp:192.0.2.1:6640", True)


def test_without_parameters_a_libvirt_of_this_host_is_repaired() -> None:
    assert address("qemu:///system") == Address(
        libvirt="qemu:///system",
        remote=False,
        unprivileged=False,
        db=None,
        netns=None,
        polices=False,
        repair=True,
        readonly=False,
    )


def test_what_another_hosts_kernel_does_is_said_in_the_uri() -> None:
    assert not address("qemu+ssh://h/system?db=tcp:h:1").polices
    assert address("qemu+ssh://h/system?db=tcp:h:1&polices=on").polices


@pytest.mark.parametrize(
    ("uri", "remote"),
    [
        ("qemu:///session", False),
        ("qemu+unix:///system?socket=/run/libvirt/libvirt-sock", False),
        ("qemu://host/system?db=tcp:host:6640", True),
        ("qemu+tcp://127.0.0.1/system?db=tcp:host:6640", True),
        ("qemu+libssh:///system?db=tcp:host:6640", True),
        ("qemu+ext:///system?command=/bin/way&db=tcp:host:6640", True),
    ],
)
def test_a_host_or_a_transport_makes_a_libvirt_remote(uri: str, remote: bool) -> None:
    assert address(uri).remote is remote


def test_a_session_is_unprivileged() -> None:
    assert address("qemu:///session?repair=off").unprivileged
    assert address("qemu+ssh://host/session?repair=off").unprivileged


def test_values_of_ours_may_be_escaped() -> None:
    found = address("qemu:///system?netns=%2Frun%2Fnetns%2Ftwo%20words&db=unix:/run/a%26b%23c.sock")
    assert (found.netns, found.db) == ("/run/netns/two words", "unix:/run/a&b#c.sock")


def test_a_plus_is_a_plus() -> None:
    assert address("qemu:///system?netns=/run/netns/a+b").netns == "/run/netns/a+b"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "qemu:///system is"),
        ("system", "qemu:///system is"),
        ("xen:///system", "qemu:///system is"),
        ("lxc:///system", "qemu:///system is"),
        ("ssh+qemu://host/system", "qemu:///system is"),
        ("qemu:///system?db=", "db is given once, with a value"),
        ("qemu:///system?db", "db is given once, with a value"),
        ("qemu:///system?db=unix:/a&db=unix:/b", "db is given once, with a value"),
        ("qemu:///system?repair=off&repair=off", "repair is given once, with a value"),
        ("qemu:///system?repair=no", "repair is on or off"),
        ("qemu:///system?repair=Off", "repair is on or off"),
        ("qemu:///system?readonly=1", "readonly is on or off"),
        ("qemu:///system?read-only=on", "neither we nor libvirt have a parameter 'read-only'"),
        ("qemu:///system?Readonly=on", "neither we nor libvirt have a parameter 'Readonly'"),
        ("qemu:///system?repare=off", "neither we nor libvirt have a parameter 'repare'"),
        ("qemu:///system?db=unix:/a#b", "a # %23"),
        ("qemu:///system?netns=two words", "a space is written %20"),
        (" qemu:///system", "a space is written %20"),
        ("qemu:///system\n", "a space is written %20"),
        ("qemu://host/system", "name it by db=, or say repair=off"),
        ("qemu+tcp://127.0.0.1/system?netns=/run/netns/a", "name it by db=, or say repair=off"),
        ("qemu://[::1/system", "Invalid IPv6 URL"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        address(uri)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["qemu+tcp://me:hunter2@host/system", "qemu+ssh://me:hunter2@host/system?no=1", "lxc://:hunter2@h/"]
)
def test_a_password_in_a_uri_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(ValueError, match="holds no password") as caught:
        address(uri)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("uri", ["qemu://host/system?repair=off", "qemu://host/system?db=tcp:192.0.2.1:6640"])
def test_a_remote_libvirt_is_left_as_it_is_or_its_database_is_named(uri: str) -> None:
    assert address(uri).remote


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "db": st.text(string.printable, min_size=1),
            "netns": st.text(min_size=1),
            "socket": st.text(string.printable, min_size=1),
            "keyfile": st.text(string.printable, min_size=1),
        },
    )
)
def test_any_value_that_is_escaped_comes_through(asked: dict[str, str]) -> None:
    def query(names: tuple[str, ...]) -> str:
        return "&".join(f"{name}={quote(asked[name], safe='')}" for name in names if name in asked)

    found = address("qemu+ssh://host/system?repair=off&" + query(("socket", "db", "keyfile", "netns")))
    theirs = query(("socket", "keyfile"))
    assert (found.db, found.netns) == (asked.get("db"), asked.get("netns"))
    assert found.libvirt == "qemu+ssh://host/system" + ("?" + theirs if theirs else "")


@given(st.text(), st.sampled_from(["qemu:///", "qemu+", "qemu://", "qemu:///system?", "qemu:///system?socket=/a&", ""]))
def test_any_text_is_understood_or_a_value_error(text: str, beginning: str) -> None:
    try:
        found = address(beginning + text).libvirt
    except ValueError as error:
        found = str(error)
    assert len(found.splitlines()) == 1
