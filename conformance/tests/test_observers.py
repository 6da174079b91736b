"""Two observers of one host: what netlink says, and what is read back from iproute2's and ovsdb-client's own words."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from netqos.htb import Qdisc, Tree
from netqos.policing import Filter, Police
from vifkit_conformance import cases
from vifkit_conformance.guest import Guests
from vifkit_conformance.lab import Lab, LabError
from vifkit_conformance.lab.command import run
from vifkit_conformance.observe import tc
from vifkit_conformance.observe.commands import Commands
from vifkit_netns.driver import NetnsDriver
from vifkit_netns.testbed import NetnsTestbed

# As iproute2 has printed it for the reference bandwidth, with -d and -raw: 6.1.0, and 7.1.0, which forgets a space.
CLASSES = (
    "class htb 1:1 parent 1:fffe prio 0 quantum 51200 rate 4096Kbit ceil 8192Kbit linklayer ethernet burst 32Kb/1 "
    "mpu 60b cburst 32Kb/1 mpu 60b level 0 buffer [000f4240] cbuffer [0007a120] \n"
    "class htb 1:fffe root rate 8192Kbit ceil 8192Kbit linklayer ethernet burst 1499b/1 mpu 60b cburst 1499b/1 mpu 60b "
    "level 7 buffer [00005968] cbuffer [00005968] \n"
)
QDISCS = (
    '[{"kind":"htb","handle":"1:","dev":"guest1","root":true,"refcnt":3,"options":{"r2q":10,"default":"0x1",'
    '"direct_packets_stat":0,"direct_qlen":1000}},{"kind":"ingress","handle":"ffff:","dev":"guest1",'
    '"parent":"ffff:fff1","options":{}}]\n'
)
FILTERS = """\
filter parent ffff: protocol all pref 1 matchall chain 0 
filter parent ffff: protocol all pref 1 matchall chain 0 handle 0x1 
  not_in_hw (rule hit 0)
\taction order 1:  police 0x2 rate 4096Kbit burst 32Kb mtu 64Kb [000f4240] action drop/continue overhead 0b linklayer unspec 
\tref 1 bind 1  installed 0 sec used 0 sec

filter parent ffff: protocol ip pref 49 u32 chain 0 
filter parent ffff: protocol ip pref 49 u32 chain 0 fh 800:[80000000] ht divisor 1 
filter parent ffff: protocol ip pref 49 u32 chain 0 fh 800::800[80000800] order 2048 key ht 800 bkt 0 flowid 1:1 not_in_hw
  match 00000000/00000000 at 0
\taction order 1:  police 0x9 rate 50Gbit burst 10475000b mtu 64Kb [0000665b] action drop/continue overhead 0b linklayer ethernet 
\tref 1 bind 1 

