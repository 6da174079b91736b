"""What a container or virtual machine of Virtuozzo is to the driver, and what others may do to it meanwhile."""

import json
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
    Connection,
    DomainNotFoundError,
    InvalidStateError,
    InvalidXmlError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_base.doubles.state import Store
from vifkit_conformance.guest import Guest, Guests
from vifkit_conformance.lab import until

pytestmark = pytest.mark.switch

REFERENCE = "<bandwidth><inbound average='512' peak='1024' burst='32'/></bandwidth>"
LIMITED = 1_024_000
Document = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]
Edit = Callable[[Callable[[Document], object]], None]


def named(xml: str, name: str) -> str:
    head, _, tail = xml.partition("<name>")
    return f"{head}<name>{escape(name)}</name>{tail.partition('</name>')[2]}"


def of_kind(xml: str, kind: str) -> str:
    head, _, tail = xml.partition("<type>")
    return f"{head}<type>{kind}</type>{tail.partition('</type>')[2]}"


@pytest.mark.parametrize(
    "name",
    ["two words", "Gästin-客-🙂", "100%25", "a;b&c<d>'e\"", "$(reboot)", "*", "x" * 200, " around ",
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


@pytest.mark.parametrize("name", ["-rf", "--force"])
def test_a_name_that_would_be_an_option_is_refused(guest: Guests, own: Connection, name: str) -> None:
    xml, _ = guest.write()
    with pytest.raises(InvalidXmlError, match="for an option"):
        own.define(named(xml, name))
    with pytest.raises(DomainNotFoundError):
        own.domain(name)
    assert own.domains() == []


@pytest.mark.parametrize(("bridge", "error"), [("-a", InvalidXmlError), ("", UnsupportedError)])
def test_a_bridge_that_would_be_an_option_or_is_none_is_refused(
    guest: Guests, own: Connection, bridge: str, error: type[Exception]
) -> None:
    xml, _ = guest.write(bridge=bridge)
    with pytest.raises(error, match=r"prlctl would take '-a' for an option|names its bridge"):
        own.define(xml)
    assert own.domains() == []


@pytest.mark.parametrize(("kind", "told"), [("exe", "CT"), ("hvm", "VM")])
def test_containers_and_virtual_machines_are_shaped_alike(guest: Guests, behind: Run, kind: str, told: str) -> None:
    xml, macs = guest.write(REFERENCE)
    made = Guest(guest.create(of_kind(xml, kind)), macs, guest.observer, guest.testbed)
    assert made.tree().classes["1:1"].ceil == LIMITED
    assert made.device() == "vme" + made.mac.replace(":", "")
    (found,) = json.loads(behind("list", "-i", "-j", made.domain.uuid)[1])
    assert found["Type"] == told
    assert f"<type>{kind}</type>" in made.domain.xml()


def test_what_is_neither_is_refused(guest: Guests) -> None:
    xml, _ = guest.write()
    with pytest.raises(UnsupportedError):
        guest.connection.define(of_kind(xml, "linux"))


def test_a_container_does_not_become_a_virtual_machine(guest: Guests) -> None:
    xml, _ = guest.write()
    guest.define(of_kind(xml, "exe"))
    with pytest.raises(InvalidXmlError, match="is a CT, and stays one"):
        guest.connection.define(of_kind(xml, "hvm"))


def test_a_listing_of_many_is_one_call(guest: Guests, host: Path, edit: Edit) -> None:
    made = guest(REFERENCE, start=False)

    def add(document: Document) -> None:
        one = document["environments"][made.domain.uuid]
        for number in range(1000):
            uuid = f"00000000-0000-4000-8000-{number:012x}"
            document["environments"][uuid] = {**one, "uuid": uuid, "name": f"many-{number}", "crowd": True}

    def remove(document: Document) -> None:
        kept = {uuid: each for uuid, each in document["environments"].items() if "crowd" not in each}
        document["environments"] = kept

    edit(add)
    try:
        (host / "calls").touch()
        begun = time.monotonic()
        assert len(guest.connection.domains()) >= 1001
        assert time.monotonic() - begun < 5
        assert (host / "calls").read_text().splitlines() == ["list"]
    finally:
        edit(remove)


def test_one_that_others_have_made_is_listed_and_left_as_it_is(guest: Guests, behind: Run) -> None:
    behind("create", "theirs", "--vmtype", "vm", "--no-hdd")
    try:
        domain = guest.connection.domain("theirs")
        assert [(vif.type, vif.source) for vif in domain.vifs()] == [("network", "Bridged")]
        with pytest.raises(UnsupportedError) as caught:
            domain.start()
        assert caught.value.capability == "interface"
        assert domain.state() is State.SHUTOFF
    finally:
        behind("delete", "theirs")


def test_what_others_wrote_in_the_description_stays(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, start=False)
    (told,) = json.loads(behind("list", "-i", "-j", made.domain.uuid)[1])
    behind("set", made.domain.uuid, "--description", f'by "hand"\n{told["Description"]} and more')
    made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256)))
    (told,) = json.loads(behind("list", "-i", "-j", made.domain.uuid)[1])
    assert told["Description"].startswith('by "hand"\nvifkit1:') and told["Description"].endswith(" and more")
    assert made.domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=256))


