"""A listener that sends the driver elsewhere: nobody else is ever told who asks."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from vifkit import ConnectError
from vifkit_hyperv.double.certificate import write_certificate
from vifkit_hyperv.driver import HypervDriver

Redirecting = Callable[[int, str, int], tuple[str, list[str]]]


@contextmanager
def serving(directory: Path, status: int, location: str, challenges: int) -> Iterator[tuple[str, list[str]]]:
    """Send everybody elsewhere, after so many challenges: a URI, and the Authorization of each request."""
    certificate, key = write_certificate(directory)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.headers.get("Authorization", ""))
            self.send_response(401 if len(asked) <= challenges else status)
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"hyperv://operator@127.0.0.1:{server.server_port}/?timeout=3&cacert={quote(str(certificate))}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def redirecting(tmp_path: Path) -> Iterator[Redirecting]:
    """Run a listener with a trusted certificate that sends everybody elsewhere."""
    with ExitStack() as stack:
        yield lambda *how: stack.enter_context(serving(tmp_path, *how))


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """Listen where nobody may ever connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("challenges", [0, 1], ids=["first", "challenged"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status", [302, 307, 308])
def test_nobody_elsewhere_is_asked(
    redirecting: Redirecting, elsewhere: socket.socket, scheme: str, status: int, challenges: int
) -> None:
    uri, asked = redirecting(status, f"{scheme}://127.0.0.1:{elsewhere.getsockname()[1]}/wsman", challenges)
    with pytest.raises(ConnectError) as caught:
        HypervDriver().open(uri, lambda _: "secret")
    where = uri.partition("@")[2].partition("/")[0]
    assert str(caught.value) == f"{where}: the status of HTTP is {status}: is that a WinRM listener?"
    assert len(asked) == challenges + 1


def test_nothing_else_of_the_same_listener_is_asked(redirecting: Redirecting) -> None:
    uri, asked = redirecting(307, "/other", 0)
    with pytest.raises(ConnectError, match="the status of HTTP is 307: is that a WinRM listener"):
        HypervDriver().open(uri, lambda _: "secret")
    assert asked == [""]
