"""The URI, and where secrets come from."""

from pathlib import Path

import pytest

from vifkit import ConnectError
from vifkit_hyperv.driver import HypervDriver


@pytest.mark.parametrize(
    "uri",
    [
        "hyperv:///",
        "hyperv://operator:secret@127.0.0.1/",
        "hyperv://127.0.0.1/system",
        "hyperv://127.0.0.1/?timeout=0",
        "hyperv://127.0.0.1/?timeout=3601",
        "hyperv://127.0.0.1/?timeout=soon",
        "hyperv://127.0.0.1/?timeout=²",
        "hyperv://127.0.0.1/?insecure=1",
        "hyperv://127.0.0.1/#here",
        "hyperv://127.0.0.1:port/",
        "hyperv://127.0.0.1:0/",
        "winrm://127.0.0.1/",
    ],
)
def test_what_is_not_understood_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        HypervDriver().open(uri, lambda _: "x")
    assert "secret" not in str(caught.value)


def test_user_and_password_come_from_a_file_of_ones_own(uri: str, tmp_path: Path, password: str) -> None:
    file = tmp_path / "account"
    file.touch(mode=0o600)
    file.write_text(f"username = operator\npassword = {password}\n", encoding="utf-8")
    asked = f"{uri}&credentials={file}".replace("operator@", "")
    with HypervDriver().open(asked) as connection:
        assert connection.domains() == []
    file.chmod(0o640)
    with pytest.raises(ConnectError, match="its mode is 0640"):
        HypervDriver().open(asked)


def test_without_a_secret_nobody_is_asked(uri: str) -> None:
    with pytest.raises(ConnectError, match="no password: give credentials"):
        HypervDriver().open(uri)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file or directory"),
        ("", "it holds none in PEM"),
        ("no certificate", "it holds none in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it holds none in PEM"),
    ],
    ids=["missing", "empty", "text", "half"],
)
def test_a_file_of_no_certificates_is_named(uri: str, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConnectError) as caught:
        HypervDriver().open(f"{uri.partition('?')[0]}?cacert={file}", lambda _: "x")
    assert str(caught.value) == f"{file}: no certificates: {said}"
