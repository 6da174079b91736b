"""Secrets come from who is asked, or from a file that is nobody else's."""

import os
from pathlib import Path

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


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601])
def test_a_file_that_is_open_to_others_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConnectError, match="chmod 600") as caught:
        secret("password", None, file)
    assert "a = b" not in str(caught.value)


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(ConnectError):
        secret("password", None, tmp_path / "link")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConnectError, match="a file of your own"):
        secret("password", None, tmp_path / "pipe")


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
