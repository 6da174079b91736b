"""Peers that are no vSphere, or end in the middle, or never."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vifkit import ConnectError, Credentials
from vifkit_vsphere import session
from vifkit_vsphere.driver import VsphereDriver

SECRET = "pa55-word-that-nobody-sees"


def refusal(uri: str, credentials: Credentials | None = None) -> str:
    """Give the one line with which a connection is refused."""
    with pytest.raises(ConnectError) as caught:
        VsphereDriver().open(uri, credentials)
    said = str(caught.value)
    assert "\n" not in said
    assert SECRET not in said
    return said


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key in one file, for a peer that pretends."""
    file = tmp_path_factory.mktemp("pretender") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", f"{file}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def pretender(certificate: Path, answer: Callable[[ssl.SSLSocket], None]) -> Iterator[str]:
    """Answer whoever calls, and give the URI."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                with plain:
                    try:
                        with context.wrap_socket(plain, server_side=True) as secured:
                            said = b""
                            while b"</soapenv:Envelope>" not in said:
                                said += secured.recv(65536)
                            answer(secured)
                    except OSError:
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"esx://root@127.0.0.1:{server.getsockname()[1]}?cacert={certificate}.crt"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def say(said: bytes) -> Callable[[ssl.SSLSocket], None]:
    return lambda peer: peer.sendall(said)


def http(body: bytes, length: int | None = None, head: bytes = b"200 OK") -> bytes:
    size = len(body) if length is None else length
    return b"HTTP/1.1 " + head + b"\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % size + body


ENVELOPE = (
    b'<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
)
TEN_MB = 10 << 20


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (say(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH-2.0"),
        (say(b""), "closed connection without response"),
        (say(http(b"")), "no vSphere"),
        (say(http(b"\0\xff\xfe garbage \x80" * 50)), "no vSphere"),
        (say(http(b"<html><body>It works!</body></html>")), "no vSphere"),
        (say(http(ENVELOPE + b"</soapenv:Body></soapenv:Envelope>")), "no vSphere"),
        (say(http(ENVELOPE + b"<RetrieveServiceContentResponse><returnval>", length=10_000)), "IncompleteRead"),
        (say(http(ENVELOPE + b"<RetrieveServiceContentResponse><returnval><evil/></returnval>")), "no vSphere"),
        (say(http(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")), "no vSphere"),
        (say(http(b"denied", head=b"403 Forbidden")), "status 403"),
        (say(http(b"moved", head=b"302 Found")), "status 302"),
        (say(http(b"A" * TEN_MB)), "more than 8388608"),
        (say(http(ENVELOPE + b"<a>" + b" " * TEN_MB + b"</a></soapenv:Body></soapenv:Envelope>")), "more than 8388608"),
        (say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "IncompleteRead"),
        (say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000), "100 headers"),
    ],
)  # fmt: skip
def test_a_peer_that_is_no_vsphere_is_refused(
    certificate: Path, answer: Callable[[ssl.SSLSocket], None], said: str
) -> None:
    with pretender(certificate, answer) as uri:
        assert said in refusal(uri, lambda _: SECRET)


def drip(peer: ssl.SSLSocket) -> None:
    """Say a byte at a time, for longer than anybody listens."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(200):
        peer.sendall(b" ")
        time.sleep(0.02)


def test_a_peer_that_does_not_end_is_left(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CALL_SECONDS", 0.5)
    for answer in (drip, lambda peer: peer.recv(65536)):
        began = time.monotonic()
        with pretender(certificate, answer) as uri:
            said = refusal(uri, lambda _: SECRET)
        assert "within 0.5 s" in said or "timed out" in said
        assert time.monotonic() - began < 3
