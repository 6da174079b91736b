"""ci/openvswitch with what is unpacked already, and with what cannot be had."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from author import CI

WHICH = ("sh", "-c", "command -v ovs-vswitchd")


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A cache with the host's own Open vSwitch as two suites."""
    installed = shutil.which("ovs-vswitchd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert installed is not None
    for suite in ("one", "other"):
        (programs := tmp_path / "vifkit/openvswitch" / suite / "bin").mkdir(parents=True)
        (programs / "ovs-vswitchd").symlink_to(installed)
    return tmp_path / "vifkit/openvswitch"


def ran(cache: Path, *arguments: str) -> tuple[int, str]:
    ended = subprocess.run(
        [CI / "openvswitch", *arguments],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
    )
    return ended.returncode, ended.stdout


def test_a_command_runs_on_each_in_turn(unpacked: Path, tmp_path: Path) -> None:
    status, said = ran(tmp_path, "one", "other", "--", *WHICH)
    assert status == 0, said
    found = [line for line in said.splitlines() if not line.startswith("openvswitch: ")]
    assert found == [f"{unpacked}/{suite}/bin/ovs-vswitchd" for suite in ("one", "other")]


def test_a_command_that_fails_on_one_runs_on_the_others_too(unpacked: Path, tmp_path: Path) -> None:
    status, said = ran(tmp_path, "one", "other", "--", "sh", "-c", "command -v ovs-vswitchd | grep other")
    *_, found, last = said.splitlines()
    assert (status, found) == (1, f"{unpacked}/other/bin/ovs-vswitchd")
    assert last.startswith("openvswitch: failed on ") and len(last.split()) == 4


def test_a_suite_that_is_not_there_is_told_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    status, said = ran(tmp_path, "no-such-suite", "--", *WHICH)
    assert (status, len(said.splitlines())) == (1, 1)
    assert said.startswith("openvswitch: no-such-suite: its packages cannot be had: ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_option_is_refused(tmp_path: Path) -> None:
    status, said = ran(tmp_path, "--all")
    assert (status, said.split()[0]) == (2, "usage:")
