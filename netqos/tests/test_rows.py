import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netqos import InterfaceRow, Policing, PortRows, QosRow, QueueRow, WantedRows, translate
from netqos.rows import read_mark, write_mark
from vifkit import Bandwidth, Rate

DOMAIN = "7714e6b5-4885-4140-bc59-2f77cc99b3b5"
FIGURES = st.integers(1, 2**50)
MAYBE = st.none() | FIGURES
RATES = st.builds(Rate, average=FIGURES, peak=MAYBE, burst=MAYBE, floor=MAYBE) | st.builds(Rate, floor=FIGURES)


def inbound(**figures: int) -> Bandwidth:
    return Bandwidth(inbound=Rate(**figures))


def config(bandwidth: Bandwidth, *, as_libvirt: bool = False) -> object:
    """What stands in other_config of both rows."""
    qos = translate(bandwidth, "vnet1", as_libvirt=as_libvirt).qos
    assert qos is not None
    assert qos.queues[0].other_config == qos.other_config
    return qos.other_config


def qos_row(**external_ids: str) -> QosRow:
    return QosRow(
        type="linux-htb", other_config={}, external_ids={k.replace("_", "-"): v for k, v in external_ids.items()}
    )


def test_the_reference_example_becomes_libvirts_rows_and_our_mark() -> None:
    keys = {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}
    owner = {"ifname": "vnet1", "vm-id": DOMAIN, "netqos": "average=512 peak=1024 burst=32"}
    assert translate(inbound(average=512, peak=1024, burst=32), "vnet1", DOMAIN) == WantedRows(
        qos=QosRow(
            type="linux-htb",
            other_config=keys,
            external_ids=owner,
            queues={0: QueueRow(other_config=keys, external_ids=owner)},
        ),
        policing=Policing(ingress_policing_rate=0, ingress_policing_burst=0),
        outbound_mark=None,
    )


def test_as_libvirt_the_reference_example_bears_no_mark() -> None:
    rows = translate(inbound(average=512, peak=1024, burst=32), "vnet1", DOMAIN, as_libvirt=True)
    assert rows.qos is not None
    assert rows.qos.external_ids == {"ifname": "vnet1", "vm-id": DOMAIN}
    assert rows.qos.queues[0].external_ids == {"ifname": "vnet1", "vm-id": DOMAIN}
    assert rows.qos.other_config == {"min-rate": "4096000", "max-rate": "8192000", "burst": "262144"}


def test_without_a_domain_there_is_no_vm_id() -> None:
    rows = translate(inbound(average=1), "vnet1")
    assert rows.qos is not None
    assert rows.qos.external_ids == {"ifname": "vnet1", "netqos": "average=1"}


def test_an_average_alone_is_the_limit_too() -> None:
    assert config(inbound(average=512)) == {"min-rate": "4096000", "max-rate": "4096000"}


def test_as_libvirt_an_average_alone_has_no_max_rate() -> None:
    assert config(inbound(average=512), as_libvirt=True) == {"min-rate": "4096000"}


def test_a_peak_below_the_average_is_written_as_it_is() -> None:
    assert config(inbound(average=512, peak=256)) == {"min-rate": "4096000", "max-rate": "2048000"}


def test_a_burst_is_written_in_bits() -> None:
    assert config(inbound(average=1, burst=3)) == {"min-rate": "8000", "max-rate": "8000", "burst": "24576"}


def test_the_highest_figures_do_not_lose_a_bit() -> None:
    highest = inbound(average=2305843009213693, peak=2305843009213693, burst=2251799813685247)
    assert config(highest) == {
        "min-rate": "18446744073709544000",
        "max-rate": "18446744073709544000",
        "burst": "18446744073709543424",
    }


def test_a_floor_alone_becomes_no_row() -> None:
    assert translate(inbound(floor=100), "vnet1") == WantedRows()


def test_a_floor_beside_an_average_is_in_the_mark_alone() -> None:
    rows = translate(inbound(average=1, floor=5), "vnet1")
    assert rows.qos is not None
    assert rows.qos.other_config == {"min-rate": "8000", "max-rate": "8000"}
    assert rows.qos.external_ids["netqos"] == "average=1 floor=5"


