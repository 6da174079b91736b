"""Bandwidths on their way into a domain's metadata and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from vifkit import (
    Bandwidth,
    InvalidBandwidthError,
    InvalidXmlError,
    Rate,
    Vif,
    VifkitError,
    parse_domain,
)
from vifkit_libvirt.metadata import NAMESPACE, InMetadata

KEEPING = InMetadata(lambda vif: vif.on_openvswitch)
MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
UUID = "7714e6b5-4885-4140-bc59-2f77cc99b3b5"
OPEN_VSWITCH, LINUX = "<virtualport type='openvswitch'/>", ""

FIGURES, MAYBE = st.integers(1, 10**9), st.none() | st.integers(0, 10**9)
LIMITS = st.builds(Rate, average=FIGURES, peak=MAYBE, burst=MAYBE)
FLOORS = st.builds(Rate, average=FIGURES, peak=MAYBE, burst=MAYBE, floor=MAYBE) | st.builds(Rate, floor=FIGURES)
BANDWIDTHS = st.builds(Bandwidth, inbound=st.none() | FLOORS, outbound=st.none() | LIMITS)


def domain(*vifs: tuple[str, str], metadata: str = "", bandwidths: tuple[str, ...] = ()) -> str:
    """Write a domain with vifs of these MAC addresses and virtualports."""
    interfaces = "".join(
        f"<interface type='bridge'><mac address='{mac}'/><source bridge='br0'/>{virtualport}{bandwidth}</interface>"
        for (mac, virtualport), bandwidth in zip(vifs, bandwidths or ("",) * len(vifs), strict=True)
    )
    kept = f"<metadata>{metadata}</metadata>" if metadata else ""
    return f"<domain type='lxc'><name>a</name><uuid>{UUID}</uuid>{kept}<devices>{interfaces}</devices></domain>"


def metadata(body: str) -> str:
    return f"<m:bandwidths xmlns:m='{NAMESPACE}'>{body}</m:bandwidths>"


def ours(xml: str) -> list[etree._Element]:
    return etree.fromstring(xml.encode()).findall(f"metadata/{{{NAMESPACE}}}bandwidths")


@given(st.lists(st.tuples(st.booleans(), BANDWIDTHS), max_size=4))
def test_what_goes_out_comes_back(asked: list[tuple[bool, Bandwidth]]) -> None:
    vifs = [(f"52:54:00:00:00:{number:02x}", OPEN_VSWITCH if on else LINUX) for number, (on, _) in enumerate(asked)]
    config = parse_domain(domain(*vifs))
    for (mac, _), (_, bandwidth) in zip(vifs, asked, strict=True):
        config = config.with_bandwidth(mac, bandwidth)
    given_to_libvirt = KEEPING.outgoing(config)
    for vif, (on, bandwidth) in zip(given_to_libvirt.vifs, asked, strict=True):
        assert vif.bandwidth == (None if on else bandwidth)
    back = KEEPING.incoming(given_to_libvirt.to_xml())
    assert [vif.bandwidth or None for vif in back.vifs] == [bandwidth or None for _, bandwidth in asked]
    assert ours(back.to_xml()) == []
    assert KEEPING.outgoing(back).vifs == given_to_libvirt.vifs


def test_the_metadata_are_as_they_are_documented() -> None:
    reference = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
    given_to_libvirt = KEEPING.outgoing(parse_domain(domain((MAC, OPEN_VSWITCH), bandwidths=(reference,)))).to_xml()
    (kept,) = ours(given_to_libvirt)
    assert etree.tostring(kept, encoding="unicode") == (
        '<vifkit:bandwidths xmlns:vifkit="urn:vifkit:bandwidths">'
        f'<vifkit:vif mac="{MAC}"><vifkit:bandwidth>'
        '<vifkit:inbound average="512" peak="1024" burst="32"/>'
        "</vifkit:bandwidth></vifkit:vif></vifkit:bandwidths>"
    )


def test_without_bandwidths_there_are_no_metadata() -> None:
    assert "metadata" not in KEEPING.outgoing(parse_domain(domain((MAC, OPEN_VSWITCH)))).to_xml()


def test_metadata_of_others_stay() -> None:
    theirs = "<app:note xmlns:app='http://example.org/app' by='them'>keep <app:b>this</app:b></app:note>"
    config = parse_domain(domain((MAC, OPEN_VSWITCH), metadata=theirs)).with_bandwidth(
        MAC, Bandwidth(inbound=Rate(average=1))
    )
    for xml in (KEEPING.outgoing(config).to_xml(), KEEPING.incoming(KEEPING.outgoing(config).to_xml()).to_xml()):
        (note,) = etree.fromstring(xml.encode()).findall("metadata/{http://example.org/app}note")
        assert etree.tostring(note, method="c14n") == etree.tostring(etree.fromstring(theirs), method="c14n")


def test_metadata_that_a_user_brings_along_are_not_taken_for_ours() -> None:
    stale = metadata(f"<m:vif mac='{MAC}'><m:bandwidth><m:inbound average='9'/></m:bandwidth></m:vif>")
    given_to_libvirt = KEEPING.outgoing(parse_domain(domain((MAC, OPEN_VSWITCH), metadata=stale)))
    assert ours(given_to_libvirt.to_xml()) == []


@pytest.mark.parametrize(
    "vif",
    [(OTHER, OPEN_VSWITCH), (MAC, LINUX), (MAC, "<virtualport type='802.1Qbh'/>")],
    ids=["gone", "bridge", "other-virtualport"],
)
def test_the_bandwidth_of_a_vif_that_is_not_there_is_left_out(vif: tuple[str, str]) -> None:
    kept = metadata(f"<m:vif mac='{MAC}'><m:bandwidth><m:inbound average='9'/></m:bandwidth></m:vif>")
    assert [each.bandwidth for each in KEEPING.incoming(domain(vif, metadata=kept)).vifs] == [None]


def test_a_vif_of_a_network_keeps_its_bandwidth_where_the_network_leads_to_open_vswitch() -> None:
    xml = domain((MAC, LINUX)).replace("type='bridge'", "type='network'").replace("bridge='br0'", "network='n'")
    config = parse_domain(xml).with_bandwidth(MAC, Bandwidth(inbound=Rate(average=9)))
    for leads_there in (True, False):

        def on_openvswitch(vif: Vif, answer: bool = leads_there) -> bool:
            assert vif.source == "n"
            return answer

        keeping = InMetadata(on_openvswitch)
        given_to_libvirt = keeping.outgoing(config)
        assert (given_to_libvirt.vifs[0].bandwidth is None) is leads_there
        assert keeping.incoming(given_to_libvirt.to_xml()).vifs[0].bandwidth == Bandwidth(inbound=Rate(average=9))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("", None),
        ("<m:vif/>", None),
        ("<m:vif mac=''/>", None),
        ("<m:vif mac='not one'><m:bandwidth><m:inbound average='9'/></m:bandwidth></m:vif>", None),
        (f"<m:vif mac='{MAC}'/>", None),
        (f"<m:vif mac='{MAC}'><m:bandwidth/></m:vif>", None),
        (f"<m:else mac='{MAC}'><m:bandwidth><m:inbound average='9'/></m:bandwidth></m:else>", None),
        (f"text<!-- a --><m:vif mac='{MAC.upper()}'><m:bandwidth><m:inbound average='9'/></m:bandwidth></m:vif>", 9),
        (f"<m:vif mac='{MAC}'><o:o xmlns:o='urn:o'/><m:bandwidth><m:inbound average='9'/></m:bandwidth></m:vif>", 9),
    ],
)
def test_metadata_that_say_nothing_of_a_vif_give_it_nothing(body: str, found: int | None) -> None:
    (vif,) = KEEPING.incoming(domain((MAC, OPEN_VSWITCH), metadata=metadata(body))).vifs
    assert (vif.bandwidth or None) == (None if found is None else Bandwidth(inbound=Rate(average=found)))


@pytest.mark.parametrize(
    "spoilt",
    [
        "<m:inbound average='much'/>",
        "<m:inbound average='-1'/>",
        "<m:inbound peak='5'/>",
        "<m:inbound avrage='5'/>",
        "<m:sideways average='5'/>",
        "<m:inbound average='5'/><m:inbound average='6'/>",
        "<m:outbound average='5' floor='1'/>",
        "much",
    ],
)
def test_a_spoilt_bandwidth_is_refused_and_not_guessed(spoilt: str) -> None:
    kept = metadata(f"<m:vif mac='{MAC}'><m:bandwidth>{spoilt}</m:bandwidth></m:vif>")
    with pytest.raises((InvalidXmlError, InvalidBandwidthError)) as caught:
        KEEPING.incoming(domain((MAC, OPEN_VSWITCH), metadata=kept))
    assert "\n" not in str(caught.value)


@given(st.text(st.sampled_from("<>/mvifbandwidthnou '=059:x&;!-"), max_size=60))
def test_whatever_stands_in_the_metadata_is_understood_or_refused(body: str) -> None:
    try:
        xml = parse_domain(domain((MAC, OPEN_VSWITCH), metadata=metadata(body))).to_xml()
    except VifkitError:
        return  # libvirt does not take it either
    assert len(KEEPING.incoming(xml).vifs) == 1
