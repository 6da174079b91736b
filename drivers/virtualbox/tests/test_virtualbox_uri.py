"""Which URIs are understood, and what happens where VBoxManage is not what it should be."""

from pathlib import Path

import pytest

from vifkit import ConnectError
from vifkit_virtualbox.driver import VirtualboxDriver


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("virtualbox:///session", "it begins with vbox:"),
        ("vbox:///system", "vbox:///session is"),
        ("vbox://host/session", "vbox:///session is"),
        ("vbox://user:secret@host/session", "a URI holds no password"),
        ("vbox:///session?programme=x", "its parameters are"),
        ("vbox:///session?program=a&program=b", "each once"),
        ("vbox:///session?program=bin/VBoxManage", "a name, or a whole path"),
        ("vbox:///session?program=", "a name, or a whole path"),
        ("vbox:///session?timeout=0", "from 1 to 3600"),
        ("vbox:///session?timeout=soon", "from 1 to 3600"),
        ("vbox:///session#x", "its parameters are"),
    ],
)
def test_a_uri_that_is_not_understood_is_refused_in_one_line(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        VirtualboxDriver().open(uri)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def written(directory: Path, script: str) -> Path:
    program = directory / "VBoxManage"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("sleep 60", "did not end within 1 s"),
        ("yes", "said more than 67108864 bytes"),
        ("printf '\\377'", "no UTF-8"),
        ("echo 'VBoxManage: error: no kernel module' >&2; exit 1", "VBoxManage: no kernel module"),
        ("kill -9 $$", "status -9, and not a word"),
    ],
)
def test_a_vboxmanage_that_is_none_is_a_connect_error_in_one_line(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(ConnectError, match=said) as caught:
        VirtualboxDriver().open(f"vbox:///session?program={written(tmp_path, script)}&timeout=1")
    assert "\n" not in str(caught.value)


def test_a_vboxmanage_that_is_not_there_is_a_connect_error() -> None:
    with pytest.raises(ConnectError, match="VBoxManage: No such file or directory"):
        VirtualboxDriver().open("vbox:///session?program=/nowhere/VBoxManage")


def test_an_open_vswitch_that_is_not_there_is_a_connect_error(tmp_path: Path) -> None:
    program = written(tmp_path, "echo 7.0.20r163906")
    with pytest.raises(ConnectError, match="no Open vSwitch database answers"):
        VirtualboxDriver().open(f"vbox:///session?program={program}&db=unix:{tmp_path}/none.sock")
