"""Xen's driver: on libvirt's own test driver where no hypervisor is needed, else on the Xen that ci/xen-lab boots."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from vifkit_conformance.fixtures import lacking

if TYPE_CHECKING:
    from vifkit_conformance.observe.remote import Remote
    from vifkit_libvirt.testbed import PrivateLibvirt
    from vifkit_xen.driver import XenConnection


@pytest.fixture
def told(libvirt: "PrivateLibvirt") -> Iterator["XenConnection"]:
    """A connection without Open vSwitch to libvirt's own test driver, which starts nothing."""
    from vifkit_libvirt.session import Session
    from vifkit_libvirt.uri import parse_uri
    from vifkit_xen.driver import XenConnection

    address = parse_uri(f"test+unix:///default?socket={libvirt.socket}&repair=off", ("test",))
    with XenConnection(Session(address, None), None) as made:
        yield made


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Iterator["Remote"]:
    """The dom0 that ci/xen-lab has booted."""
    from vifkit_conformance.observe.remote import Remote

    if "VIFKIT_XEN_URI" not in os.environ:
        lacking(request.config, "no Xen is booted: ci/xen-lab boots one")
    made = Remote(os.environ["VIFKIT_XEN_HOST"], ssh_config=os.environ["VIFKIT_XEN_SSH_CONFIG"])
    yield made
    made.close()


@pytest.fixture
def connection(host: "Remote") -> Iterator["XenConnection"]:
    """A connection to it; its domains are gone afterwards."""
    from vifkit import State
    from vifkit_xen.driver import XenConnection, XenDriver

    with XenDriver().open(os.environ["VIFKIT_XEN_URI"]) as made:
        assert isinstance(made, XenConnection)
        yield made
        for domain in made.domains():
            if domain.name.startswith("test-"):
                if domain.state() is not State.SHUTOFF:
                    domain.stop()
                if domain.name in {each.name for each in made.domains()}:
                    domain.undefine()


@pytest.fixture
def write() -> Callable[..., str]:
    """Write the XML of a guest with one vif: `write("<bandwidth>…")`."""
    from uuid import uuid4

    from vifkit_conformance.guest import interface
    from vifkit_xen.testbed import XenTestbed

    def make(bandwidth: str = "", mac: str = "52:54:00:00:00:01") -> str:
        uuid = str(uuid4())
        return XenTestbed().domain_xml(f"test-{uuid[:8]}", uuid, [interface(mac, bandwidth)])

    return make
