"""One event loop a process, in a thread of its own, for callers that know of none."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_guard = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a child that was forked has not its parent's thread


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Do it in the loop, and give what it gives; who is interrupted cancels it."""
    with _guard:
        if (loop := _loops.get(os.getpid())) is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="vifkit-powervm", daemon=True).start()
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
