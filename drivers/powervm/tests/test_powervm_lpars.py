"""Domains are LPARs: what they are made with, and what others do to them between two calls."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vifkit import (
    BackendError,
    Bandwidth,
    Connection,
    DomainExistsError,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    Rate,
    State,
    UnsupportedError,
    parse_domain,
)
from vifkit_powervm.double.running import RunningHmc

Written = Callable[..., str]
Typed = Callable[..., str]

PROFILE = "lssyscfg -r prof -F lpar_name,desired_mem,desired_procs,desired_proc_units,virtual_eth_adapters"

SMALLEST = "profile_name=p,min_mem=256,desired_mem=256,max_mem=256,min_procs=1,desired_procs=1,max_procs=1"


def test_an_lpar_is_made_as_its_xml_says(connection: Connection, xml: Written, vif: Written, types: Typed) -> None:
    vifs = vif("52:54:00:00:00:01", "<vlan><tag id='42'/></vlan>"), vif("52:54:00:00:00:02", bridge="ETHERNET0")
    connection.define(xml("web", *vifs, more="<memory unit='GiB'>1</memory><vcpu>3</vcpu>"))
    assert types(PROFILE) == (
        'web,1024,3,0.3,"2/0/42//0/0/br0/525400000001/all/none,3/0/1//0/0/ETHERNET0/525400000002/all/none"\n'
    )


@pytest.mark.parametrize(
    ("memory", "held"),
    [
        ("", "256"),
        ("<memory>1</memory>", "256"),
        ("<memory>262145</memory>", "512"),
        ("<memory unit='M'>512</memory>", "512"),
        ("<memory unit='MB'>512</memory>", "512"),
        ("<memory unit='GB'>1</memory>", "1024"),
        ("<memory unit='TiB'>1</memory>", "1048576"),
    ],
)
def test_memory_is_rounded_up_to_regions(
    connection: Connection, xml: Written, types: Typed, memory: str, held: str
) -> None:
    connection.define(xml(more=memory))
    assert types("lssyscfg -r prof -F desired_mem") == f"{held}\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("<memory unit='furlong'>1</memory>", "domain/memory: not understood: '1' 'furlong'"),
        ("<memory>0</memory>", "domain/memory: not understood: '0' 'KiB'"),
        ("<memory>-1</memory>", "domain/memory: not understood: '-1' 'KiB'"),
        ("<memory unit='TiB'>999999999999</memory>", "domain/memory: more than any machine has: '999999999999' 'TiB'"),
        ("<vcpu>many</vcpu>", "domain/vcpu: not understood: 'many'"),
        ("<vcpu>999999999999</vcpu>", "domain/vcpu: more than any machine has: '999999999999'"),
        ("<vcpu>1</vcpu><vcpu>2</vcpu>", "only one is allowed"),
    ],
)
def test_what_no_lpar_can_have_is_refused(connection: Connection, xml: Written, more: str, said: str) -> None:
    with pytest.raises(InvalidXmlError, match=re.escape(said)):
        connection.define(xml(more=more))
    assert connection.domains() == []


@pytest.mark.parametrize("name", ["a", "Web Server 1", "web;reboot", "a~b@c#d^e_f+g{h}i:j.k", "x" * 31])
def test_a_name_that_the_hmc_allows_is_taken(hmc: RunningHmc, connection: Connection, xml: Written, name: str) -> None:
    domain = connection.create(xml(name))
    assert connection.domain(name).state() is State.RUNNING
    assert [each.name for each in connection.domains()] == [name]
    domain.stop()
    assert connection.domains() == []


@pytest.mark.parametrize(
    "name",
    [
        "-a", "--help", " a", "a ", "a,b", "a=b", "a'b", "a&quot;b", "a$(id)", "a`id`", "a|b", "a&amp;b", "a&lt;b",
        "a*",
        "a\\b", "na\u00efve", "\u4e2d", "x" * 32, "a[b]", "a?b", "a!b", "a%b",
    ],
)  # fmt: skip
def test_a_name_that_the_hmc_does_not_allow_is_refused(
    hmc: RunningHmc, connection: Connection, xml: Written, name: str
) -> None:
    asked = len(hmc.commands())
    with pytest.raises(InvalidXmlError, match=r"domain/name: .* is no LPAR's name") as caught:
        connection.define(xml(name))
    assert "\n" not in str(caught.value)
    assert not any("mksyscfg" in each for each in hmc.commands()[asked:])
    with pytest.raises(DomainNotFoundError):
        connection.domain(parse_domain(xml(name)).name)


@pytest.mark.parametrize("switch", ["br0/x", "a,b", "a&quot;b", "-a", "a;b", "a=b", "", "\u00e9"])
def test_a_switch_that_cannot_be_is_refused(connection: Connection, xml: Written, vif: Written, switch: str) -> None:
    with pytest.raises(InvalidXmlError, match="is no virtual switch"):
        connection.define(xml("web", vif(bridge=switch)))


@pytest.mark.parametrize(
    ("interface", "said"),
    [
        ("<interface type='network'><source network='br0'/></interface>", "not of type 'network'"),
        ("<interface type='direct'><source dev='eth0'/></interface>", "not of type 'direct'"),
        ("<interface type='bridge'><source bridge='br0'/><target dev='x'/></interface>", "has no device on any host"),
        (
            "<interface type='bridge'><source bridge='br0'/><virtualport type='openvswitch'/></interface>",
            "without a virtualport",
        ),
        (
            "<interface type='bridge'><source bridge='br0'/><vlan trunk='yes'><tag id='1'/></vlan></interface>",
            "here it is in one, untagged",
        ),
        (
            "<interface type='bridge'><source bridge='br0'/><vlan><tag id='1'/><tag id='2'/></vlan></interface>",
            "is to be in 2 VLANs",
        ),
    ],
)
def test_a_vif_that_is_no_virtual_ethernet_adapter_is_refused(
    connection: Connection, xml: Written, interface: str, said: str
) -> None:
    with pytest.raises(UnsupportedError, match=said) as caught:
        connection.define(xml("web", interface))
    assert caught.value.capability == "interface"
    assert connection.domains() == []


@pytest.mark.parametrize("tag", ["0", "4095", "x", "-1", ""])
def test_a_vlan_that_cannot_be_is_refused(connection: Connection, xml: Written, vif: Written, tag: str) -> None:
    with pytest.raises(InvalidXmlError, match="is no VLAN from 1 to 4094"):
        connection.define(xml("web", vif(more=f"<vlan><tag id='{tag}'/></vlan>")))


@pytest.mark.parametrize(
    ("asked", "capability"),
    [
        (Bandwidth(inbound=Rate(average=512)), "inbound"),
        (Bandwidth(outbound=Rate(average=512)), "outbound"),
        (Bandwidth(inbound=Rate(floor=512)), "floor"),
    ],
)
def test_a_bandwidth_is_refused(connection: Connection, xml: Written, asked: Bandwidth, capability: str) -> None:
    domain = connection.define(xml())
    with pytest.raises(UnsupportedError) as caught:
        domain.set_bandwidth("52:54:00:00:00:01", asked)
    assert caught.value.capability == capability
    domain.set_bandwidth("52:54:00:00:00:01", None)
    assert domain.bandwidth("52:54:00:00:00:01") is None


def test_a_bandwidth_is_told_to_do_nothing(xml: Written, vif: Written) -> None:
    text = xml("web", vif(more="<bandwidth><inbound average='512'/></bandwidth>"))
    netqos = Path(sys.executable).with_name("netqos")
    run = subprocess.run([netqos, "explain", "-"], input=text, capture_output=True, text=True, check=True)
    assert "interface-unsupported" in run.stdout


def test_a_switch_that_is_not_there_leaves_nothing(connection: Connection, xml: Written, vif: Written) -> None:
    with pytest.raises(BackendError, match="mksyscfg: The virtual switch br1 was not found"):
        connection.create(xml("web", vif(bridge="br1")))
    assert connection.domains() == []


@pytest.mark.parametrize("command", ["mksyscfg", "description", "-o on"])
def test_what_fails_half_way_is_undone(hmc: RunningHmc, connection: Connection, xml: Written, command: str) -> None:
    hmc.mood("fail", command=command, text="HSCL0001 No.")
    with pytest.raises(BackendError, match="HSCL0001 No"):
        connection.create(xml())
    hmc.mood()
    assert connection.domains() == []


def test_a_redefinition_that_fails_half_way_is_undone(
    hmc: RunningHmc, connection: Connection, xml: Written, types: Typed
) -> None:
    domain = connection.define(xml(more="<vcpu>2</vcpu>"))
    profile, text = types(PROFILE), domain.xml()
    hmc.mood("fail", command="-i name=web,description", text="HSCL0001 No.")
    with pytest.raises(BackendError, match="HSCL0001 No"):
        connection.define(xml(uuid=domain.uuid, more="<vcpu>4</vcpu>"))
    hmc.mood()
    assert (types(PROFILE), domain.xml()) == (profile, text)


def test_a_description_that_is_cut_off_is_no_definition(hmc: RunningHmc, connection: Connection, xml: Written) -> None:
    hmc.mood(holds=200)
    with pytest.raises(BackendError, match=r"its XML needs a description of [0-9]+ characters, and the HMC holds 200"):
        connection.define(xml())
    hmc.mood(holds=1023)
    assert connection.domains() == []


def test_a_definition_while_it_runs_waits(connection: Connection, xml: Written, vif: Written, types: Typed) -> None:
    domain = connection.create(xml())
    connection.define(xml("web", vif("52:54:00:00:00:07"), uuid=domain.uuid))
    assert [vif.mac for vif in domain.vifs()] == ["52:54:00:00:00:01"]
    domain.stop()
    assert domain.state() is State.SHUTOFF
    assert [vif.mac for vif in domain.vifs()] == ["52:54:00:00:00:07"]
    assert "/525400000007/" in types(PROFILE)


def test_it_is_waited_for_an_lpar_that_takes_its_time(hmc: RunningHmc, connection: Connection, xml: Written) -> None:
    hmc.mood(lag=3)
    domain = connection.create(xml())
    assert domain.state() is State.RUNNING
    domain.stop()
    assert connection.domains() == []


def test_somebody_elses_lpar_is_a_domain_too(connection: Connection, types: Typed) -> None:
    types(
        'mksyscfg -r lpar -i "name=aix01,profile_name=standard,lpar_env=aixlinux,min_mem=256,desired_mem=1024,'
        'max_mem=2048,min_procs=1,desired_procs=1,max_procs=2,virtual_eth_adapters=4/0/900//0/0"'
    )
    domain = connection.domain("aix01")
    assert domain.uuid == types("lssyscfg -r lpar -F uuid").strip().lower()
    assert domain.state() is State.SHUTOFF
    assert domain.vifs() == ()  # its adapter has no MAC address before it is activated
    domain.start()
    (vif,) = domain.vifs()
    assert (vif.mac, vif.source) == ("6a:b0:00:00:01:00", "ETHERNET0")
    assert '<vlan><tag id="900"/></vlan>' in domain.xml()
    domain.stop()
    assert domain.vifs() == (vif,)
    domain.undefine()
    assert connection.domains() == []


def test_an_adapter_that_somebody_plugs_is_seen(connection: Connection, xml: Written, types: Typed) -> None:
    domain = connection.create(xml())
    types("chhwres -r virtualio --rsubtype eth -o a -p web -s 9 -a 'ieee_virtual_eth=0,port_vlan_id=900'")
    assert [vif.source for vif in domain.vifs()] == ["br0", "ETHERNET0"]
    types("chhwres -r virtualio --rsubtype eth -o r -p web -s 2")
    assert [vif.source for vif in domain.vifs()] == ["ETHERNET0"]


def test_an_lpar_that_somebody_renames_is_another_name(connection: Connection, xml: Written, types: Typed) -> None:
    domain = connection.define(xml())
    types("chsyscfg -r lpar -i name=web,new_name=www")
    with pytest.raises(DomainNotFoundError):
        domain.state()
    found = connection.domain("www")
    assert (found.uuid, found.name) == (domain.uuid, "www")
    assert "<name>www</name>" in found.xml()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("", False),
        ("vifkit1:", False),
        ("vifkit1:AAAA", False),
        ("vifkit1:eNqrVqrIzVGyUqqoUKoFABaBA8g", False),
        ("billing {}", True),
        ("{} # of billing", True),
    ],
)
def test_a_description_is_anybodys_to_write(
    connection: Connection, xml: Written, types: Typed, written: str, kept: bool
) -> None:
    domain = connection.define(xml(more="<metadata><note xmlns='urn:x'>keep me</note></metadata>"))
    before = types("lssyscfg -r lpar -F description").strip()
    types(f"chsyscfg -r lpar -i 'name=web,description={written.format(before)}'")
    (found,) = connection.domains()
    assert [vif.mac for vif in found.vifs()] == ["52:54:00:00:00:01"]
    assert ("keep me" in found.xml()) is kept
    assert (found.uuid == domain.uuid) is kept
    if kept:
        connection.define(xml(uuid=domain.uuid))
        assert types("lssyscfg -r lpar -F description").strip().startswith(written.format("").strip()[:7].strip())


def test_an_lpar_that_no_domain_can_be_hides_no_other(connection: Connection, xml: Written, types: Typed) -> None:
    for name in ("a/b", "a=b"):
        types(f"mksyscfg -r lpar -i '\"name={name}\",lpar_env=aixlinux,{SMALLEST}'")
    connection.define(xml())
    assert sorted(each.name for each in connection.domains()) == ["a=b", "web"]
    assert connection.domain("a=b").state() is State.SHUTOFF


def test_a_virtual_io_server_is_left_as_it_is(connection: Connection, xml: Written, types: Typed) -> None:
    types(f"mksyscfg -r lpar -i 'name=vios1,lpar_env=vioserver,{SMALLEST}'")
    (vios,) = connection.domains()
    with pytest.raises(UnsupportedError, match="'vios1' is a partition for vioserver: it is left as it is"):
        connection.define(xml("vios1", uuid=vios.uuid))
    assert types("lssyscfg -r lpar -F description").strip() == '""'


def test_what_somebody_does_in_between_is_told_by_type(hmc: RunningHmc, connection: Connection, xml: Written) -> None:
    domain = connection.define(xml())
    for text, verb, error in (
        ("HSCL8012 The partition named web was not found.", domain.start, DomainNotFoundError),
        ("HSCL3681 It is on.", domain.start, InvalidStateError),
        ("HSCL8012 The partition named web was not found.", domain.undefine, DomainNotFoundError),
    ):
        hmc.mood("fail", command="chsysstate" if verb == domain.start else "rmsyscfg", text=text)
        with pytest.raises(error):
            verb()
    hmc.mood()
    domain.start()
    hmc.mood("fail", command="chsysstate", text="HSCL1558 It is off.")
    with pytest.raises(InvalidStateError):
        domain.stop()
    hmc.mood()
    domain.stop()


def test_a_name_that_somebody_takes_in_between_exists(
    hmc: RunningHmc, connection: Connection, xml: Written, types: Typed
) -> None:
    asked = len(hmc.commands())
    hmc.mood("held", command="max_virtual_slots=")  # the driver says how many, and somebody else does not
    with ThreadPoolExecutor(1) as threads:
        try:
            defining = threads.submit(connection.define, xml())
            end = time.monotonic() + 30
            while not any("mksyscfg" in line for line in hmc.commands()[asked:]) and time.monotonic() < end:
                time.sleep(0.01)
            types(f"mksyscfg -r lpar -i name=web,lpar_env=aixlinux,{SMALLEST}")
        finally:
            hmc.mood()
        with pytest.raises(DomainExistsError):
            defining.result()
    assert [each.name for each in connection.domains()] == ["web"]


def test_a_thousand_lpars_are_listed_in_three_commands(
    hmc: RunningHmc, connection: Connection, xml: Written, vif: Written, types: Typed
) -> None:
    connection.define(xml("web", vif("52:54:00:00:00:01"), vif("52:54:00:00:00:02")))
    description = types("lssyscfg -r lpar -F description").strip()
    adapters = "virtual_eth_adapters=2/0/1//0/0/br0/525400000001/all/none,3/0/1//0/0/br0/525400000002/all/none"
    names = [f"web-{number}" for number in range(999)]
    lpars = [f'name={name},lpar_env=aixlinux,{SMALLEST},"{adapters}"' for name in names]
    (hmc.directory / "lpars").write_text("\n".join(lpars))
    (hmc.directory / "texts").write_text("\n".join(f"name={name},description={description}" for name in names))
    types("mksyscfg -r lpar -f lpars")
    types("chsyscfg -r lpar -f texts")
    before = len(hmc.commands())
    assert len(connection.domains()) == 1000
    assert [each.split()[:3] for each in hmc.commands()[before:]] == [
        ["lssyscfg", "-r", "lpar"],
        ["lssyscfg", "-r", "prof"],
        ["lshwres", "-r", "virtualio"],
    ]
