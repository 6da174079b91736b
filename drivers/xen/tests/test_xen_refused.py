"""What is refused before any hypervisor is asked."""

import re
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest

from vifkit import Bandwidth, ConnectError, InvalidXmlError, Rate, Shaping, UnsupportedError, parse_domain
from vifkit_conformance.lab import LabUnavailableError
from vifkit_xen.driver import XenConnection, XenDriver
from vifkit_xen.testbed import XenTestbed

pytestmark = pytest.mark.switch

INBOUND = "<bandwidth><inbound average='128'/></bandwidth>"
OUTBOUND = "<bandwidth><outbound average='128'/></bandwidth>"

Write = Callable[..., str]


def test_without_open_vswitch_nothing_is_declared(told: XenConnection) -> None:
    declared = told.capabilities
    assert declared.shaping is Shaping.NONE
    assert not any((declared.inbound, declared.outbound, declared.peak, declared.burst, declared.floor, declared.mtu))


@pytest.mark.parametrize(("bandwidth", "capability"), [(INBOUND, "inbound"), (OUTBOUND, "outbound")])
def test_without_open_vswitch_a_bandwidth_is_refused(
    told: XenConnection, write: Write, bandwidth: str, capability: str
) -> None:
    before = [each.name for each in told.domains()]
    with pytest.raises(UnsupportedError) as caught:
        told.define(write(bandwidth))
    assert caught.value.capability == capability
    assert [each.name for each in told.domains()] == before


@pytest.mark.parametrize(("bandwidth", "capability"), [(INBOUND, "inbound"), (OUTBOUND, "outbound")])
def test_beside_open_vswitch_a_bandwidth_is_refused(
    told: XenConnection, write: Write, bandwidth: str, capability: str
) -> None:
    xml = write(bandwidth).replace("<virtualport type='openvswitch'/>", "")
    with pytest.raises(UnsupportedError, match="52:54:00:00:00:01 is on none") as caught:
        told.define(xml)
    assert caught.value.capability == capability


def test_beside_open_vswitch_a_vif_without_bandwidth_is_nobodys_business(told: XenConnection, write: Write) -> None:
    (vif,) = parse_domain(write().replace("<virtualport type='openvswitch'/>", "")).vifs
    told.judge(vif, None, stacklevel=2)
    with pytest.raises(UnsupportedError):
        told.judge(vif, Bandwidth(inbound=Rate(average=1)), stacklevel=2)


@pytest.mark.parametrize("other", ["qemu", "kvm", "lxc", "test"])
def test_xml_of_another_hypervisor_is_refused(told: XenConnection, write: Write, other: str) -> None:
    with pytest.raises(InvalidXmlError, match=f"{other!r} is another hypervisor's; here it is 'xen'"):
        told.define(write().replace("type='xen'", f"type='{other}'", 1))


def test_an_mtu_is_refused_which_libxl_would_not_hear_of(told: XenConnection, write: Write) -> None:
    with pytest.raises(UnsupportedError) as caught:
        told.define(write("<mtu size='1400'/>"))
    assert caught.value.capability == "mtu"


@pytest.mark.parametrize("name", ["'; reboot;'", "-rf", "ü\N{SNOWMAN}", "a&<b>", "--config", 'a"b'])
def test_a_name_is_never_an_option_or_code(told: XenConnection, write: Write, name: str) -> None:
    """libvirt's test driver keeps a domain of any type."""
    made = told.define(re.sub("<name>.*</name>", f"<name>{escape(name)}</name>", write()))
    assert (made.name, told.domain(name).uuid) == (name, made.uuid)
    made.undefine()
    assert name not in [each.name for each in told.domains()]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("xen+ssh://root@192.0.2.1/system", "name it by db="),
        ("xen+ssh://root@192.0.2.1/system?db=unix:/x&polices=maybe", "polices is on or off"),
        ("xen:///system?repair=of", "repair is on or off"),
        ("xen:///system?dB=x", "neither we nor libvirt"),
    ],
)
def test_a_uri_that_is_not_understood_is_refused(uri: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        XenDriver().open(uri)


def test_a_host_that_hangs_up_at_once_is_a_connect_error() -> None:
    with pytest.raises(ConnectError) as caught:
        XenDriver().open("xen+ssh://root@192.0.2.1/system?command=/bin/false&no_tty=1&repair=off")
    assert "\n" not in str(caught.value)


def test_the_testbed_boots_nothing_and_says_where_xen_is() -> None:
    with pytest.raises(LabUnavailableError, match="ci/xen-lab"):
        XenTestbed().boot(None)  # type: ignore[arg-type]
