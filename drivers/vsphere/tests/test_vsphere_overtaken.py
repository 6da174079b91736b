"""Somebody else changes a virtual machine, or a port group, just before the driver does: vSphere's ConcurrentAccess."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from vspheres.domains import domain_xml
from vspheres.raw import Raw, vim, vmodl

from vifkit import BackendError, Bandwidth, Connection, Rate
from vifkit_base.overtaken import TRIES
from vifkit_vsphere.driver import VsphereConnection, VsphereDriver
from vifkit_vsphere.session import failure

MAC = "52:54:00:00:01:00"
LIMITED = "<bandwidth><outbound average='512'/></bandwidth>"
OWN = "vifkit-00000000-525400000100-br0"
NINE = Bandwidth(outbound=Rate(average=9))
Rivals = Callable[[int], tuple[Connection, Raw]]


@pytest.fixture
def rivals(simulated: Callable[..., str], mode: str) -> Iterator[Rivals]:
    """Connect to a simulator in which somebody else is quicker so many times, of those that count."""
    with ExitStack() as stack:

        def connect(number: int) -> tuple[Connection, Raw]:
            uri = simulated(mode, "-rivals", str(number))
            return stack.enter_context(VsphereDriver().open(uri)), stack.enter_context(Raw(uri))

        yield connect


def test_a_bandwidth_is_set_in_the_end_and_what_others_wrote_stays(rivals: Rivals) -> None:
    connection, raw = rivals(TRIES - 1)
    domain = connection.create(domain_xml("guest", LIMITED))
    domain.set_bandwidth(MAC, NINE)
    assert domain.bandwidth(MAC) == NINE
    assert (72_000, 72_000, 65_536) in raw.shaping(OWN).values()
    wrote = raw.machine("guest").config.annotation.count("Somebody was here.\n")
    if raw.is_esx:  # a standard switch's port groups have no version
        assert wrote == TRIES - 1
    else:
        assert (wrote, raw.groups()[OWN].config.description) == (0, "Somebody was here.")


def test_a_first_bandwidth_is_set_in_the_end_and_what_others_wrote_stays(rivals: Rivals) -> None:
    connection, raw = rivals(TRIES - 1)
    domain = connection.create(domain_xml("guest"))
    domain.set_bandwidth(MAC, NINE)
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN
    assert raw.machine("guest").config.annotation.count("Somebody was here.\n") == TRIES - 1
    assert domain.bandwidth(MAC) == NINE


def test_a_definition_is_replaced_in_the_end(rivals: Rivals) -> None:
    connection, raw = rivals(1)
    connection.define(domain_xml("guest"))
    domain = connection.define(domain_xml("guest", LIMITED))
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))
    assert raw.machine("guest").config.annotation.startswith("Somebody was here.\nvifkit1:")


def test_a_definition_that_waits_is_kept_in_the_end(rivals: Rivals) -> None:
    connection, raw = rivals(TRIES - 1)
    domain = connection.define(domain_xml("guest"))
    domain.start()
    connection.define(domain_xml("guest", LIMITED))
    assert raw.machine("guest").config.annotation.count("Somebody was here.\n") == TRIES - 1
    domain.stop()
    assert domain.bandwidth(MAC) == Bandwidth(outbound=Rate(average=512))


@pytest.mark.parametrize("before", ["", LIMITED])
def test_who_is_never_quick_enough_is_told_and_leaves_all_as_it_was(rivals: Rivals, before: str) -> None:
    connection, raw = rivals(1000)
    domain = connection.create(domain_xml("guest", before))
    xml, groups = domain.xml(), raw.groups().keys()
    with pytest.raises(BackendError, match=r"was quicker each time, and nothing was done: .*\(ConcurrentAccess\)$"):
        domain.set_bandwidth(MAC, NINE)
    with pytest.raises(BackendError, match="was quicker each time"):
        connection.define(domain_xml("guest", LIMITED.replace("512", "7")))
    assert domain.xml() == xml
    assert raw.groups().keys() == groups
    domain.stop()


def interrupt(connection: Connection, call: str, meanwhile: Callable[[], object]) -> None:
    """Do something just before a connection changes or removes a port group, once."""
    assert isinstance(connection, VsphereConnection)
    networks = connection.hypervisor.networks
    changing, left = getattr(networks, call), [meanwhile]

    def interrupted(*arguments: object) -> None:
        if left:
            left.pop()()
        changing(*arguments)

    setattr(networks, call, interrupted)


def test_a_port_group_that_another_connection_removes_meanwhile_is_made_again(
    connection: Connection, raw: Raw, uri: str
) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    with VsphereDriver().open(uri) as other:
        interrupt(connection, "put", lambda: other.domain("guest").set_bandwidth(MAC, None))
        domain.set_bandwidth(MAC, NINE)
    assert domain.bandwidth(MAC) == NINE
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN


def test_a_port_group_that_another_connection_makes_meanwhile_is_taken(
    connection: Connection, raw: Raw, uri: str
) -> None:
    domain = connection.define(domain_xml("guest"))
    with VsphereDriver().open(uri) as other:
        interrupt(
            connection, "put", lambda: other.domain("guest").set_bandwidth(MAC, Bandwidth(outbound=Rate(average=7)))
        )
        domain.set_bandwidth(MAC, NINE)
    assert domain.bandwidth(MAC) == NINE
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN


def test_a_port_group_that_another_connection_uses_again_stays(connection: Connection, raw: Raw, uri: str) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    with VsphereDriver().open(uri) as other:
        interrupt(connection, "remove", lambda: other.domain("guest").set_bandwidth(MAC, NINE))
        domain.set_bandwidth(MAC, None)
    assert domain.bandwidth(MAC) == NINE
    assert raw.group_of(raw.cards(raw.machine("guest"))[0]) == OWN


def test_a_port_group_that_another_connection_has_removed_is_not_missed(
    connection: Connection, raw: Raw, uri: str
) -> None:
    domain = connection.define(domain_xml("guest", LIMITED))
    with VsphereDriver().open(uri) as other:
        interrupt(connection, "remove", lambda: other.domain("guest").set_bandwidth(MAC, None))
        domain.set_bandwidth(MAC, None)
    assert domain.bandwidth(MAC) is None
    assert OWN not in raw.groups()


def test_a_fault_without_a_message_says_where_to_look() -> None:
    assert str(failure(vim.fault.NotFound())) == "vSphere: no reason given, see its events (NotFound)"
    assert type(failure(vmodl.fault.InvalidArgument())) is BackendError
