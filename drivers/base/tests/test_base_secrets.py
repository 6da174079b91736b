"""Secrets come from who is asked, or from a file that is nobody else's."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from vifkit import ConnectError
from vifkit_base.secrets import account, secret
from vifkit_base.uri import parse


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.touch(mode=0o600)
    made.write_text("# for the cluster\n\nusername = admin\npassword = a = b \n")
    return made


def test_a_provider_comes_first(file: Path) -> None:
    assert secret("password", lambda prompt: f"the {prompt}", file) == "the password"


def test_a_file_gives_what_stands_behind_the_first_equals_sign(file: Path) -> None:
    assert (secret("username", None, file), secret("password", None, file)) == ("admin", "a = b")


@pytest.mark.parametrize(
    ("mode", "verbs"),
    [(0o640, "read"), (0o604, "read"), (0o620, "write"), (0o662, "read and write"), (0o601, "execute")],
)
def test_a_file_that_is_open_to_others_is_refused(file: Path, mode: int, verbs: str) -> None:
    file.chmod(mode)
    with pytest.raises(ConnectError) as caught:
        secret("password", None, file)
    assert str(caught.value) == f"{file}: its mode is {mode:04o}, so others may {verbs} it: chmod 600 it"


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(ConnectError, match=r"link: it is a symbolic link: name the file that it leads to$"):
        secret("password", None, tmp_path / "link")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "."):
        with pytest.raises(ConnectError, match=r"it is no file, but a directory, a device, a pipe or a socket$"):
            secret("password", None, tmp_path / name)


def test_a_file_of_somebody_elses_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = file.stat().st_uid or 65534
    if os.geteuid() == 0:
        os.chown(file, theirs, -1)
    monkeypatch.setattr(os, "geteuid", lambda: theirs + 1)
    with pytest.raises(ConnectError, match=f"it belongs to the user {theirs}, and neither to you nor to root$"):
        secret("password", None, file)


def test_a_descriptor_is_not_kept(file: Path, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (file, tmp_path):
        with suppress(ConnectError):
            secret("password", None, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "NoneType, and not str"),
        (b"hunter2", "bytes, and not str"),
        (7, "int, and not str"),
        ("", "nothing"),
        ("hunter2\udc80", "no Unicode text"),
    ],
)
def test_a_provider_that_gives_no_text_is_told_so(given: object, said: str) -> None:
    provider: Any = lambda _: given  # noqa: E731
    with pytest.raises(ConnectError) as caught:
        secret("password", provider, None)
    assert str(caught.value) == f"no password: who was asked for it gave {said}"


def test_a_line_without_a_secret_is_none(file: Path) -> None:
    file.write_text("password =\n")
    with pytest.raises(ConnectError, match=r"no line 'password = …'$"):
        secret("password", None, file)


def test_what_is_missing_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match=r"no line 'token = …'$"):
        secret("token", None, file)
    with pytest.raises(ConnectError, match="No such file"):
        secret("token", None, tmp_path / "nothing")
    with pytest.raises(ConnectError, match="credentials=FILE"):
        secret("token", None, None)


def test_a_provider_that_fails_is_not_quoted() -> None:
    def provider(prompt: str) -> str:
        raise RuntimeError(f"{prompt} hunter2")

    with pytest.raises(ConnectError) as caught:
        secret("password", provider, None)
    assert "hunter2" not in str(caught.value)


def test_a_file_of_bytes_is_refused_without_showing_them(file: Path) -> None:
    file.write_bytes(b"password = \xff\xfe")
    with pytest.raises(ConnectError, match=r"no UTF-8$"):
        secret("password", None, file)


def test_an_account_is_of_the_uri_and_its_file(file: Path) -> None:
    named, unnamed = (f"test://{user}host?credentials={file}" for user in ("me@", ""))
    assert account(parse(named, ["test"], ["credentials"]), None) == ("me", "a = b")
    assert account(parse(unnamed, ["test"], ["credentials"]), None) == ("admin", "a = b")
    assert account(parse(named, ["test"], ["credentials"]), str.upper) == ("me", "PASSWORD")
