"""A peer that does not answer, answers otherwise, or is not the one that was meant: typed, one line, in time."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from vifkit import BackendError, ConnectError, VifkitError
from vifkit_hyperv.double.host import Host
from vifkit_hyperv.double.server import Faults, Server
from vifkit_hyperv.driver import HypervConnection, HypervDriver

Open = Callable[..., HypervConnection]
Xml = Callable[..., str]


@contextmanager
def refused(kind: type[VifkitError], text: str) -> Iterator[None]:
    """Expect an error of this very type, of one line that has this text and no secret."""
    with pytest.raises(VifkitError) as caught:
        yield
    assert type(caught.value) is kind
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    told = "".join(f"{each!r}" for each in chain(caught.value))
    assert "wörd" not in told and "wrong" not in str(caught.value)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@pytest.mark.parametrize("spared", [0, 1, 2, 3], ids=["create", "open", "command", "receive"])
@pytest.mark.parametrize(
    ("faults", "text"),
    [
        (Faults(body=b"\x00\xff garbage"), "what is answered is no PowerShell remoting"),
        (Faults(body=b"<html>It works!</html>"), "what is answered is no PowerShell remoting"),
        (Faults(body=b""), "what is answered is no PowerShell remoting"),
        (Faults(body=b"<a>" * 100_000), "what is answered is no PowerShell remoting"),
        (Faults(body=b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'), "an answer with a DOCTYPE"),
        (Faults(body=b"x" * 10_000_000), "an answer of more than 4194304 bytes"),
        (Faults(body=b"oops", status=500), "the status of HTTP is 500: is that a WinRM listener?"),
        (Faults(body=b"", status=404), "the status of HTTP is 404: is that a WinRM listener?"),
        (Faults(close_after=0), "more expected"),
        (Faults(close_after=300), "IncompleteRead(300 bytes read"),
    ],
    ids=["garbage", "page", "nothing", "deep", "doctype", "10MB", "500", "404", "closed", "closed-in-the-middle"],
)
def test_what_is_answered_otherwise_is_told(
    server: Server, open_it: Open, faults: Faults, text: str, spared: int
) -> None:
    server.faults = Faults(**{**vars(faults), "spared": spared})
    with refused(ConnectError, text):
        open_it()


@pytest.mark.parametrize("spared", [0, 1, 2, 3], ids=["create", "open", "command", "receive"])
def test_what_is_too_slow_is_given_up(server: Server, open_it: Open, spared: int) -> None:
    server.faults = Faults(slow_s=30, spared=spared)
    begun = time.monotonic()
    with refused(ConnectError, "no answer within 1 s"):
        open_it("&timeout=1")
    assert 0.9 < time.monotonic() - begun < 10


def test_a_connection_outlives_a_failure(server: Server, connection: HypervConnection, xml: Xml) -> None:
    connection.define(xml())
    server.faults = Faults(close_after=5)
    with refused(ConnectError, "IncompleteRead(5 bytes read"):
        connection.domains()
    server.faults = Faults()
    assert [each.name for each in connection.domains()] == ["web"]
    server.management.shells.clear()  # as a restart of the service does
    with refused(ConnectError, "the shell was not found on the server"):
        connection.domains()
    assert [each.name for each in connection.domains()] == ["web"]


@pytest.mark.parametrize("spared", [3, 4, 6, 7], ids=["made", "made-known", "furnished", "furnished-known"])
def test_a_definition_that_is_cut_off_leaves_nothing(
    server: Server, connection: HypervConnection, host: Host, xml: Xml, spared: int
) -> None:
    connection.define(xml())
    server.faults = Faults(close_after=5, spared=spared, times=1)
    with refused(ConnectError, "IncompleteRead(5 bytes read"):
        connection.define(xml("mail", uuid="0e0d5e0e-9a7a-4a0c-8f25-6f4f3f9d2b02"))
    assert [each.name for each in host.machines] == ["web"]


def test_a_definition_whose_host_has_gone_is_taken_up_again(
    server: Server, connection: HypervConnection, host: Host, xml: Xml
) -> None:
    server.faults = Faults(close_after=5, spared=3)
    with refused(ConnectError, "IncompleteRead(5 bytes read"):
        connection.define(xml())
    server.faults = Faults()
    assert [each.uuid for each in connection.domains()] == ["6a1f0b7e-7c0f-4f0e-9d55-0d8f3b5a9c01"]
    connection.define(xml())
    assert [(each.name, len(each.adapters)) for each in host.machines] == [("web", 1)]


def test_a_peer_that_accepts_and_says_nothing_is_given_up(uri: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with refused(ConnectError, f"127.0.0.1:{port}: no answer within 1 s"):
            HypervDriver().open(f"hyperv://operator@127.0.0.1:{port}/?timeout=1", lambda _: "x")


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with refused(ConnectError, "Connection refused"):
        HypervDriver().open(f"hyperv://operator@127.0.0.1:{port}/", lambda _: "x")


def test_a_wrong_password_is_denied(open_it: Open, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), refused(ConnectError, "the user or the password is not accepted"):
        open_it(password="wrong")
    with caplog.at_level(logging.DEBUG):
        open_it().close()
    assert "wörd" not in caplog.text and "password wrong" not in caplog.text


def test_a_certificate_that_nobody_vouches_for_is_refused(server: Server) -> None:
    with refused(ConnectError, "its certificate is not trusted: self-signed certificate"):
        HypervDriver().open(f"hyperv://operator@127.0.0.1:{server.port}/", lambda _: "x")


def test_a_certificate_of_another_host_is_refused(uri: str) -> None:
    with refused(ConnectError, "certificate is not valid for 'localhost'"):
        HypervDriver().open(uri.replace("127.0.0.1", "localhost"), lambda _: "x")


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "expired"
    directory.mkdir()
    with Server(directory, "operator", "x", expired=True) as server:
        asked = f"hyperv://operator@127.0.0.1:{server.port}/?cacert={quote(str(server.certificate))}"
        with refused(ConnectError, "its certificate is not trusted: certificate has expired"):
            HypervDriver().open(asked, lambda _: "x")


def test_a_host_without_hyperv_says_so(open_it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("vifkit_hyperv.double.catalogue", fromlist=["x"]).COMMANDS, "get-vmswitch")
    with refused(BackendError, "The term 'Get-VMSwitch' is not recognized as the name of a cmdlet"):
        open_it()


def test_shells_are_closed(server: Server, open_it: Open) -> None:
    connection = open_it()
    assert len(server.management.shells) == 1
    connection.close()
    connection.close()
    assert server.management.shells == {}


def test_a_proxy_of_the_environment_is_not_asked(open_it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert open_it().version() == "Hyper-V of Microsoft Windows Server 2022 Datacenter 10.0.20348"
