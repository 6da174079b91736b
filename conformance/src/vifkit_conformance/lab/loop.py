"""A bounded loop around one socket, in a thread."""

import socket
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from .namespace import Namespace


class Loop(ABC):
    """Runs from the start of its block to the end, or for `seconds`, whichever comes first.

    An error in the loop is raised by `wait`, and at the end of the block.
    """

    def __init__(self, namespace: Namespace, seconds: float) -> None:
        self.namespace = namespace
        self.seconds = seconds
        self._stopped = threading.Event()

    @abstractmethod
    def open(self) -> socket.socket:
        """Make the socket; called inside the namespace."""

    @abstractmethod
    def run(self, opened: socket.socket) -> None:
        """Do the work for as long as `running` says."""

    @property
    def running(self) -> bool:
        """Whether the loop should go on."""
        return not self._stopped.is_set() and time.monotonic() < self._deadline

    def wait(self) -> None:
        """Wait until the loop has ended of itself."""
        self._work.result()

    def __enter__(self) -> Self:
        self._socket = self.namespace.call(self.open)
        self._thread = ThreadPoolExecutor(1)
        self._deadline = time.monotonic() + self.seconds
        self._work: Future[None] = self._thread.submit(self.run, self._socket)
        return self

    def __exit__(self, error: object, *_: object) -> None:
        self._stopped.set()
        self._thread.shutdown()
        self._socket.close()
        if error is None:
            self._work.result()
