"""One event loop a process, in a thread of its own, for callers that know of none."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Do it in the loop, and give what it gives; who is interrupted cancels it."""
    future = asyncio.run_coroutine_threadsafe(work, _loop(os.getpid()))
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


_guard = threading.Lock()


def _loop(process: int) -> asyncio.AbstractEventLoop:
    with _guard:
        return _started(process)


@cache
def _started(_process: int) -> asyncio.AbstractEventLoop:
    """Start a loop; a child that was forked starts its own, as its parent's thread is not there."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="vifkit-powervm", daemon=True).start()
    return loop