def test_one_that_somebody_has_locked_is_refused_in_one_line_and_stays(guest: Guests, edit: Edit) -> None:
    made = guest(REFERENCE, start=False)

    def lock(document: Document) -> None:
        document["environments"][made.domain.uuid]["locked"] = True

    def unlock(document: Document) -> None:
        del document["environments"][made.domain.uuid]["locked"]

    xml = made.domain.xml()
    edit(lock)
    try:
        for verb in (
            made.domain.start,
            made.domain.undefine,
            lambda: guest.connection.define(xml.replace("512", "256")),
            lambda: made.domain.set_bandwidth(made.mac, None),
        ):
            with pytest.raises(InvalidStateError, match="is locked by another operation of Virtuozzo's") as caught:
                verb()
            assert "\n" not in str(caught.value)
        assert (made.domain.state(), made.domain.xml()) == (State.SHUTOFF, xml)
        assert made.ports() == []
    finally:
        edit(unlock)
    made.domain.start()
    assert made.tree().classes["1:1"].ceil == LIMITED


def test_one_that_is_locked_while_it_runs_keeps_its_bandwidth(guest: Guests, edit: Edit) -> None:
    made = guest(REFERENCE)
    edit(lambda document: document["environments"][made.domain.uuid].update(locked=True))
    try:
        with pytest.raises(InvalidStateError):
            made.domain.set_bandwidth(made.mac, Bandwidth(inbound=Rate(average=256)))
    finally:
        edit(lambda document: document["environments"][made.domain.uuid].pop("locked"))
    assert made.domain.bandwidth(made.mac) == Bandwidth(inbound=Rate(average=512, peak=1024, burst=32))
    assert made.tree().classes["1:1"].ceil == LIMITED


def test_one_that_somebody_removes_is_not_found_any_more(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, start=False)
    behind("delete", made.domain.uuid)
    for verb in (made.domain.state, made.domain.start, made.domain.stop, made.domain.undefine, made.domain.xml):
        with pytest.raises(DomainNotFoundError):
            verb()


def test_an_adapter_that_somebody_takes_away_is_no_vif_any_more(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, "", start=False)
    behind("set", made.domain.uuid, "--device-del", "net0")
    assert [vif.mac for vif in made.domain.vifs()] == [made.macs[1]]
    made.domain.start()
    assert [port["external_ids"]["attached-mac"] for port in made.ports()] == [made.macs[1]]


def test_a_description_that_somebody_spoils_is_no_failure_to_list(guest: Guests, behind: Run) -> None:
    made = guest(REFERENCE, start=False)
    behind("set", made.domain.uuid, "--description", "vifkit1:garbage")
    assert made.domain.bandwidth(made.mac) is None
    with pytest.raises(UnsupportedError):
        made.domain.start()


def test_disks_outlive_a_domain_that_was_defined(guest: Guests, host: Path) -> None:
    xml, _ = guest.write()
    domain = guest.define(of_kind(xml, "exe"))
    before = Store(str(host)).read().get("deleted disks", [])
    domain.undefine()
    assert Store(str(host)).read().get("deleted disks", []) == before
    again = guest.create(of_kind(guest.write()[0], "exe"))
    again.stop()
    assert len(Store(str(host)).read().get("deleted disks", [])) == len(before) + 1


def test_a_device_that_the_xml_names_is_refused(guest: Guests) -> None:
    xml, _ = guest.write(target="tap0")
    with pytest.raises(UnsupportedError, match="names the host's devices itself") as caught:
        guest.connection.define(xml)
    assert caught.value.capability == "interface"


def test_a_guest_that_is_killed_is_shut_off_and_starts_again(guest: Guests, host: Path) -> None:
    made = guest(REFERENCE)
    kill(host, made)
    until(lambda: made.domain.state() is State.SHUTOFF, "it is shut off")
    made.domain.start()
    assert made.tree().classes["1:1"].ceil == LIMITED
    kill(host, made)
    made.domain.undefine()
    assert made.ports() == []


def kill(host: Path, made: Guest) -> None:
    """Kill the process that a container or virtual machine is."""
    os.kill(Store(str(host)).read()["environments"][made.domain.uuid]["pid"], signal.SIGKILL)


@pytest.mark.parametrize(
    "name", ["", "\0", "web\0", "x" * 5000, "x" * 200_000, "\ud800"], ids=lambda name: ascii(name)[:9]
)
def test_nobody_has_a_name_that_cannot_be_asked_for(guest: Guests, name: str) -> None:
    with pytest.raises(DomainNotFoundError):
        guest.connection.domain(name)
