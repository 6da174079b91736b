"""A connection that outlives libvirtd, and is used by many."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import libvirt as binding
import pytest

from vifkit import ConnectError, DomainNotFoundError
from vifkit_conformance.lab import until
from vifkit_conformance.lab.command import run
from vifkit_libvirt import opening
from vifkit_libvirt.session import Session
from vifkit_libvirt.testbed import PrivateLibvirt
from vifkit_libvirt.uri import Address, parse_uri

pytestmark = pytest.mark.switch


@pytest.fixture
def address(libvirt: PrivateLibvirt) -> Address:
    return parse_uri(libvirt.uri("qemu"), ("qemu",))


@pytest.fixture
def session(address: Address) -> Iterator[Session]:
    opened = Session(address, None)
    yield opened
    opened.close()


@contextmanager
def away(libvirt: PrivateLibvirt) -> Iterator[None]:
    """Without libvirtd, and then again with it."""
    libvirt.kill()
    try:
        yield
    finally:
        libvirt.start()


def works(session: Session) -> bool:
    return bool(session.connection().getType() == "QEMU")


def sockets() -> set[str]:
    """This process's sockets, by number."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except FileNotFoundError:  # the listing's own
            continue
    return {each for each in found if each.startswith("socket:")}


@contextmanager
def frozen(libvirt: PrivateLibvirt) -> Iterator[None]:
    """With a libvirtd that is there, and does nothing."""
    pid = (libvirt.root / "run/libvirtd.pid").read_text().strip()
    run(libvirt.command("kill", "-STOP", pid))
    try:
        yield
    finally:
        run(libvirt.command("kill", "-CONT", pid))


def test_a_session_that_was_idle_finds_the_libvirtd_that_came_back(libvirt: PrivateLibvirt, session: Session) -> None:
    before = session.connection()
    with away(libvirt):
        pass
    assert works(session)
    assert session.connection() is not before


def test_while_libvirtd_is_away_each_attempt_fails_at_once(libvirt: PrivateLibvirt, session: Session) -> None:
    opened = session.connection()
    with away(libvirt):
        until(lambda: not opened.isAlive(), "the end is noticed")
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(ConnectError, match="libvirt-sock': Connection refused") as caught:
                session.connection()
            assert time.monotonic() - began < 1
            assert "\n" not in str(caught.value)
    assert works(session)


def test_libvirtd_may_go_and_come_back_again_and_again(libvirt: PrivateLibvirt, session: Session) -> None:
    for _ in range(3):
        with away(libvirt):
            pass
        assert works(session)


def test_what_greets_a_connection_greets_each_new_one(libvirt: PrivateLibvirt, session: Session) -> None:
    greeted: list[Any] = []
    session.on_open(greeted.append)
    assert greeted == [session.connection()]
    with away(libvirt):
        pass
    assert greeted[1:] == []
    second = session.connection()
    assert greeted[1:] == [second]
    session.forget(greeted.append)
    with away(libvirt):
        pass
    assert works(session)
    assert greeted[2:] == []


def test_events_are_registered_again(libvirt: PrivateLibvirt, session: Session) -> None:
    told: list[str] = []

    def greet(opened: Any) -> None:
        opened.domainEventRegisterAny(
            None, binding.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda _, domain, *rest: told.append(domain.name()), None
        )

    session.on_open(greet)
    for name in ("before", "after"):
        domain = session.connection().defineXML(
            f"<domain type='qemu'><name>{name}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
        )
        domain.undefine()
        until(lambda: len(told) == 2, "both events")  # defined, undefined
        assert set(told) == {name}
        del domain
        told.clear()
        with away(libvirt):
            pass


