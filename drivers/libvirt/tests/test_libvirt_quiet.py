"""libvirt writes nothing to standard error, unless it is asked to."""

import os
import subprocess
import sys

import pytest

from vifkit_libvirt.testbed import PrivateLibvirt

pytestmark = pytest.mark.switch

TALKS = """
import sys
from vifkit import ConnectError, DomainNotFoundError
from vifkit_libvirt.session import Session
from vifkit_libvirt.uri import parse_uri
import libvirt
session = Session(parse_uri(sys.argv[1], ("qemu",)), None)
try:
    session.connection().lookupByName("nobody")
except libvirt.libvirtError:
    pass
for uri in ("qemu+unix:///system?socket=/nowhere", "qemu+tls:///system?repair=off&pkipath=/nowhere"):
    try:
        Session(parse_uri(uri, ("qemu",)), None)
    except ConnectError:
        print("refused")
session.close()
"""


def test_nothing_is_written_but_what_is_raised(libvirt: PrivateLibvirt) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TALKS, libvirt.uri("qemu")], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("refused\nrefused\n", "")


def test_whoever_asks_libvirt_to_log_gets_its_log(libvirt: PrivateLibvirt) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TALKS, libvirt.uri("qemu")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "LIBVIRT_LOG_OUTPUTS": "1:stderr"},
    )
    assert "virNetSocket" in ended.stderr
