"""What a machine of VirtualBox is to the driver, under any name, and what others may do to it meanwhile."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from vifkit import (
    Bandwidth,
    BandwidthWarning,
    Connection,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    Rate,
    State,
    UnsupportedError,
    VifkitError,
)
from vifkit_base.doubles.state import Store
from vifkit_conformance.guest import Guest, Guests
from vifkit_virtualbox.links import bridge_end

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
LIMITED = 1_024_000
Document = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]
Edit = Callable[[Callable[[Document], object]], None]


def named(xml: str, name: str) -> str:
    head, _, tail = xml.partition("<name>")
    return f"{head}<name>{escape(name)}</name>{tail.partition('</name>')[2]}"


@pytest.mark.parametrize(
    "name",
    ["two words", "Gästin-客-🙂", "100%25", "-rf", "--delete", "a;b&c<d>'e\"", "$(reboot)", "*", "x" * 200, "global",
     "93a38cd7-ef00-47aa-9868-d291d4ed5e0a", "'; DROP", "name=x"],
    ids=lambda name: f"{name:.20}",
)  # fmt: skip
def test_a_domain_may_have_any_name(guest: Guests, own: Connection, name: str) -> None:
    xml, _ = guest.write(REFERENCE)
    domain = own.define(named(xml, name))
    domain.start()
    assert (domain.name, own.domain(name).uuid) == (name, domain.uuid)
    assert [(each.name, each.state()) for each in own.domains()] == [(name, State.RUNNING)]
    domain.stop()
    domain.undefine()
    assert own.domains() == []


def test_a_name_that_virtualbox_would_not_tell_again_is_refused(guest: Guests, own: Connection) -> None:
    xml, _ = guest.write()
    with pytest.raises(InvalidXmlError, match="spaces around"):
        own.define(named(xml, " around "))
    assert own.domains() == []


def test_a_listing_of_many_machines_is_two_calls(guest: Guests, host: Path, edit: Edit) -> None:
    made = guest(REFERENCE, start=False)

    def add(document: Document) -> None:
        (one,) = [each for each in document["machines"].values() if each["uuid"] == made.domain.uuid]
        for number in range(1000):
            uuid = f"00000000-0000-4000-8000-{number:012x}"
            document["machines"][uuid] = {**one, "uuid": uuid, "name": f"many-{number}", "crowd": True}

    def remove(document: Document) -> None:
        document["machines"] = {uuid: each for uuid, each in document["machines"].items() if "crowd" not in each}

    edit(add)
    try:
        (host / "calls").touch()
        begun = time.monotonic()
        assert len(guest.connection.domains()) >= 1001
        assert time.monotonic() - begun < 5
        assert (host / "calls").read_text().splitlines() == ["list", "getextradata"]
    finally:
        edit(remove)


def test_a_machine_that_others_have_made_is_listed_and_left_as_it_is(guest: Guests, behind: Run) -> None:
    behind("createvm", "--name", "theirs", "--register")
    try:
        domain = guest.connection.domain("theirs")
        assert [(vif.type, vif.on_openvswitch) for vif in domain.vifs()] == [("user", False)]
        with pytest.raises(UnsupportedError) as caught:
            domain.start()
        assert caught.value.capability == "interface"
        assert domain.state() is State.SHUTOFF
    finally:
        behind("unregistervm", "theirs", "--delete")


def test_a_machine_that_somebody_has_locked_is_refused_in_one_line_and_stays(guest: Guests, edit: Edit) -> None:
    made = guest(REFERENCE, start=False)

    def lock(document: Document) -> None:
        document["machines"][made.domain.uuid]["locked"] = True

    def unlock(document: Document) -> None:
        del document["machines"][made.domain.uuid]["locked"]

    xml = made.domain.xml()
    edit(lock)
    try:
        for verb in (made.domain.start, made.domain.undefine, lambda: guest.connection.define(xml)):
            with pytest.raises(InvalidStateError, match="is locked by a session of VirtualBox's") as caught:
                verb()
            assert "\n" not in str(caught.value)
        assert (made.domain.state(), made.domain.xml()) == (State.SHUTOFF, xml)
        assert made.ports() == []
        made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256)))  # VirtualBox holds none of it
    finally:
        edit(unlock)
    made.domain.start()
    assert made.tree().classes["1:1"].ceil == 256_000


def test_a_machine_that_somebody_removes_is_not_found_any_more(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, start=False)
    behind("unregistervm", made.domain.uuid, "--delete")
    for verb in (made.domain.state, made.domain.start, made.domain.stop, made.domain.undefine, made.domain.xml):
        with pytest.raises(DomainNotFoundError):
            verb()
    with pytest.raises(DomainNotFoundError):
        made.domain.set_bandwidth(made.mac, None)


def test_a_machine_that_somebody_renames_has_another_name(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, start=False)
    behind("modifyvm", made.domain.uuid, "--name", "renamed")
    try:
        with pytest.raises(DomainNotFoundError):
            made.domain.state()
        assert guest.connection.domain("renamed").bandwidth(made.mac) == Bandwidth(
            inbound=Rate(average=512, peak=1024, burst=32)
        )
    finally:
        behind("modifyvm", made.domain.uuid, "--name", made.domain.name)


def test_an_adapter_that_somebody_takes_away_is_no_vif_any_more(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, "", start=False)
    behind("modifyvm", made.domain.uuid, "--nic1", "none")
    assert [vif.mac for vif in made.domain.vifs()] == [made.macs[1]]
    made.domain.start()
    assert [port["external_ids"]["attached-mac"] for port in made.ports()] == [made.macs[1]]


def test_a_note_that_somebody_spoils_is_no_limit_and_no_failure_to_list(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, start=False)
    behind("setextradata", "global", f"vifkit/{made.domain.uuid}", "vifkit1:garbage")
    assert made.domain.bandwidth(made.mac) is None
    assert made.domain.name in [each.name for each in guest.connection.domains()]
    with pytest.raises(VifkitError):  # nobody knows its bridge
        made.domain.start()
    assert made.ports() == []


def test_disks_that_somebody_attached_outlive_the_domain(guest: Guests, edit: Edit, host: Path) -> None:
    made = guest(start=False)

    def attach(document: Document) -> None:
        document["machines"][made.domain.uuid]["disks"] = ["/precious.vdi"]

    edit(attach)
    made.domain.undefine()
    assert Store(str(host)).read().get("deleted disks", []) == []
    with pytest.raises(DomainNotFoundError):
        made.domain.state()


def test_a_guest_that_is_killed_is_shut_off_and_starts_again(guest: Guests, host: Path) -> None:
    made = guest(REFERENCE)
    kill(host, made)
    assert made.domain.state() is State.SHUTOFF
    with pytest.raises(InvalidStateError):
        made.domain.stop()
    made.domain.start()
    assert made.tree().classes["1:1"].ceil == LIMITED
    kill(host, made)
    made.domain.undefine()
    assert made.ports() == []
    assert made.observer.link(bridge_end(made.domain.uuid, made.mac)) is None


def test_a_created_guest_that_is_killed_is_gone_and_may_be_created_again(guest: Guests, host: Path) -> None:
    xml, macs = guest.write(REFERENCE)
    made = Guest(guest.create(xml), macs, guest.observer, guest.testbed)
    kill(host, made)
    with pytest.raises(DomainNotFoundError):
        made.domain.state()
    again = guest.create(xml)
    assert again.state() is State.RUNNING


def test_eight_vifs_are_the_most(guest: Guests) -> None:
    xml, _ = guest.write(*[""] * 9)
    with pytest.raises(UnsupportedError, match="8 adapters, not 9") as caught:
        guest.connection.define(xml)
    assert caught.value.capability == "interface"


def test_what_a_bandwidth_does_not_do_is_warned_of(guest: Guests) -> None:
    xml, _ = guest.write(REFERENCE)
    with pytest.warns(BandwidthWarning, match="peak-is-the-limit"):
        guest.define(xml)


def kill(host: Path, made: Guest) -> None:
    """Kill the process that a machine is."""
    os.kill(Store(str(host)).read()["machines"][made.domain.uuid]["pid"], signal.SIGKILL)


@pytest.mark.parametrize(
    "name", ["", "\0", "web\0", "x" * 5000, "x" * 200_000, "\ud800"], ids=lambda name: ascii(name)[:9]
)
def test_nobody_has_a_name_that_cannot_be_asked_for(guest: Guests, name: str) -> None:
    with pytest.raises(DomainNotFoundError):
        guest.connection.domain(name)
