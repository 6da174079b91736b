"""libvirt's event loop: one thread for the whole process, started before the first connection is opened."""

import threading

import libvirt

from .errors import LibvirtError

_lock = threading.Lock()
_started = False


def ensure_running() -> None:
    """Start the loop, once. Keepalive and events need it; libvirt asks that it is there before any connection.

    (virEventRegisterDefaultImpl in src/util/virevent.c.) libvirt's habit to print each error is ended as well.
    Raises LibvirtError.
    """
    global _started  # noqa: PLW0603  libvirt's own registration is one for the process, too
    with _lock:
        if _started:
            return
        libvirt.registerErrorHandler(_silent, None)
        if libvirt.virEventRegisterDefaultImpl() < 0:
            raise LibvirtError("libvirt has no event loop for this process", libvirt.VIR_ERR_INTERNAL_ERROR)
        threading.Thread(target=_run, name="libvirt-events", daemon=True).start()
        _started = True


def _run() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:  # the next call of a connection fails by itself
            threading.Event().wait(0.1)


def _silent(_: object, error: object) -> None:
    """Say nothing: each error is raised where it belongs."""
