import warnings

import pytest

from netqos.guard import refuse_undeclared, warn
from vifkit import Bandwidth, BandwidthWarning, Capabilities, Rate, UnsupportedError, Vif

VIF = Vif(type="bridge", virtualport="openvswitch", target="vnet0")
BOTH = Capabilities(inbound=True, outbound=True, peak=True, burst=True)


def inbound(**figures: int) -> Bandwidth:
    return Bandwidth(inbound=Rate(**figures))


@pytest.mark.parametrize(
    ("bandwidth", "capabilities", "missing"),
    [
        (inbound(average=1), Capabilities(outbound=True), "inbound"),
        (inbound(average=1, floor=1), BOTH, "floor"),
        (inbound(floor=1), Capabilities(), "floor"),
        (inbound(average=1, peak=2), Capabilities(inbound=True), "peak"),
        (inbound(average=1, burst=2), Capabilities(inbound=True, peak=True), "burst"),
        (Bandwidth(outbound=Rate(average=1, peak=2)), Capabilities(outbound=True, burst=True), "peak"),
        (Bandwidth(outbound=Rate(average=1)), Capabilities(inbound=True), "outbound"),
        (
            inbound(average=1, peak=1001),
            Capabilities(inbound=True, peak=True, highest_rate_bps=8_000_000),
            "highest_rate_bps",
        ),
        (inbound(average=1001), Capabilities(inbound=True, highest_rate_bps=8_007_999), "highest_rate_bps"),
        (
            Bandwidth(outbound=Rate(average=1001)),
            Capabilities(outbound=True, highest_rate_bps=8_000_000),
            "highest_rate_bps",
        ),
    ],
)
def test_what_is_not_declared_is_refused_by_the_name_of_its_capability(
    bandwidth: Bandwidth, capabilities: Capabilities, missing: str
) -> None:
    with pytest.raises(UnsupportedError) as refused:
        refuse_undeclared(bandwidth, capabilities)
    assert refused.value.capability == missing
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("bandwidth", "capabilities"),
    [
        (None, Capabilities()),
        (Bandwidth(), Capabilities()),
        (inbound(floor=1), Capabilities(floor=True)),
        (inbound(average=1, peak=2, burst=3), Capabilities(inbound=True, peak=True, burst=True)),
        (Bandwidth(inbound=Rate(average=1), outbound=Rate(average=1)), BOTH),
        (inbound(average=1000, peak=1000), Capabilities(inbound=True, peak=True, highest_rate_bps=8_000_000)),
        (inbound(average=2305843009213693), Capabilities(inbound=True)),
    ],
)
def test_what_is_declared_or_not_asked_for_passes(bandwidth: Bandwidth | None, capabilities: Capabilities) -> None:
    refuse_undeclared(bandwidth, capabilities)


def call_a_driver(bandwidth: Bandwidth | None, vif: Vif = VIF, ovs_version: tuple[int, ...] = (3, 2)) -> None:
    """Stand for a driver, whose caller is to be warned."""
    warn(vif, bandwidth, ovs_version)


def test_each_finding_is_a_warning_with_its_code_where_the_driver_was_called() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call_a_driver(Bandwidth(inbound=Rate(average=512, peak=1024, burst=1), outbound=Rate(average=100)))
    messages = [each.message for each in caught]
    assert all(isinstance(each, BandwidthWarning) for each in messages)
    codes = [each.code for each in messages if isinstance(each, BandwidthWarning)]
    assert codes == ["peak-is-the-limit", "burst-raised", "outbound-burst-default"]
    assert str(messages[1]) == "burst-raised: a burst of 1024 bytes is under one packet: it becomes 1564 bytes"
    assert {each.filename for each in caught} == {__file__}


@pytest.mark.parametrize("bandwidth", [None, Bandwidth(), inbound(average=512), inbound(average=512, peak=512)])
def test_what_does_what_it_says_is_no_reason_to_warn(bandwidth: Bandwidth | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call_a_driver(bandwidth)


def test_the_mtu_of_the_vif_and_the_version_of_the_switch_count() -> None:
    jumbo = Vif(type="bridge", virtualport="openvswitch", target="vnet0", mtu=9000)
    with pytest.warns(BandwidthWarning, match="burst-raised: a burst of 8192 bytes .* becomes 9064 bytes"):
        call_a_driver(inbound(average=512, burst=8), jumbo)
    with pytest.warns(BandwidthWarning, match="rate-wraps"):
        call_a_driver(inbound(average=5_000_000), ovs_version=(3, 1))


def test_a_vif_without_a_device_yet_is_judged_too() -> None:
    with pytest.warns(BandwidthWarning, match="interface-unsupported: an interface of type 'network'"):
        call_a_driver(inbound(average=512), Vif(type="network"))
