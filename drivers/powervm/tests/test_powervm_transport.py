"""The way to the HMC: who is let in, and what becomes of a peer that does not answer as an HMC does."""

import os
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vifkit import AccessDeniedError, BackendError, ConnectError, Connection, VifkitError
from vifkit_powervm.double.running import RunningHmc
from vifkit_powervm.driver import PowervmDriver

SECRET = "correct horse battery staple"  # not the double's


def failure(uri: str, *credentials: Callable[[str], str]) -> str:
    """Give what `open` says where it fails, in one line and without a secret."""
    with pytest.raises(ConnectError) as caught:
        PowervmDriver().open(uri, *credentials)
    said = str(caught.value)
    assert "\n" not in said and SECRET not in repr(caught.value)
    return said


@contextmanager
def peer(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen, and serve each that comes by what is no HMC; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    serve(client)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def elsewhere(hmc: RunningHmc, port: int) -> str:
    return hmc.uri(timeout="1").replace(f":{hmc.port}/", f":{port}/")


def read_all(client: socket.socket) -> None:
    client.settimeout(10)
    while client.recv(4096):
        pass


def test_a_key_lets_in(hmc: RunningHmc) -> None:
    with PowervmDriver().open(hmc.uri()) as connection:
        assert connection.version() == "HMC V10R3 service pack 1060, managing 9009-22A"


def test_a_password_from_a_file_or_from_who_is_asked_lets_in(hmc: RunningHmc) -> None:
    file = hmc.directory / "password"
    with PowervmDriver().open(hmc.uri(keyfile="", credentials=str(file))) as connection:
        assert connection.domains() == []
    password = file.read_text().partition("password = ")[2].strip()
    with PowervmDriver().open(hmc.uri(keyfile=""), lambda prompt: {"password": password}[prompt]) as connection:
        assert connection.domains() == []


def test_a_user_is_asked_for_where_the_uri_names_none(hmc: RunningHmc) -> None:
    uri = hmc.uri(keyfile="", credentials=str(hmc.directory / "password")).replace("hscroot@", "")
    with PowervmDriver().open(uri) as connection:
        assert connection.domains() == []


def test_a_wrong_password_does_not(hmc: RunningHmc) -> None:
    assert "Permission denied" in failure(hmc.uri(keyfile=""), lambda _: SECRET)


def test_a_strangers_key_does_not(hmc: RunningHmc) -> None:
    assert "Permission denied" in failure(hmc.uri(keyfile=str(hmc.directory / "stranger")))


def test_another_user_is_not_let_in(hmc: RunningHmc) -> None:
    assert "Permission denied" in failure(hmc.uri().replace("hscroot@", "root@"))


def test_an_unknown_host_key_ends_it(hmc: RunningHmc, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("")
    assert "Host key is not trusted" in failure(hmc.uri(known_hosts=str(known)))


def test_another_host_key_ends_it_before_the_password_is_sent(hmc: RunningHmc, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{hmc.port} {(hmc.directory / 'stranger.pub').read_text()}")
    assert "Host key is not trusted" in failure(hmc.uri(keyfile="", known_hosts=str(known)), lambda _: SECRET)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file or directory"),
        (b"hunter2-is-no-host-key\n", "it is no list of host keys"),
        (b"@hunter2 host ssh-ed25519 AAAA\n", "it is no list of host keys"),
        (b"\xff\xfe\0", "it is no list of host keys"),
    ],
    ids=["missing", "text", "marker", "binary"],
)
def test_a_file_of_no_host_keys_is_named_and_not_quoted(
    hmc: RunningHmc, tmp_path: Path, text: bytes | None, said: str
) -> None:
    known = tmp_path / "known"
    if text is not None:
        known.write_bytes(text)
    for uri in (hmc.uri(known_hosts=str(known)), hmc.uri(keyfile="", known_hosts=str(known))):
        with pytest.raises(ConnectError) as caught:
            PowervmDriver().open(uri, lambda _: SECRET)
        assert str(caught.value) == f"{known}: {said}"
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_private_key_in_the_place_of_host_keys_is_not_quoted(hmc: RunningHmc) -> None:
    key = hmc.directory / "user"
    assert failure(hmc.uri(known_hosts=str(key))) == f"{key}: it is no list of host keys"


def test_nobodys_home_is_told(hmc: RunningHmc) -> None:
    assert "leads to nobody's home" in failure(hmc.uri(known_hosts="~nobody-is-called-so/known_hosts"))


@pytest.mark.parametrize("name", ["keyfile", "credentials"])
def test_a_secret_that_others_may_read_is_refused(hmc: RunningHmc, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "secret"
    copy.write_bytes((hmc.directory / {"keyfile": "user", "credentials": "password"}[name]).read_bytes())
    copy.chmod(0o640)
    assert "chmod 600" in failure(hmc.uri(**{"keyfile": "", name: str(copy)}))


@pytest.mark.parametrize(
    "text", ["", "no key", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused(hmc: RunningHmc, tmp_path: Path, text: str) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(text)
    assert failure(hmc.uri(keyfile=str(key))) == f"{key}: no private key, or one with a passphrase"


def test_a_missing_key_is_refused(hmc: RunningHmc, tmp_path: Path) -> None:
    assert "No such file" in failure(hmc.uri(keyfile=str(tmp_path / "none")))


def test_who_is_asked_and_fails_is_no_secret_lost(hmc: RunningHmc) -> None:
    def ask(prompt: str) -> str:
        raise RuntimeError(SECRET)

    assert "RuntimeError from who was asked" in failure(hmc.uri(keyfile=""), ask)


def test_no_secret_is_in_a_list_of_processes(hmc: RunningHmc) -> None:
    password = (hmc.directory / "password").read_text().partition("password = ")[2].strip()
    with PowervmDriver().open(hmc.uri(keyfile=""), lambda _: password):
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert password.encode() not in process.read_bytes()
            except OSError:
                continue
    assert not any(password in line for line in hmc.commands())


def test_a_port_that_nobody_listens_at_is_no_hmc(hmc: RunningHmc) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert f"127.0.0.1:{port}" in failure(elsewhere(hmc, port))


@pytest.mark.parametrize(
    "banner", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\x00" * 500, b"SSH-2.0-x\r\n" + b"\xff" * 5000, b""]
)
def test_a_peer_that_is_no_ssh_server_is_no_hmc(hmc: RunningHmc, banner: bytes) -> None:
    with peer(lambda client: client.sendall(banner)) as port:
        assert f"127.0.0.1:{port}" in failure(elsewhere(hmc, port))


def test_a_peer_that_says_nothing_is_given_up_in_time(hmc: RunningHmc) -> None:
    with peer(read_all) as port:
        begun = time.monotonic()
        assert "no answer in 1 s" in failure(elsewhere(hmc, port))
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ({"mood": "silent"}, "no answer in 1 s; whether lssyscfg was carried out is not known"),
        ({"mood": "slow", "seconds": 3}, "no answer in 1 s; whether lssyscfg was carried out is not known"),
        ({"mood": "close"}, "whether lssyscfg was carried out is not known"),
        ({"mood": "flood"}, "an answer of more than 8388608 bytes was not read to its end"),
    ],
    ids=["silent", "slow", "close", "flood"],
)
def test_an_answer_that_is_not_whole_is_no_answer(hmc: RunningHmc, mood: dict[str, Any], said: str) -> None:
    with PowervmDriver().open(hmc.uri(timeout="1" if mood["mood"] in ("silent", "slow") else "20")) as connection:
        hmc.mood(**mood)
        with pytest.raises(ConnectError) as caught:
            connection.domains()
        assert said in str(caught.value) and "\n" not in str(caught.value)
        hmc.mood()
        assert connection.domains() == []  # by another connection


@pytest.mark.parametrize("hexadecimal", ["", "0a0a", "ff00fe", "6e616d650a", "22", "c3a92c0a" * 50], ids=str)
def test_garbage_is_no_answer(hmc: RunningHmc, connection: Connection, hexadecimal: str) -> None:
    hmc.mood("garbage", hex=hexadecimal)
    with pytest.raises(BackendError, match="the HMC's answer is not understood") as caught:
        connection.domains()
    assert "\n" not in str(caught.value)
    with pytest.raises(BackendError, match="the HMC's answer is not understood"):
        connection.version()
    hmc.mood()
    assert connection.domains() == []


@pytest.mark.parametrize(
    ("text", "said", "error"),
    [
        ("HSCL350B The user does not have the appropriate authority", "appropriate authority", AccessDeniedError),
        ("HSCL05FF Something\nof two lines", "lssyscfg: HSCL05FF Something", BackendError),
        ("\x1b[31mred\x07", "lssyscfg: ?[31mred?", BackendError),
        ("x" * 5000, "x" * 200, BackendError),
        ("", "lssyscfg: status 1, and not a word", BackendError),
    ],
)
def test_a_refusal_is_one_line(
    hmc: RunningHmc, connection: Connection, text: str, said: str, error: type[VifkitError]
) -> None:
    hmc.mood("fail", text=text)
    with pytest.raises(error) as caught:
        connection.domains()
    assert said in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_a_managed_system_that_is_not_there_is_not_opened(hmc: RunningHmc) -> None:
    assert "HSCL8018 The managed system Other was not found" in failure(hmc.uri().replace(hmc.system, "Other"))


def test_a_managed_system_is_known_by_its_machine_type_and_serial_number(hmc: RunningHmc) -> None:
    with PowervmDriver().open(hmc.uri().replace(hmc.system, "9009-22A*7800ABC")) as connection:
        assert connection.domains() == []


def test_one_connection_is_kept_for_all_threads(hmc: RunningHmc, connection: Connection) -> None:
    def peers() -> set[str]:
        found = subprocess.run(["ss", "-Htn", f"dport = :{hmc.port}"], capture_output=True, text=True, check=True)
        return {line.split()[3] for line in found.stdout.splitlines() if line.startswith("ESTAB")}

    before = peers()
    hmc.mood("slow", seconds=0.05)
    with ThreadPoolExecutor(24) as threads:  # more than the sessions that an SSH server allows
        assert list(threads.map(lambda _: connection.domains(), range(48))) == [[]] * 48
    assert len(peers() - before) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # which Python 3.12 gives, for what is tried here
def test_a_child_that_was_forked_has_a_connection_of_its_own(hmc: RunningHmc, connection: Connection) -> None:
    assert connection.domains() == []
    child = os.fork()
    if not child:
        os._exit(0 if connection.domains() == [] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert connection.domains() == []


def test_a_connection_that_was_closed_is_closed(hmc: RunningHmc) -> None:
    connection = PowervmDriver().open(hmc.uri())
    connection.close()
    connection.close()
