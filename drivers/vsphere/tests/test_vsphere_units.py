"""What a bandwidth becomes: literal figures, read by a client that is not the driver."""

import pytest
from vspheres.domains import domain_xml
from vspheres.raw import Raw

from vifkit import Bandwidth, Connection, Rate

OUTBOUND = "<bandwidth><outbound average='512' peak='1024' burst='32'/></bandwidth>"
OWN = "vifkit-00000000-525400000100-br0"
both = pytest.mark.parametrize("mode", ["vcenter", "esx"], indirect=True)
vcenter = pytest.mark.parametrize("mode", ["vcenter"], indirect=True)
esx = pytest.mark.parametrize("mode", ["esx"], indirect=True)


@vcenter
def test_what_a_guest_sends_is_ingress_to_a_distributed_switch(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", OUTBOUND))
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN
    assert raw.shaping(OWN) == {"inShapingPolicy": (4_096_000, 8_192_000, 32_768), "outShapingPolicy": None}


@vcenter
def test_what_a_guest_receives_is_egress_of_a_distributed_switch(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", OUTBOUND.replace("outbound", "inbound")))
    assert raw.shaping(OWN) == {"inShapingPolicy": None, "outShapingPolicy": (4_096_000, 8_192_000, 32_768)}


@esx
def test_what_a_guest_sends_is_shaped_by_a_standard_switch(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", OUTBOUND))
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN
    assert raw.shaping(OWN) == {"out": (4_096_000, 8_192_000, 32_768)}
    assert raw.groups()[OWN].vswitchName == "vSwitch0"


@pytest.mark.parametrize(
    ("figures", "held"),
    [
        ("average='1'", (8_000, 8_000, 65_536)),
        ("average='125000'", (1_000_000_000, 1_000_000_000, 12_500_000)),
        ("average='999' burst='1'", (7_992_000, 7_992_000, 1_024)),
        ("average='512' peak='512'", (4_096_000, 4_096_000, 65_536)),
        ("average='1152921504606846'", (9_223_372_036_854_768_000, 9_223_372_036_854_768_000, 115_292_150_460_684_600)),
    ],
)
def test_each_figure_is_held_exactly(
    connection: Connection, raw: Raw, figures: str, held: tuple[int, int, int]
) -> None:
    domain = connection.define(domain_xml("guest", f"<bandwidth><outbound {figures}/></bandwidth>"))
    assert held in raw.shaping(OWN).values()
    asked = domain.bandwidth("52:54:00:00:01:00")
    assert asked is not None and asked.outbound is not None
    assert " ".join(f"{name}='{getattr(asked.outbound, name)}'" for name in ("average", "peak", "burst")) == " ".join(
        f"{name}='{dict(each.split('=') for each in figures.replace(chr(39), '').split()).get(name)}'"
        for name in ("average", "peak", "burst")
    )


def test_the_network_itself_stays_as_it_is(connection: Connection, raw: Raw) -> None:
    before = raw.shaping("br0")
    domain = connection.create(domain_xml("guest", OUTBOUND, ""))
    assert [raw.group_of(card) for card in raw.cards(raw.machine("guest"))] == [OWN, "br0"]
    assert raw.shaping("br0") == before
    assert set(before.values()) == {None}
    domain.stop()


def test_an_update_changes_the_port_group_in_place(connection: Connection, raw: Raw) -> None:
    domain = connection.create(domain_xml("guest", OUTBOUND))
    domain.set_bandwidth("52:54:00:00:01:00", Bandwidth(outbound=Rate(average=3, burst=4)))
    assert (24_000, 24_000, 4_096) in raw.shaping(OWN).values()
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN


def test_a_running_guest_is_put_on_a_port_group_of_its_own_and_back(connection: Connection, raw: Raw) -> None:
    domain = connection.create(domain_xml("guest"))
    domain.set_bandwidth("52:54:00:00:01:00", Bandwidth(outbound=Rate(average=512)))
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN
    domain.set_bandwidth("52:54:00:00:01:00", None)
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == "br0"
    assert OWN not in raw.groups()
    assert str(raw.machine("guest").runtime.powerState) == "poweredOn"


def test_a_definition_that_is_replaced_leaves_no_port_group(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", OUTBOUND, OUTBOUND))
    connection.define(domain_xml("guest", OUTBOUND))
    assert [raw.group_of(card) for card in raw.cards(raw.machine("guest"))] == [OWN]
    assert "vifkit-00000000-525400000101-br0" not in raw.groups()
    connection.define(domain_xml("guest", ""))
    assert OWN not in raw.groups()


def test_a_machine_is_made_as_it_is_asked(connection: Connection, raw: Raw) -> None:
    connection.define(domain_xml("guest", "", "", more="<model type='e1000'/>"))
    machine = raw.machine("guest")
    assert (machine.config.hardware.memoryMB, machine.config.hardware.numCPU) == (64, 2)
    assert machine.config.uuid == "00000000-0000-4000-8000-000000000001"
    assert [(card.macAddress, card.addressType) for card in raw.cards(machine)] == [
        ("52:54:00:00:01:00", "manual"),
        ("52:54:00:00:01:01", "manual"),
    ]
    assert {type(card).__name__ for card in raw.cards(machine)} == {"vim.vm.device.VirtualE1000"}
