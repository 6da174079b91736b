"""HTTPS peers that end in the middle, or never, or say too much."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vifkit import ConnectError
from vifkit_base.https import Peer, trust

Answering = Callable[[ssl.SSLSocket], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, in one file."""
    file = tmp_path_factory.mktemp("peer") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", f"{file}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def peer(certificate: Path, answer: Answering, **bounds: float) -> Iterator[tuple[Peer, list[int]]]:
    """Answer each request of each connection; give the peer, and how many requests each connection had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    requests: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                requests.append(0)
                with plain:
                    try:
                        with context.wrap_socket(plain, server_side=True) as secured:
                            while said := secured.recv(65536):
                                if said.endswith(b"hello"):  # headers and body come one by one
                                    requests[-1] += 1
                                    answer(secured)
                    except OSError:
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        opened = Peer("127.0.0.1", server.getsockname()[1], trust(f"{certificate}.crt"), **bounds)  # type: ignore[arg-type]
        try:
            yield opened, requests
        finally:
            opened.close()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def say(said: bytes) -> Answering:
    return lambda secured: secured.sendall(said)


def test_an_answer_is_told_whatever_its_status(certificate: Path) -> None:
    with peer(certificate, say(b"HTTP/1.1 500 Sorry\r\nX-A: b\r\nContent-Length: 3\r\n\r\nyes")) as (opened, _):
        answer = opened.post("/", b"hello", {})
    assert (answer.status, answer.headers["x-a"], answer.body) == (500, "b", b"yes")


def test_a_connection_is_used_again(certificate: Path) -> None:
    with peer(certificate, say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (opened, requests):
        for _ in range(3):
            opened.post("/", b"hello", {})
        assert requests == [3]
        opened.close()
        opened.post("/", b"hello", {})
        assert requests == [3, 1]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"A" * 1000, "an answer of more than 500 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 90 + b"\r\n", "an answer of more than 500 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "did not come"),
        (b"HTTP/1.1 200 OK\r\n", "did not come"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    ],
)
def test_what_is_no_answer_in_bounds_is_an_error_of_one_line(certificate: Path, said: bytes, told: str) -> None:
    began = time.monotonic()
    with peer(certificate, say(said), timeout_s=0.3, limit_bytes=500) as (opened, _):
        with pytest.raises(ConnectError, match=told.replace("did not come", "timed out|within 0.3 s")) as caught:
            opened.post("/", b"hello", {})
        assert str(caught.value).startswith(opened.name + ": ")
        assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 2


def test_who_is_not_trusted_hears_nothing(certificate: Path) -> None:
    with peer(certificate, say(b"")) as (trusted, requests):
        stranger = Peer("127.0.0.1", int(trusted.name.rpartition(":")[2]), trust(None))
        with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.post("/", b"hello", {})
        assert requests == [0]


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        if file.stem == "empty":
            file.touch()
        with pytest.raises(ConnectError, match=f"{file.name}: no certificates"):
            trust(str(file))


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    assert Peer("::1", 443, trust(None)).name == "[::1]:443"