def test_a_greeting_that_fails_leaves_no_connection_half_open(libvirt: PrivateLibvirt, session: Session) -> None:
    def greet(opened: Any) -> None:
        opened.domainEventRegisterAny(None, binding.VIR_DOMAIN_EVENT_ID_LIFECYCLE, print, None)
        if hindered:
            opened.lookupByName("nobody")

    hindered = False
    session.on_open(greet)
    before = len(sockets())
    with away(libvirt):
        hindered = True
    with pytest.raises(DomainNotFoundError):
        session.connection()
    until(lambda: len(sockets()) < before, "the socket is closed")
    hindered = False
    assert works(session)
    assert len(sockets()) == before


@pytest.mark.parametrize("registers", [False, True], ids=["plain", "with-events"])
def test_a_closed_session_holds_no_socket(address: Address, registers: bool) -> None:
    before = sockets()
    session = Session(address, None)
    if registers:
        session.on_open(
            lambda opened: opened.domainEventRegisterAny(None, binding.VIR_DOMAIN_EVENT_ID_LIFECYCLE, print, None)
        )
        session.on_open(lambda opened: opened.registerCloseCallback(print, None))
    assert len(sockets() - before) == 1
    session.close()
    until(lambda: sockets() <= before, "the socket is closed")


def test_a_session_may_be_closed_twice_and_is_of_no_use_then(address: Address) -> None:
    session = Session(address, None)
    session.close()
    session.close()
    with pytest.raises(ConnectError, match="is closed"):
        session.connection()


def test_two_sessions_do_not_know_of_each_other(address: Address, session: Session) -> None:
    other = Session(address, None)
    assert other.connection() is not session.connection()
    other.close()
    assert works(session)


def test_many_threads_use_one_session_while_libvirtd_restarts(libvirt: PrivateLibvirt, session: Session) -> None:
    ended = threading.Event()

    def use() -> tuple[int, set[type[Exception]]]:
        answers, errors = 0, set()
        while not ended.is_set():
            try:
                answers += len(session.connection().listAllDomains(0)) + 1
            except (ConnectError, binding.libvirtError) as error:
                errors.add(type(error))
        return answers, errors

    with ThreadPoolExecutor(8) as threads:
        uses = [threads.submit(use) for _ in range(8)]
        try:
            for _ in range(3):
                with away(libvirt):
                    time.sleep(0.05)
                until(lambda: works(session), "it answers")
        finally:
            ended.set()
        for each in uses:
            answers, errors = each.result(timeout=30)
            assert answers > 0
            assert errors <= {ConnectError, binding.libvirtError}
    assert works(session)


def test_threads_may_be_in_the_middle_of_a_call_when_it_is_closed(address: Address) -> None:
    """Failing: the process dies, as libvirt frees the connection under a call."""
    for _ in range(10):
        session = Session(address, None)

        def use(session: Session = session) -> None:
            with suppress(ConnectError):
                while True:
                    session.connection().getCapabilities()

        with ThreadPoolExecutor(4) as threads:
            uses = [threads.submit(use) for _ in range(4)]
            time.sleep(0.02)
            session.close()
            for each in uses:
                each.result(timeout=30)


def test_a_libvirtd_that_is_frozen_is_given_up(libvirt: PrivateLibvirt, address: Address, session: Session) -> None:
    """It answers to nothing for longer than a keepalive waits: 5 s x (3 + 1)."""
    opened = session.connection()

    def seconds(use: Callable[[], object], error: type[Exception]) -> float:
        began = time.monotonic()
        with pytest.raises(error):
            use()
        return time.monotonic() - began

    with frozen(libvirt), ThreadPoolExecutor(2) as threads:
        waits = (
            threads.submit(seconds, opened.getHostname, binding.libvirtError),
            threads.submit(seconds, lambda: Session(address, None), ConnectError),
        )
        assert all(15 < each.result(timeout=30) < 25 for each in waits)
    assert works(session)


def test_a_libvirt_that_is_too_old_is_refused_with_both_versions(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OLDEST", 99_001_002)
    with pytest.raises(ConnectError, match=r"this is libvirt \d+\.\d+\.\d+; 99\.1\.2 or later is needed"):
        Session(address, None)
