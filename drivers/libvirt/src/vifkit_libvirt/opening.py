"""Opens libvirt in bounded time, with the credentials that it asks for."""

import errno
import threading
from concurrent.futures import Future
from typing import Any

import libvirt

from vifkit import ConnectError, Credentials

from .errors import said
from .uri import Address

SECONDS = 20.0
"""How long libvirt may take to answer, what a person takes to give credentials not counted."""
KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 5, 3
"""An answer that is owed for longer than seconds x (count + 1) never comes (virConnectSetKeepAlive)."""
OLDEST = 7_006_000
"""The first libvirt that gives Open vSwitch a QoS (src/util/virnetdevopenvswitch.c); older ones run tc on its ports."""

_PROMPTS = {
    libvirt.VIR_CRED_AUTHNAME: "username",
    libvirt.VIR_CRED_USERNAME: "username",
    libvirt.VIR_CRED_PASSPHRASE: "password",
    libvirt.VIR_CRED_NOECHOPROMPT: "password",
}


class Opening:
    """One attempt. It has a thread of its own, as libvirt waits for ever for a libvirtd that is there but frozen.

    Whoever waits for it may give up, and wait again.
    """

    def __init__(self, address: Address, credentials: Credentials | None) -> None:
        self._uri = address.libvirt
        self._readonly = address.readonly
        self._credentials = credentials
        self._trouble: BaseException | None = None
        self._asking = False
        self._opened: Future[Any] = Future()
        threading.Thread(target=self._run, name="libvirt-opening", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether it has succeeded or failed."""
        return self._opened.done()

    def wait(self) -> Any:
        """Give the virConnect. Raises ConnectError."""
        while True:
            try:
                return self._opened.result(SECONDS)
            except TimeoutError as error:
                if not self._asking:
                    raise ConnectError(f"{self._uri}: libvirt has not answered in {SECONDS:g} s") from error

    def _run(self) -> None:
        try:
            self._opened.set_result(self._open())
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits
            self._opened.set_exception(error)

    def _open(self) -> Any:
        try:
            opened = self._connect()
            opened.setKeepAlive(KEEPALIVE_SECONDS, KEEPALIVE_COUNT)
            version = opened.getLibVersion()
        except libvirt.libvirtError as error:
            if self._trouble is not None:
                raise ConnectError(f"{self._uri}: no credentials: {self._trouble}") from self._trouble
            raise ConnectError(f"{self._uri}: {said(error)}{self._advice(error)}") from error
        if version < OLDEST:
            raise ConnectError(f"{self._uri}: this is libvirt {figures(version)}; {figures(OLDEST)} or later is needed")
        return opened

    def _connect(self) -> Any:
        if self._credentials is None:
            return (libvirt.openReadOnly if self._readonly else libvirt.open)(self._uri)
        flags = libvirt.VIR_CONNECT_RO if self._readonly else 0
        return libvirt.openAuth(self._uri, [list(_PROMPTS), self._answer, self._credentials], flags)

    def _answer(self, asked: list[list[Any]], credentials: Credentials) -> int:
        """Fill in what libvirt asks for (virConnectAuthCallbackPtr); -1 ends the attempt."""
        answers: dict[str, str] = {}
        self._asking = True
        try:
            for each in asked:
                prompt = _PROMPTS[each[0]]
                if prompt not in answers:
                    answers[prompt] = credentials(prompt)
                each[4] = answers[prompt]
        except BaseException as error:  # noqa: BLE001  libvirt's binding would print it, and go on without
            self._trouble = error
            return -1
        finally:
            self._asking = False
        return 0

    def _advice(self, error: libvirt.libvirtError) -> str:
        if error.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR and error.get_int1() == errno.EACCES:
            return "; root may, and the members of the socket's group, which often is libvirt"
        if (
            error.get_error_code() == libvirt.VIR_ERR_AUTH_FAILED
            and self._credentials is None
            and "SASL" in said(error)
        ):
            return "; credentials are needed"
        return ""


def figures(number: int) -> str:
    """Write libvirt's version numbers: 1,000,000 x major + 1,000 x minor + release (virGetVersion)."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
