"""Where bhyve is, and what a URI of it may say: there is no Open vSwitch to be named."""

from pathlib import Path

import pytest

from vifkit import ConnectError
from vifkit_bhyve.driver import BhyveDriver
from vifkit_libvirt.uri import parse_uri


@pytest.mark.parametrize("parameter", ["db=unix:/run/db.sock", "netns=4711", "repair=off", "reedonly=on"])
def test_a_parameter_that_would_do_nothing_is_refused(parameter: str) -> None:
    with pytest.raises(ValueError, match="neither we nor libvirt have a parameter"):
        BhyveDriver().open(f"bhyve:///system?{parameter}")


def test_a_remote_libvirt_needs_no_database() -> None:
    address = parse_uri("bhyve+ssh://root@host/system?readonly=on", ("bhyve",), switched=False)
    assert (address.libvirt, address.repair, address.readonly) == ("bhyve+ssh://root@host/system", False, True)


def test_no_libvirtd_is_a_connect_error(tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match="Failed to connect socket") as caught:
        BhyveDriver().open(f"bhyve+unix:///system?socket={tmp_path}/nobody")
    assert "\n" not in str(caught.value)
