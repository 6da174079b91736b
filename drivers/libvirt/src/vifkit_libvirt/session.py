"""A connection to libvirt that finds it again after it was restarted."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import libvirt

from vifkit import ConnectError, Credentials

from . import eventloop
from .errors import translation
from .opening import Opening
from .uri import Address


class Session:
    """Gives the open virConnect. Safe to use by several threads; raises ConnectError."""

    def __init__(self, address: Address, credentials: Credentials | None) -> None:
        self.address = address
        self._credentials = credentials
        self._lock = threading.RLock()
        self._greeters: list[Callable[[Any], None]] = []
        self._closed = False
        self._opened: Any = None
        self._opening: Opening | None = None
        eventloop.ensure_running()
        self.connection()

    def connection(self) -> Any:
        """Give the connection, a new one where libvirtd has gone away since. Raises ConnectError."""
        with self._lock:
            if self._is_open():
                return self._opened
            opening = self._opening = self._opening or Opening(self.address, self._credentials)
        try:
            opened = opening.wait()
        except BaseException:
            with self._lock:
                if self._opening is opening and opening.ended:
                    self._opening = None
            raise
        with self._lock:
            if self._opening is opening:
                self._opening = None
                self._adopt(opened)
            return self._opened if self._is_open() else opened

    def on_open(self, greet: Callable[[Any], None]) -> None:
        """Call with the connection, now and whenever it is opened again: events are registered anew each time."""
        with self._lock:
            greet(self.connection())
            self._greeters.append(greet)

    def forget(self, greet: Callable[[Any], None]) -> None:
        """Call it no more."""
        with self._lock:
            self._greeters.remove(greet)

    def close(self) -> None:
        """Close the connection; may be called again."""
        with self._lock:
            self._closed = True
            self._opening = None
            self._drop()

    def _is_open(self) -> bool:
        if self._closed:
            raise ConnectError(f"the connection to {self.address.libvirt} is closed")
        if self._opened is None:
            return False
        with suppress(libvirt.libvirtError):
            if self._opened.isAlive():
                return True
        self._drop()
        return False

    def _adopt(self, opened: Any) -> None:
        self._opened = opened
        try:
            for greet in self._greeters:
                greet(opened)
        except libvirt.libvirtError as error:
            self._drop()
            raise translation(error) from error

    def _drop(self) -> None:
        """Let go of the connection; libvirt closes it when its last user does.

        virConnectClose would free it under a thread that is in the middle of a call. What is registered would keep
        it open (virObjectEventStateRegisterID holds a reference), and is taken back first.
        """
        opened, self._opened = self._opened, None
        if opened is None:
            return
        for number in list(getattr(opened, "domainEventCallbackID", ())):
            with suppress(libvirt.libvirtError):
                opened.domainEventDeregisterAny(number)
        with suppress(libvirt.libvirtError):
            opened.unregisterCloseCallback()
