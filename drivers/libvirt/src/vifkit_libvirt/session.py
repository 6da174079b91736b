"""A connection to libvirt that finds it again after it was restarted."""

import threading
from collections.abc import Callable
from typing import Any

import libvirt

from vifkit import ConnectError, Credentials

from . import eventloop
from .errors import said
from .uri import Address

KEEPALIVE_SECONDS, KEEPALIVE_COUNT = 5, 3

_PROMPTS = {
    libvirt.VIR_CRED_AUTHNAME: "username",
    libvirt.VIR_CRED_USERNAME: "username",
    libvirt.VIR_CRED_PASSPHRASE: "password",
    libvirt.VIR_CRED_NOECHOPROMPT: "password",
}


class Session:
    """Gives the open virConnect. Safe to use by several threads; raises ConnectError."""

    def __init__(self, address: Address, credentials: Credentials | None) -> None:
        self.address = address
        self._credentials = credentials
        self._lock = threading.Lock()
        self._greeters: list[Callable[[Any], None]] = []
        eventloop.ensure_running()
        self._opened: Any = self._open()

    def connection(self) -> Any:
        """Give the connection, a new one where libvirtd has gone away since. Raises ConnectError."""
        with self._lock:
            if self._opened is None:
                raise ConnectError(f"the connection to {self.address.libvirt} is closed")
            if not self._alive():
                _drop(self._opened)
                self._opened = self._open()
                for greet in self._greeters:
                    greet(self._opened)
            return self._opened

    def on_open(self, greet: Callable[[Any], None]) -> None:
        """Call with the connection, now and whenever it is opened again: events are registered anew each time."""
        opened = self.connection()
        self._greeters.append(greet)
        greet(opened)

    def forget(self, greet: Callable[[Any], None]) -> None:
        """Call it no more."""
        self._greeters.remove(greet)

    def close(self) -> None:
        """Close the connection; may be called again."""
        with self._lock:
            if self._opened is not None:
                _drop(self._opened)
                self._opened = None

    def _alive(self) -> bool:
        try:
            return bool(self._opened.isAlive())
        except libvirt.libvirtError:
            return False

    def _open(self) -> Any:
        uri, readonly = self.address.libvirt, self.address.readonly
        try:
            if self._credentials is None:
                opened = libvirt.openReadOnly(uri) if readonly else libvirt.open(uri)
            else:
                flags = libvirt.VIR_CONNECT_RO if readonly else 0
                opened = libvirt.openAuth(uri, [list(_PROMPTS), _answer, self._credentials], flags)
            opened.setKeepAlive(KEEPALIVE_SECONDS, KEEPALIVE_COUNT)
        except libvirt.libvirtError as error:
            raise ConnectError(f"{uri}: {said(error)}") from error
        return opened


def _answer(asked: list[list[Any]], credentials: Credentials) -> int:
    """Fill in what libvirt asks for; -1 ends the attempt (virConnectAuthCallbackPtr)."""
    for each in asked:
        kind = each[0]
        if kind not in _PROMPTS:
            return -1
        each[4] = credentials(_PROMPTS[kind])
    return 0


def _drop(opened: Any) -> None:
    try:
        opened.close()
    except libvirt.libvirtError:
        return  # it is gone already
