"""What Hyper-V holds, in bits/s, for what was asked in kilobytes/s; and what is said of what somebody else has set."""

import warnings
from collections.abc import Callable

import pytest

from vifkit import Bandwidth, BandwidthWarning, Rate, State, UnsupportedError
from vifkit_hyperv.double.host import Adapter, BandwidthSetting, Host, Switch, VirtualMachine
from vifkit_hyperv.driver import HypervConnection

Open = Callable[..., HypervConnection]
Xml = Callable[..., str]
MAC = "52:54:00:00:00:01"


def held(host: Host, number: int = 0) -> tuple[int, int] | None:
    setting = host.machines[0].adapters[number].bandwidth
    return None if setting is None else (setting.maximum, setting.absolute)


@pytest.mark.parametrize(
    ("asked", "bits"),
    [
        ("<outbound average='512'/>", (4_096_000, 0)),
        ("<outbound average='512' peak='1024'/>", (8_192_000, 4_096_000)),
        ("<outbound average='512' peak='512'/>", (4_096_000, 4_096_000)),
        ("<outbound average='1'/>", (8000, 0)),
        ("<outbound average='1152921504606846'/>", (9_223_372_036_854_768_000, 0)),
        ("", None),
    ],
)
def test_an_average_is_the_limit_unless_there_is_a_peak(
    connection: HypervConnection, host: Host, xml: Xml, asked: str, bits: tuple[int, int] | None
) -> None:
    connection.define(xml("web", asked))
    assert held(host) == bits


def test_what_the_highest_rate_leaves_out_is_refused(connection: HypervConnection, host: Host, xml: Xml) -> None:
    with pytest.raises(UnsupportedError) as caught:
        connection.define(xml("web", "<outbound average='1152921504606847'/>"))
    assert caught.value.capability == "highest_rate_bps"
    assert host.machines == []


@pytest.mark.parametrize("running", [False, True])
def test_an_update_replaces_all_of_it(connection: HypervConnection, host: Host, xml: Xml, running: bool) -> None:
    domain = connection.define(xml("web", "<outbound average='512' peak='1024'/>", "<outbound average='100'/>"))
    if running:
        domain.start()
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=256)))
    assert held(host) == (2_048_000, 0)
    domain.set_bandwidth(MAC, None)
    assert held(host) == (0, 0)
    assert domain.bandwidth(MAC) is None
    assert held(host, 1) == (800_000, 0)
    assert domain.state() is (State.RUNNING if running else State.SHUTOFF)


def test_a_peak_above_the_average_is_told(connection: HypervConnection, xml: Xml) -> None:
    with pytest.warns(BandwidthWarning) as caught:
        domain = connection.define(xml("web", "<outbound average='512' peak='1024'/>"))
    (told,) = caught
    assert str(told.message) == (
        "peak-is-the-limit: the guest may send 1024 kB/s for ever; 512 kB/s is only guaranteed"
    )
    assert told.filename.endswith("test_hyperv_bandwidth.py")
    with pytest.warns(BandwidthWarning) as caught:
        domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=512, peak=1024)))
    (told,) = caught
    assert told.filename.endswith("test_hyperv_bandwidth.py")


@pytest.mark.parametrize(
    ("asked", "capability"),
    [
        ("<inbound average='512'/>", "inbound"),
        ("<inbound floor='512'/>", "floor"),
        ("<outbound average='512' burst='32'/>", "burst"),
        ("<outbound average='512' peak='256'/>", "peak"),
    ],
)
def test_what_hyperv_cannot_hold_is_refused(
    connection: HypervConnection, host: Host, xml: Xml, asked: str, capability: str
) -> None:
    for verb in (connection.define, connection.create):
        with pytest.raises(UnsupportedError) as caught:
            verb(xml("web", asked))
        assert caught.value.capability == capability
    assert host.machines == []


@pytest.mark.parametrize("mode", ["Weight", "None", "Default"])
def test_without_minimum_bandwidths_in_bits_there_is_no_peak(open_it: Open, host: Host, xml: Xml, mode: str) -> None:
    host.switches[0].mode = mode
    connection = open_it()
    assert connection.capabilities.peak is False
    with pytest.raises(UnsupportedError) as caught:
        connection.define(xml("web", "<outbound average='512' peak='1024'/>"))
    assert caught.value.capability == "peak"
    domain = connection.define(xml("web", "<outbound average='512'/>"))
    assert held(host) == (4_096_000, 0)
    domain.set_bandwidth(MAC, None)  # where any word of a minimum is an error
    assert held(host) == (0, 0)


def test_one_switch_without_is_enough(open_it: Open, host: Host) -> None:
    host.switches.append(Switch("other", "Weight"))
    assert open_it().capabilities.peak is False


def test_a_host_without_switches_declares_no_peak(open_it: Open, host: Host) -> None:
    host.switches.clear()
    assert open_it().capabilities.peak is False


@pytest.mark.parametrize(
    ("bits", "read", "codes"),
    [
        ((4_096_000, 0), Bandwidth(outbound=Rate(average=512)), []),
        ((5_000_000, 0), Bandwidth(outbound=Rate(average=625)), []),
        ((5_000_008, 0), Bandwidth(outbound=Rate(average=625)), ["rate-rounded"]),
        ((5_004_000, 0), Bandwidth(outbound=Rate(average=626)), ["rate-rounded"]),
        ((8, 0), Bandwidth(outbound=Rate(average=1)), ["rate-rounded"]),
        ((8_192_000, 1_000_008), Bandwidth(outbound=Rate(average=125, peak=1024)), ["rate-rounded"]),
        ((1_000_000, 8_000_000), Bandwidth(outbound=Rate(average=1000, peak=125)), []),
        ((0, 100_000_000), None, ["no-limit"]),
        ((0, 0), None, []),
    ],
)
def test_what_somebody_else_has_set_is_read_as_well_as_it_can_be(
    connection: HypervConnection, host: Host, bits: tuple[int, int], read: Bandwidth | None, codes: list[str]
) -> None:
    machine = VirtualMachine("theirs", state="Running")
    adapter = Adapter(machine, mac="00155D000101", dynamic=False, switch="br0")
    adapter.bandwidth = BandwidthSetting(str(adapter), *bits)
    machine.adapters.append(adapter)
    host.machines.append(machine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        domain = connection.domain("theirs")
        connection.domains()
        domain.xml()
        assert caught == []
        assert domain.bandwidth("00:15:5D:00:01:01") == read
    assert [each.message.code for each in caught if isinstance(each.message, BandwidthWarning)] == codes
    assert domain.uuid == str(machine.id)
    assert domain.vifs()[0].bandwidth == read


def test_a_weight_of_somebody_elses_is_left_alone(connection: HypervConnection, host: Host, xml: Xml) -> None:
    domain = connection.define(xml("web", ""))
    adapter = host.machines[0].adapters[0]
    adapter.bandwidth = BandwidthSetting(str(adapter), weight=30)
    domain.set_bandwidth(MAC, Bandwidth(outbound=Rate(average=512)))
    assert (adapter.bandwidth.maximum, adapter.bandwidth.absolute, adapter.bandwidth.weight) == (4_096_000, 0, 30)
