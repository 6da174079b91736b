"""What a guest may send: policed where its traffic enters Open vSwitch."""

import pytest

from vifkit_conformance.bandwidths import OUTBOUND, REFERENCE
from vifkit_conformance.guest import Guests


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_outbound_becomes_policing(guest: Guests) -> None:
    """Failing: average x 8 is `ingress_policing_rate` (kbit/s), burst x 8 `ingress_policing_burst` (kbit)."""
    port = guest(OUTBOUND).port()
    assert (port["ingress_policing_rate"], port["ingress_policing_burst"]) == (4096, 256)


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_outbound_reaches_the_kernel(guest: Guests) -> None:
    """Failing: the port's ingress must have a filter that polices."""
    assert [each.kind for each in guest(OUTBOUND).link().policers] in (["matchall"], ["basic"])


@pytest.mark.needs("outbound", shaping="ovs-htb")
def test_outbound_alone_does_not_limit_inbound(guest: Guests) -> None:
    """Failing: the directions are swapped, or taken together: `outbound` is what the guest sends."""
    made = guest(OUTBOUND)
    assert made.qos() is None
    assert made.tree().classes == {}


@pytest.mark.needs("inbound", shaping="ovs-htb")
def test_inbound_alone_does_not_limit_outbound(guest: Guests) -> None:
    """Failing: the directions are swapped, or taken together: `inbound` is what the guest receives."""
    made = guest(REFERENCE)
    assert made.port()["ingress_policing_rate"] == 0
    assert made.port()["ingress_policing_burst"] == 0
    assert made.qos() is not None