"""  # noqa: E501, W291  as iproute2 6.1.0 has printed it, with -d and -raw


def as_tc_says(police: Police) -> Police:
    """Leave out what tc does not say to the digit."""
    return replace(police, mtu=None, mpu=None, pkts_burst=None)


@pytest.mark.parametrize("classes", [CLASSES, CLASSES.replace("/1 mpu", "/1mpu")], ids=["6.1.0", "7.1.0"])
def test_the_reference_tree_is_read_back_from_tcs_words(classes: str) -> None:
    assert tc.tree(tc.parse_json(QDISCS), classes) == cases.load("reference").tree


@pytest.mark.parametrize(
    ("shown", "kind", "handle"),
    [
        ('[{"kind":"noqueue","handle":"0:","root":true,"refcnt":2,"options":{}}]', "noqueue", "0:"),
        ('[{"kind":"tbf","handle":"8001:","root":true,"options":{"rate":512000}}]', "tbf", "8001:"),
    ],
)
def test_another_qdisc_has_no_classes(shown: str, kind: str, handle: str) -> None:
    assert tc.tree(tc.parse_json(shown), "") == Tree(qdisc=Qdisc(kind=kind, handle=handle))


def test_a_device_without_a_qdisc_has_none() -> None:
    assert tc.tree(tc.parse_json("[]\n"), "") == Tree()


def test_the_filters_are_read_back_from_tcs_words_and_not_the_heads_of_their_lists() -> None:
    police = as_tc_says(Police(rate=512_000, burst=1_000_000))
    others = [Filter(kind="u32", pref=49)] * 2
    assert list(tc.filters(FILTERS)) == [Filter(kind="matchall", pref=1, handle=1, actions=(police,)), *others]
    assert list(tc.filters("")) == []


@pytest.mark.parametrize(
    ("words", "police"),
    [
        (
            "rate 1Mbit burst 10Kb mtu 64Kb [00138800] action drop overhead 0b linklayer ethernet",
            as_tc_says(Police(rate=125_000, burst=1_280_000, conform="pass")),
        ),
        (
            "rate 1Mbit burst 10Kb mtu 64Kb [00138800] peakrate 2Mbit action pipe/drop overhead 0b linklayer ethernet",
            as_tc_says(Police(rate=125_000, burst=1_280_000, peakrate=250_000, exceed="pipe", conform="drop")),
        ),
        (
            "rate 0bit burst 0b mtu 64Kb [00000000] pkts_rate 3000 pkts_burst 1999 action drop/continue overhead 0b",
            as_tc_says(Police(pkts_rate=3000)),
        ),
        (
            "rate 34359Mbit burst 1022202b mtu 64Kb [00000e8d] action drop/continue overhead 0b linklayer unspec",
            as_tc_says(Police(rate=4_294_875_000, burst=3725)),  # of 4294967250 bytes/s, tc writes whole megabits
        ),
    ],
    ids=["old-basic", "peak", "packets", "megabits"],
)
def test_a_police_action_is_as_exact_as_tc_writes_it(words: str, police: Police) -> None:
    head = "filter parent ffff: protocol all pref 49 basic chain 0 handle 0x1 \n"
    (found,) = tc.filters(f"{head} police 0x7 {words} \n\tref 1 bind 1 \n")
    assert found == Filter(kind="basic", pref=49, handle=1, actions=(police,))


def test_what_is_no_filter_of_tcs_is_refused_in_one_line() -> None:
    with pytest.raises(LabError, match="this is no filter as tc writes it: 'filter of coffee'"):
        list(tc.filters("filter of coffee\n"))


@pytest.mark.parametrize("case", cases.load_all_outbound(), ids=lambda case: case.name)
def test_tcs_words_lose_nothing_of_a_golden_filter_but_what_they_do_not_have(case: cases.OutboundCase) -> None:
    words = case.tc.replace("mtu 64Kb ", f"mtu 64Kb [{case.police.burst:08x}] ")
    head = "filter parent ffff: protocol all pref 1 matchall chain 0 handle 0x1 \n"
    (found,) = tc.filters(f"{head}\taction order 1:  police 0x1 {words} \n")
    assert found.actions == (as_tc_says(case.police),)


@pytest.mark.parametrize(
    ("rate", "Bps"),
    [
        ("12Kbit", 1_500),
        ("800bit", 100),
        ("4096Kbit", 512_000),
        ("33600Mbit", 4_200_000_000),
        ("32Gbit", 4_000_000_000),
        # Of 34359736 kbit/s, which is 4294967000 bytes/s, tc writes whole megabits.
        ("34359Mbit", 4_294_875_000),
    ],
)
def test_a_rate_is_as_exact_as_tc_writes_it(rate: str, Bps: int) -> None:
    read = tc.htb_class(CLASSES.splitlines()[0].replace("4096Kbit", rate))
    assert read.rate == Bps


@pytest.mark.parametrize(
    "line",
    [
        "class mq :1 root",
        "class htb 1:1 parent 1:fffe prio 0 rate 4096Kbit ceil 8192Kbit burst 32Kb cburst 32Kb",
        CLASSES.splitlines()[0].replace("4096Kbit", "4096Kibit"),
    ],
    ids=["no-htb", "no-ticks", "no-rate"],
)
def test_what_tc_does_not_write_is_refused_in_one_line(line: str) -> None:
    with pytest.raises(LabError, match="HTB's") as caught:
        tc.htb_class(line)
    assert "\n" not in str(caught.value)


def test_what_is_no_json_is_refused_in_one_line() -> None:
    with pytest.raises(LabError, match="this is no JSON of iproute2's: 'class htb 1:1 parent"):
        tc.parse_json(CLASSES)


@pytest.mark.parametrize("case", cases.load_all(), ids=lambda case: case.name)
def test_tcs_words_lose_nothing_of_a_golden_tree(case: cases.Case) -> None:
    ticks = {
        each.handle: f"buffer [{each.buffer:08x}] cbuffer [{each.cbuffer:08x}] " for each in case.tree.classes.values()
    }
    shown = "\n".join(line + ticks[line.split()[2]] for line in case.tc)
    qdiscs = '[{"kind":"htb","handle":"1:","root":true,"options":{"r2q":10,"default":"0x1"}}]'
    assert tc.tree(tc.parse_json(qdiscs), shown) == case.tree


@pytest.fixture(scope="module")
def guests() -> Iterator[Guests]:
    """Makes domains in a lab of the module's."""
    testbed = NetnsTestbed()
    with Lab() as lab:
        lab.bridge()
        with testbed.boot(lab) as uri, NetnsDriver().open(uri) as connection:
            made = Guests(connection, testbed, lab)
            yield made
            made.close()


