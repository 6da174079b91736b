"""HTTPS to a WinRM listener, bounded in time and in size, and the one place where foreign errors become ours."""

import binascii
import io
import ssl
import struct
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
from pypsrp.negotiate import HTTPNegotiateAuth
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError

from vifkit import AccessDeniedError, ConnectError, VifkitError

MAX_ANSWER_BYTES = 4 << 20
"""Of one answer: a client announces 500 KB at most (MaxEnvelopeSizekb, "Installation and configuration for WinRM")."""
MAX_CALL_BYTES = 128 << 20
"""Of all answers to one call."""
ACCESS_DENIED = 5
SHELL_GONE = 0x8033805B
"""ERROR_WSMAN_UNEXPECTED_SELECTORS of wsmerror.h: the shell has timed out, or its service was restarted."""


class ShellGoneError(ConnectError):
    """The host has forgotten our shell; nothing of what was asked has run."""


class BoundedAdapter(HTTPAdapter):
    """Sends with what is left of the time of a call, and reads no more than is reasonable."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s
        self.begin()

    def begin(self) -> None:
        """Begin a call."""
        self._end = time.monotonic() + self._timeout_s
        self._received_bytes = 0

    def left_s(self) -> float:
        """Tell how much time the call has left. Raises ConnectError where there is none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise ConnectError(f"no whole answer within {self._timeout_s:g} s")
        return left

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send one request, and read its answer. Raises ConnectError; what requests raises is left to `translated`."""
        try:
            answer = super().send(
                request, stream=True, timeout=self.left_s(), verify=verify, cert=cert, proxies=proxies
            )
        except requests.Timeout as error:
            raise ConnectError(f"no answer within {self._timeout_s:g} s") from error
        announced = answer.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > MAX_ANSWER_BYTES:
            raise ConnectError(f"an answer of {int(announced)} bytes, where {MAX_ANSWER_BYTES} are the most")
        if answer.status_code == 401 and announced.isdecimal():
            return answer  # Negotiate looks for the certificate of a connection that is still read from
        body = self._read(answer)
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise ConnectError("an answer with a DOCTYPE, which WS-Management has none of")
        answer.raw = io.BytesIO(body)
        return answer

    def _read(self, answer: requests.Response) -> bytes:
        body = bytearray()
        while piece := answer.raw.read1(65536, decode_content=True):
            body += piece
            self._received_bytes += len(piece)
            if len(body) > MAX_ANSWER_BYTES or self._received_bytes > MAX_CALL_BYTES:
                raise ConnectError(f"an answer of more than {MAX_ANSWER_BYTES} bytes, or too many of them")
            self.left_s()
        announced = answer.headers.get("Content-Length", "")
        if announced.isdecimal() and len(body) < int(announced):
            raise ConnectError(f"the connection was closed after {len(body)} of {announced} bytes")
        return bytes(body)


def session(adapter: BoundedAdapter, user: str, password: str, *, basic: bool, verify: str | bool) -> requests.Session:
    """Make a session that asks no environment for proxies, passwords or certificates."""
    made = requests.Session()
    made.trust_env = False
    made.verify = verify
    made.headers.update({"User-Agent": "vifkit", "Accept-Encoding": "identity"})
    made.mount("https://", adapter)
    if basic:
        made.auth = HTTPBasicAuth(user.encode(), password.encode())  # as RFC 7617 has it
    else:
        made.auth = HTTPNegotiateAuth(user, password)
    return made


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what pypsrp, requests and their helpers raise into one line: AccessDeniedError or ConnectError."""
    try:
        yield
    except VifkitError as error:
        if type(error) is ConnectError:
            raise ConnectError(f"{where}: {error}") from error.__cause__
        raise
    except AuthenticationError as error:
        raise AccessDeniedError(f"{where}: the user or the password is not accepted") from error
    except WSManFaultError as error:
        said = one_line(str(error.reason or "a fault without a reason"))
        if error.code == SHELL_GONE:
            raise ShellGoneError(f"{where}: {said}") from error
        denied = error.code == ACCESS_DENIED
        raise (AccessDeniedError if denied else ConnectError)(f"{where}: {said}") from error
    except WinRMTransportError as error:
        raise ConnectError(f"{where}: the status of HTTP is {error.code}: is that a WinRM listener?") from error
    except (OSError, HTTPError) as error:
        raise ConnectError(f"{where}: {_root(error)}") from error
    # pypsrp takes for granted that it reads what it expects.
    except (
        WinRMError, ET.ParseError, struct.error, binascii.Error, ValueError, LookupError, TypeError, AttributeError,
        RecursionError, UserWarning,
    ) as error:  # fmt: skip
        raise ConnectError(f"{where}: what is answered is no PowerShell remoting") from error


def one_line(text: str) -> str:
    """Make one line of at most 300 characters of a message."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"


def _root(error: BaseException) -> str:
    """Say what lies under errors that hold each other."""
    seen: list[BaseException] = []
    below: object = error
    while isinstance(below, BaseException) and below not in seen:
        seen.append(below)
        below = getattr(below, "reason", None) or next(
            (each for each in below.args if isinstance(each, BaseException)), below.__cause__ or below.__context__
        )
    for each in reversed(seen):
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {each.verify_message}"
    last = seen[-1]
    said = last.strerror if isinstance(last, OSError) and last.strerror else str(last)
    return one_line(said or type(last).__name__)