def test_outbound_becomes_policing_without_its_peak() -> None:
    rows = translate(Bandwidth(outbound=Rate(average=100, peak=200, burst=50)), "vnet1", DOMAIN)
    assert rows.qos is None
    assert rows.policing == Policing(ingress_policing_rate=800, ingress_policing_burst=400)
    assert rows.outbound_mark == "average=100 peak=200 burst=50"


def test_outbound_without_a_burst_leaves_open_vswitchs_own() -> None:
    rows = translate(Bandwidth(outbound=Rate(average=100)), "vnet1", as_libvirt=True)
    assert rows.policing == Policing(ingress_policing_rate=800, ingress_policing_burst=0)
    assert rows.outbound_mark is None


@pytest.mark.parametrize("bandwidth", [None, Bandwidth()])
def test_no_bandwidth_is_no_row(bandwidth: Bandwidth | None) -> None:
    assert translate(bandwidth, "vnet1", DOMAIN) == WantedRows()


def test_a_mark_is_written_for_people() -> None:
    assert write_mark(Rate(average=512, peak=1024, burst=32)) == "average=512 peak=1024 burst=32"
    assert write_mark(Rate(floor=7)) == "floor=7"


@given(RATES)
def test_a_mark_tells_the_rate_that_was_wanted(rate: Rate) -> None:
    assert read_mark(write_mark(rate)) == rate


@pytest.mark.parametrize(
    "mark",
    [
        None,
        "",
        " ",
        "1",
        "average",
        "average=",
        "average=-512",
        "average=5.5",
        "average=0x10",
        "average=512 ",
        " average=512",
        "average=512  peak=1024",
        "average=512\n",
        "average=512 peak=x",
        "average=512 peek=1024",
        "xaverage=512",
        "average = 512",
        "average=\N{ARABIC-INDIC DIGIT FIVE}",
        "average=99999999999999999999",
        "average=999999999999999999999",
        "average=0",
        "peak=1024",
        "burst=32",
    ],
)
def test_a_spoilt_mark_is_none(mark: str | None) -> None:
    assert read_mark(mark) is None


@given(st.text() | st.from_regex(r"((average|peak|burst|floor)=\d{0,22} ?){0,5}", fullmatch=True))
def test_no_text_at_all_is_a_mark_that_raises(mark: str) -> None:
    rate = read_mark(mark)
    assert rate is None or re.fullmatch(r"(\w+=[0-9]+ ?)+", mark)


def test_our_mark_makes_a_row_ours_for_its_own_port_alone() -> None:
    row = qos_row(ifname="vnet1", netqos="average=1")
    assert row.belongs_to("vnet1", None)
    assert row.belongs_to("vnet1", DOMAIN)
    assert not row.belongs_to("vnet2", None)


def test_a_spoilt_mark_is_ours_all_the_same() -> None:
    assert qos_row(ifname="vnet1", netqos="?").belongs_to("vnet1", None)


def test_libvirts_row_is_ours_to_change_for_the_same_domain_and_port_alone() -> None:
    row = qos_row(ifname="vnet1", vm_id=DOMAIN)
    assert row.belongs_to("vnet1", DOMAIN)
    assert not row.belongs_to("vnet1", "another")
    assert not row.belongs_to("vnet1", None)
    assert not row.belongs_to("vnet2", DOMAIN)


@pytest.mark.parametrize(
    "ids", [{}, {"netqos": "average=1"}, {"vm_id": DOMAIN}, {"ifname": "vnet1"}, {"ifname": "vnet1", "neutron": "x"}]
)
def test_any_other_row_is_foreign(ids: dict[str, str]) -> None:
    assert not qos_row(**ids).belongs_to("vnet1", DOMAIN)


def test_a_port_knows_its_domain_by_its_interface() -> None:
    interface = InterfaceRow(name="vnet1", external_ids={"vm-id": DOMAIN})
    libvirts = qos_row(ifname="vnet1", vm_id=DOMAIN)
    assert PortRows(name="vnet1", interfaces=(interface,)).vm_id == DOMAIN
    assert not PortRows(name="vnet1", interfaces=(interface,)).foreign
    assert not PortRows(name="vnet1", interfaces=(interface,), qos=libvirts).foreign
    assert PortRows(name="vnet1", interfaces=(InterfaceRow(name="vnet1"),), qos=libvirts).foreign
    assert PortRows(name="vnet1", interfaces=(), qos=libvirts).foreign
    assert PortRows(name="vnet1", interfaces=()).vm_id is None
