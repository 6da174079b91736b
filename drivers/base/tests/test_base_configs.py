"""A domain's XML, of what the hypervisor says and what was noted of it."""

import pytest

from vifkit import Bandwidth, InvalidXmlError, Rate, State, Vif, parse_domain
from vifkit_base.configs import as_config, as_machine, noted_vifs
from vifkit_base.notes import NOTHING, Noted

UUID = "8e8ccd2a-a9ab-4a18-9b3d-9e1b1fd6a6f1"
ONE, TWO, THREE = (f"52:54:00:00:00:0{number}" for number in (1, 2, 3))
NOTED = f"""<domain type='test'><name>old</name><uuid>{UUID}</uuid>
<metadata><note xmlns='urn:example:notes'>keep me</note></metadata>
<devices>
<interface type='bridge'><mac address='{TWO.upper()}'/><source bridge='old0'/><model type='e1000'/>
<bandwidth><inbound average='5'/></bandwidth></interface>
<interface type='bridge'><mac address='{THREE}'/><source bridge='br0'/></interface>
</devices></domain>"""


def test_what_the_hypervisor_says_wins() -> None:
    vifs = [Vif(type="bridge", mac=mac, source="br0", target="vif1") for mac in (ONE, TWO)]
    config = as_config("new", UUID, "vbox", vifs, NOTED)
    assert (config.name, config.uuid, config.type) == ("new", UUID, "vbox")
    assert [(vif.mac, vif.source, vif.target) for vif in config.vifs] == [(ONE, "br0", "vif1"), (TWO, "br0", "vif1")]
    assert [vif.bandwidth for vif in config.vifs] == [None, None]


def test_what_it_does_not_say_is_as_it_was_noted() -> None:
    config = as_config("new", UUID, "vbox", [Vif(type="bridge", mac=TWO)], NOTED)
    assert "keep me" in config.to_xml() and "e1000" in config.to_xml()
    assert config.vifs[0].source == "old0"


def test_bandwidths_are_the_notes_where_the_hypervisor_holds_none() -> None:
    config = as_config("new", UUID, "vbox", [Vif(type="bridge", mac=TWO)], NOTED, noted_bandwidths=True)
    assert config.vifs[0].bandwidth == Bandwidth(inbound=Rate(average=5))


def test_a_bandwidth_that_it_holds_is_told() -> None:
    held = Bandwidth(outbound=Rate(average=7))
    config = as_config("new", UUID, "vbox", [Vif(type="bridge", mac=TWO, bandwidth=held)], NOTED, noted_bandwidths=True)
    assert config.vifs[0].bandwidth == held


@pytest.mark.parametrize(
    "noted", [None, "", "<x", "<network/>", "<domain/>", "<!DOCTYPE d [<!ENTITY e 'x'>]><domain/>"]
)
def test_without_a_sound_note_it_is_what_the_hypervisor_says(noted: str | None) -> None:
    vif = Vif(type="bridge", mac=ONE, source="br0", virtualport="openvswitch")
    config = as_config("a <b> & 'c'", UUID, "vz", [vif], noted)
    assert (config.name, config.vifs) == ("a <b> & 'c'", (vif,))


def test_what_no_domain_can_be_is_refused() -> None:
    with pytest.raises(InvalidXmlError):
        as_config("x", UUID, "vz", [Vif(type="bridge")], None)
    with pytest.raises(InvalidXmlError):
        as_config("x/y", UUID, "vz", [], None)


def test_a_machine_is_what_is_said_and_what_was_noted() -> None:
    kept = Noted(xml=NOTED, transient=True, waiting=NOTED)
    vifs = [Vif(type="bridge", mac=TWO, source="br0")]
    machine = as_machine("new", UUID, "vbox", State.RUNNING, vifs, kept)
    assert (machine.config.name, machine.state, machine.transient) == ("new", State.RUNNING, True)
    assert "keep me" in machine.config.to_xml()
    assert machine.config.vifs[0].bandwidth is None
    assert machine.waiting == parse_domain(NOTED)
    held = as_machine("new", UUID, "vbox", State.RUNNING, vifs, kept, noted_bandwidths=True)
    assert held.config.vifs[0].bandwidth == Bandwidth(inbound=Rate(average=5))


@pytest.mark.parametrize("kept", [None, NOTHING, Noted(xml="<a/>", transient=False, waiting="<b")])
def test_a_note_that_says_nothing_hides_no_machine(kept: Noted | None) -> None:
    machine = as_machine("new", UUID, "vbox", State.SHUTOFF, [Vif(type="bridge", mac=TWO, source="br0")], kept)
    assert [vif.mac for vif in machine.config.vifs] == [TWO]
    assert (machine.transient, machine.waiting) == (False, None)
    assert noted_vifs(kept) == {}


def test_vifs_are_noted_by_their_addresses() -> None:
    assert [(mac, vif.source) for mac, vif in noted_vifs(Noted(xml=NOTED, transient=False, waiting=None)).items()] == [
        (TWO, "old0"),
        (THREE, "br0"),
    ]