@pytest.fixture
def commands(guests: Guests) -> Commands:
    """The same lab, seen by what its commands print."""
    return Commands(lambda *argv: run(guests.lab.host.command(argv), env=guests.lab.ovs.env))


@pytest.mark.switch
@pytest.mark.parametrize("case", cases.load_all(), ids=lambda case: case.name)
def test_both_observers_agree_on_a_golden_case(guests: Guests, commands: Commands, case: cases.Case) -> None:
    made = guests(case.xml, mtu=case.mtu)
    same = replace(made, observer=commands)
    assert same.tree() == made.tree() == case.tree
    assert (same.link().index, same.link().mtu) == (made.link().index, case.mtu or 1500)
    assert (same.qos(), same.queue()) == (_lasting(made.qos()), _lasting(made.queue()))


@pytest.mark.switch
def test_both_observers_agree_on_rows_of_every_kind(guests: Guests, commands: Commands) -> None:
    guests(cases.load("reference").xml)
    for table in ("Open_vSwitch", "Bridge", "Port", "Interface", "QoS", "Queue", "Mirror"):
        seen = {row["_uuid"]: _lasting(row) for row in guests.lab.rows(table)}
        assert {row["_uuid"]: _lasting(row) for row in commands.rows(table)} == seen, table
    assert [set(row) for row in commands.rows("Bridge", "name", "ports")] == [{"name", "ports"}]


@pytest.mark.switch
@pytest.mark.parametrize("case", cases.load_all_outbound(), ids=lambda case: case.name)
def test_both_observers_agree_on_a_golden_filter(guests: Guests, commands: Commands, case: cases.OutboundCase) -> None:
    if lacks := guests.lab.police_lacks:
        pytest.skip(f"this kernel does not police: it lacks {lacks}")
    made = guests(case.xml)
    assert made.port()["ingress_policing_rate"] == case.interface["ingress_policing_rate"]
    (exact,), (said,) = made.link().policers, replace(made, observer=commands).link().policers
    assert exact == Filter(kind="matchall", pref=1, handle=1, actions=(case.police,))
    assert said == replace(exact, actions=(as_tc_says(case.police),))
    shown = guests.lab.host.run("tc", "-d", "filter", "show", "dev", made.device(), "ingress")
    assert case.tc in shown


@pytest.mark.switch
def test_both_observers_agree_on_filters_and_on_what_there_is(guests: Guests, commands: Commands) -> None:
    made = guests("")
    device = made.device()
    guests.lab.host.run("tc", "qdisc", "add", "dev", device, "ingress")
    guests.lab.host.run(*f"tc filter add dev {device} parent ffff: pref 49 u32 match u32 0 0 flowid 1:1".split())
    link = guests.lab.link(device)
    assert link is not None and link.policers == (Filter(kind="u32", pref=49),) * 2
    assert commands.link(device) == link
    assert commands.things() == guests.lab.things() > {("Port", device), ("device", device)}
    assert commands.link("nobody0") is guests.lab.link("nobody0") is None


@pytest.mark.switch
def test_a_command_that_fails_there_is_told_in_its_own_words(guests: Guests, commands: Commands) -> None:
    with pytest.raises(LabError, match="No table named Nonsense"):
        commands.rows("Nonsense")


def _lasting(row: dict[str, Any] | None) -> dict[str, Any]:
    """Leave out what differs from one reading to the next, and what only the protocol has."""
    assert row is not None
    return {key: value for key, value in row.items() if key not in {"_version", "statistics", "cur_cfg", "next_cfg"}}
