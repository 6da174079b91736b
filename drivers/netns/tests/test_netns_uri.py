"""What the driver connects to, and what it says where it cannot."""

from pathlib import Path

import pytest

from vifkit import ConnectError
from vifkit_conformance.lab import Lab
from vifkit_netns.driver import NetnsDriver


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("netns:///DIRECTORY?database=unix:/tmp/db.sock", "not understood"),
        ("netns:///DIRECTORY?db=unix:/tmp/db.sock&timeout=3", "not understood"),
        ("netns:///DIRECTORY?db", "bad query field: 'db'"),
        ("netns://host/DIRECTORY", "not understood"),
        ("netns:///DIRECTORY#fragment", "not understood"),
        ("qemu:///system", "not understood"),
        ("/var/lib/vifkit", "not understood"),
        ("", "not understood"),
    ],
    ids=["key", "second-key", "no-value", "host", "fragment", "scheme", "no-scheme", "empty"],
)
def test_a_uri_that_is_not_understood_is_a_value_error(uri: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        NetnsDriver().open(uri.replace("DIRECTORY", str(tmp_path)[1:]))


def test_a_key_that_is_not_known_is_answered_by_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"netns:///DIRECTORY\?db=ADDRESS&netns=NAMESPACE"):
        NetnsDriver().open(f"netns://{tmp_path}?database=unix:/tmp/db.sock")


def test_an_address_that_is_none_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pigeon"):
        NetnsDriver().open(f"netns://{tmp_path}?db=carrier:pigeon")


def test_no_database_is_a_connect_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match=r"nobody\.sock"):
        NetnsDriver().open(f"netns://{tmp_path}/domains?db=unix:{tmp_path}/nobody.sock")


def test_a_directory_that_is_a_file_is_a_connect_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConnectError, match="File exists"):
        NetnsDriver().open(f"netns://{tmp_path}/file?db=unix:{tmp_path}/nobody.sock")


@pytest.mark.switch
@pytest.mark.parametrize("namespace", ["nobody-made-this-namespace", "/nowhere/at/all", "999999999"])
def test_no_namespace_is_a_connect_error_that_names_it(lab: Lab, tmp_path: Path, namespace: str) -> None:
    with pytest.raises(ConnectError, match=namespace):
        NetnsDriver().open(f"netns://{tmp_path}?db={lab.ovs.db}&netns={namespace}")


@pytest.mark.switch
def test_a_directory_may_have_any_name_that_a_uri_can_say(lab: Lab, tmp_path: Path) -> None:
    uri = f"netns://{tmp_path}/two%20words%20100%25?db={lab.ovs.db}&netns={lab.host.path}"
    with NetnsDriver().open(uri) as connection:
        assert connection.domains() == []
    assert [path.name for path in tmp_path.iterdir()] == ["two words 100%"]


@pytest.mark.switch
def test_the_kernel_is_the_hypervisor(lab: Lab, tmp_path: Path) -> None:
    with NetnsDriver().open(f"netns://{tmp_path}?db={lab.ovs.db}&netns={lab.host.path}") as connection:
        assert connection.version().startswith("Linux ")
