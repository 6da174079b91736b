"""HTTPS to a WinRM listener, bounded in time and in size, and the one place where foreign errors become ours."""

import io
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import requests
from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
from pypsrp.negotiate import HTTPNegotiateAuth
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from vifkit import AccessDeniedError, ConnectError

MAX_ANSWER_BYTES = 4 << 20
"""Of one answer: a client announces 500 KB at most (MaxEnvelopeSizekb, "Installation and configuration for WinRM")."""
# What pypsrp raises where it does not read what it expects.
_PLAIN = (ValueError, LookupError, TypeError, AttributeError, SyntaxError, AssertionError, RecursionError, UserWarning)


class BoundedAdapter(HTTPAdapter):
    """Sends with what is left of the time of a call, and reads no more than is reasonable."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s
        self.begin()

    def begin(self) -> None:
        """Begin a call."""
        self._end = time.monotonic() + self._timeout_s

    def left_s(self) -> float:
        """Tell how much time the call has left. Raises ConnectError where there is none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise ConnectError(f"no whole answer within {self._timeout_s:g} s")
        return left

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request, and read its answer, which sends nobody elsewhere.

        Raises ConnectError, and what `translated` knows.
        """
        try:
            answer = super().send(request, *args, **{**kwargs, "stream": True, "timeout": self.left_s()})
        except requests.Timeout as error:
            raise ConnectError(f"no answer within {self._timeout_s:g} s") from error
        if 300 <= answer.status_code < 400:  # requests would go there, and say who asks to whoever answers
            answer.close()
            raise WinRMTransportError("http", answer.status_code, "")
        announced = answer.headers.get("Content-Length", "")
        if answer.status_code == 401 and announced.isdecimal() and int(announced) <= MAX_ANSWER_BYTES:
            return answer  # Negotiate looks for the certificate of a connection that is still read from
        with closing(answer.raw) as raw:  # a connection that is read to its end is kept all the same
            body = b"".join(self._pieces(raw))
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise ConnectError("an answer with a DOCTYPE, which WS-Management has none of")
        answer.raw = io.BytesIO(body)
        return answer

    def _pieces(self, raw: Any) -> Iterator[bytes]:
        left = MAX_ANSWER_BYTES
        while piece := raw.read1(65536, decode_content=True):
            left -= len(piece)
            if left < 0:
                raise ConnectError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            self.left_s()
            yield piece


def session(adapter: BoundedAdapter, user: str, password: str, verify: str | bool) -> requests.Session:
    """Make a session that speaks HTTPS alone, and asks no environment for proxies, passwords or certificates."""
    made = requests.Session()
    made.adapters.clear()  # one is for HTTP in clear
    made.trust_env = False
    made.verify = verify
    made.headers.update({"User-Agent": "vifkit", "Accept-Encoding": "identity"})
    made.mount("https://", adapter)
    made.auth = HTTPNegotiateAuth(user, password)
    return made


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what pypsrp, requests and their helpers raise into one line: AccessDeniedError or ConnectError."""
    try:
        yield
    except ConnectError as error:
        raise ConnectError(f"{where}: {error}") from error
    except AuthenticationError as error:
        raise ConnectError(f"{where}: the user or the password is not accepted") from error
    except WSManFaultError as error:
        kind = AccessDeniedError if error.code == 5 else ConnectError  # ERROR_ACCESS_DENIED
        raise kind(f"{where}: {one_line(str(error.reason or 'a fault without a reason'))}") from error
    except WinRMTransportError as error:
        raise ConnectError(f"{where}: the status of HTTP is {error.code}: is that a WinRM listener?") from error
    except (OSError, HTTPError) as error:
        raise ConnectError(f"{where}: {_root(error)}") from error
    except (WinRMError, struct.error, *_PLAIN) as error:
        raise ConnectError(f"{where}: what is answered is no PowerShell remoting") from error


def one_line(text: str) -> str:
    """Make one line of at most 300 characters of a message."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"


def _root(error: BaseException) -> str:
    """Say what lies under errors that hold each other."""
    while held := [each for each in (getattr(error, "reason", 0), *error.args) if isinstance(each, BaseException)]:
        error = held[0]
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return one_line(str(error) or type(error).__name__)
