"""Which URIs are understood, and what happens where prlctl is not what it should be."""

from pathlib import Path

import pytest

from vifkit import ConnectError
from vifkit_virtuozzo.driver import VirtuozzoDriver


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("virtuozzo:///system", "it begins with vz:"),
        ("vz:///session", "vz:///system is"),
        ("vz://host/session", "vz:///system is"),
        ("vz://user:secret@host/session", "a URI holds no password"),
        ("vz:///system?programme=x", "its parameters are"),
        ("vz:///system?program=a&program=b", "each once"),
        ("vz:///system?program=bin/prlctl", "a name, or a whole path"),
        ("vz:///system?program=", "a name, or a whole path"),
        ("vz:///system?timeout=0", "from 1 to 3600"),
        ("vz:///system?timeout=soon", "from 1 to 3600"),
        ("vz:///system#x", "its parameters are"),
    ],
)
def test_a_uri_that_is_not_understood_is_refused_in_one_line(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        VirtuozzoDriver().open(uri)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def written(directory: Path, script: str) -> Path:
    program = directory / "prlctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("sleep 60", "did not end within 1 s"),
        ("yes", "said more than 67108864 bytes"),
        ("printf '\\377'", "no UTF-8"),
        ("echo 'no dispatcher' >&2; exit 1", "prlctl: no dispatcher"),
        ("kill -9 $$", "status -9, and not a word"),
    ],
)
def test_a_vboxmanage_that_is_none_is_a_connect_error_in_one_line(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(ConnectError, match=said) as caught:
        VirtuozzoDriver().open(f"vz:///system?program={written(tmp_path, script)}&timeout=1")
    assert "\n" not in str(caught.value)


def test_a_vboxmanage_that_is_not_there_is_a_connect_error() -> None:
    with pytest.raises(ConnectError, match="prlctl: No such file or directory"):
        VirtuozzoDriver().open("vz:///system?program=/nowhere/prlctl")


def test_an_open_vswitch_that_is_not_there_is_a_connect_error(tmp_path: Path) -> None:
    program = written(tmp_path, "echo prlctl version 7")
    with pytest.raises(ConnectError, match="no Open vSwitch database answers"):
        VirtuozzoDriver().open(f"vz:///system?program={program}&db=unix:{tmp_path}/none.sock")
