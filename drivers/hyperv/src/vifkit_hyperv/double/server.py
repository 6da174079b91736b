"""HTTP over TLS, on loopback alone; who asks must say who it is, by Basic or by Negotiate (NTLM)."""

import base64
import binascii
import hmac
import os
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import spnego
from spnego.exceptions import SpnegoError

from .certificate import write_certificate
from .host import Host, Switch
from .management import Management

MOST_BYTES = 1 << 20


@dataclass
class Faults:
    """What goes wrong from now on."""

    slow_s: float = 0
    """How long each answer waits."""
    body: bytes | None = None
    """What is answered instead of the answer."""
    status: int = 200
    """The status of `body`."""
    close_after: int | None = None
    """After how many bytes of an answer the connection is closed."""
    spared: int = 0
    """How many answers are right before anything of this happens."""
    times: int | None = None
    """How often it happens; None is from then on."""


class Server(ThreadingHTTPServer):
    """The double, listening; `with` serves until the end."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, directory: Path, user: str, password: str, host: Host | None = None, *, expired: bool = False
    ) -> None:
        self.management = Management(host or Host([Switch("br0")]))
        self.faults = Faults()
        self.ending = threading.Event()
        self.user, self.password = user, password
        self.certificate, key = write_certificate(directory, expired=expired)
        self.accounts = directory / "accounts"
        self.accounts.touch(mode=0o600)
        self.accounts.write_text(f":{user}:{password}\n", encoding="utf-8")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self.certificate, key)
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        os.environ.pop("NTLM_USER_FILE", None)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS in the thread of the connection, so that a client that says nothing holds up nobody."""
        try:
            with self._context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError:
            pass  # it went away, or does not trust the certificate

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


@dataclass
class Caller:
    """Who is at the other end of a connection, as far as it has said."""

    known: bool = False
    context: object = field(default=None)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self) -> None:
        """Begin a connection, of whose other end nothing is known."""
        super().setup()
        self.caller = Caller()

    def do_POST(self) -> None:
        """Answer one request."""
        length = int(self.headers.get("Content-Length") or 0)
        request = self.rfile.read(length) if 0 <= length <= MOST_BYTES else b""
        challenge = self._challenge()
        if challenge is not None:
            self._send(401, b"", challenge)
        elif self.path != "/wsman":
            self._send(404, b"", ())
        else:
            self._answer(request)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, request: bytes) -> None:
        faults = self.server.faults
        status, answer = self.server.management.answer(request)
        if faults.spared > 0 or faults.times == 0:
            faults.spared -= 1
            self._send(status, answer, ())
            return
        faults.times = None if faults.times is None else faults.times - 1
        self.server.ending.wait(faults.slow_s)
        if faults.body is not None:
            status, answer = faults.status, faults.body
        self._send(status, answer, (), faults.close_after)

    def _send(self, status: int, body: bytes, challenge: tuple[str, ...], close_after: int | None = None) -> None:
        self.send_response(status)
        for each in challenge:
            self.send_header("WWW-Authenticate", each)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if close_after is None else body[:close_after])
        self.wfile.flush()
        self.close_connection = self.close_connection or close_after is not None

    def _challenge(self) -> tuple[str, ...] | None:
        """Give what is asked of a caller who is not known, None for one who is."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if scheme == "Basic":
                given = base64.b64decode(token, validate=True)
                if hmac.compare_digest(given, f"{self.server.user}:{self.server.password}".encode()):
                    return None
            elif scheme == "Negotiate":
                return self._negotiate(base64.b64decode(token, validate=True))
        except (binascii.Error, SpnegoError, ValueError):
            self.caller = Caller()
        return None if self.caller.known and not scheme else ("Negotiate", 'Basic realm="WSMAN"')

    def _negotiate(self, token: bytes) -> tuple[str, ...] | None:
        if self.caller.context is None:
            os.environ["NTLM_USER_FILE"] = str(self.server.accounts)  # where pyspnego looks for accounts
            self.caller.context = spnego.server(protocol="negotiate")
        context = self.caller.context
        assert isinstance(context, spnego.ContextProxy)
        answer = context.step(token)
        if context.complete:
            self.caller = Caller(known=True)
            return None
        return (f"Negotiate {base64.b64encode(answer or b'').decode()}",)
