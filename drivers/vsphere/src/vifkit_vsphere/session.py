"""A session with vCenter or ESX: each call ends in time, gets no more than it can hold, and fails with our errors."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from vifkit import AccessDeniedError, BackendError, ConnectError, VifkitError
from vifkit_base.command import first_line
from vifkit_base.https import Peer

from .api import SoapResponseDeserializer, SoapStubAdapter, vim, vmodl

CALL_SECONDS = 60.0
TASK_SECONDS = 300.0
API = "vim.version.version11"
"""What is spoken: the API of vSphere 6.5, which every later release understands."""
_query = vmodl.query.PropertyCollector


class FaultError(BackendError):
    """A vSphere has refused a call; `fault` is its word."""

    def __init__(self, fault: Any) -> None:
        said = first_line(str(fault.msg or "")) or "no reason given"
        if isinstance(fault, vim.fault.ConcurrentAccess):
            said = "somebody else has changed it at the same time, and this change was not made"
        super().__init__(f"vSphere: {said} ({_kind(fault)})")
        self.fault = fault


class Session:
    """Somebody logged in. Raises ConnectError for a peer that is none, does not answer or lets nobody in."""

    def __init__(self, peer: Peer, user: str, password: str) -> None:
        self._peer = peer
        with ExitStack() as undo:
            undo.callback(peer.close)
            self.content: Any = vim.ServiceInstance("ServiceInstance", _Stub(peer)).RetrieveContent()
            manager = getattr(self.content, "sessionManager", None)
            try:
                opened = manager and manager.Login(user, password)
            except FaultError as error:
                raise ConnectError(f"{peer.name}: {user!r} was not let in: {error}") from error
            if not isinstance(opened, vim.UserSession):
                raise ConnectError(f"{peer.name}: what answers is no vSphere")
            undo.pop_all()

    def close(self) -> None:
        """Log out; may be called again."""
        with suppress(VifkitError):
            self.content.sessionManager.Logout()
        self._peer.close()

    def read(self, objects: Sequence[Any], kind: Any, *paths: str) -> Sequence[tuple[Any, Mapping[str, Any]]]:
        """Read properties of all selected objects of a kind, as many at a time as fit into an answer."""
        if not objects:
            return []
        properties = _query.PropertySpec(type=kind, pathSet=list(paths))
        # A virtual machine with its devices is 7 KiB and more, without them it is 1 or 2.
        most = _query.RetrieveOptions(maxObjects=250 if "config.hardware.device" in paths else 4000)
        collector: Any = self.content.propertyCollector
        page = collector.RetrievePropertiesEx([_query.FilterSpec(objectSet=list(objects), propSet=[properties])], most)
        found = []
        while page is not None:
            found += [(each.obj, {held.name: held.val for held in each.propSet}) for each in page.objects]
            page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None
        return found

    def wait(self, task: Any) -> None:
        """Wait for a task to end. Raises FaultError as the task failed, BackendError after 300 s."""
        if not isinstance(task, vim.Task):
            raise ConnectError("what answers is no vSphere: a task was expected")
        end, pause = time.monotonic() + TASK_SECONDS, 0.02
        while (info := task.info).state != vim.TaskInfo.State.success:
            if info.state == vim.TaskInfo.State.error:
                raise FaultError(info.error)
            if time.monotonic() > end:
                raise BackendError(f"vSphere has not ended its task {task._GetMoId()} within {TASK_SECONDS:g} s")
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def select(managed: Any, path: str | None = None) -> Any:
    """Select an object, or those that a property of it leads to."""
    if path is None:
        return _query.ObjectSpec(obj=managed)
    ways = [_query.TraversalSpec(type=type(managed), path=path, skip=False)]
    return _query.ObjectSpec(obj=managed, skip=True, selectSet=ways)


class _Stub(SoapStubAdapter):  # type: ignore[misc]  # it has no type
    """The one place where a vSphere is spoken to, and where anybody else's errors become ours."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(version=API)
        self._peer = peer
        self.cookie: str = ""

    def InvokeMethod(self, mo: Any, info: Any, args: Any) -> Any:
        """Call, and translate what fails."""
        headers = {"Content-Type": "text/xml", "Cookie": self.cookie}
        answer = self._peer.post("/sdk", self.SerializeRequest(mo, info, args), headers)
        if answer.status not in (200, 500) or not answer.body.rstrip().endswith(b"Envelope>"):
            said = f"status {answer.status}, {len(answer.body)} bytes"
            raise ConnectError(f"{self._peer.name}: what answers is no vSphere: {said}")
        self.cookie = answer.headers.get("Set-Cookie") or self.cookie
        try:
            result = SoapResponseDeserializer(self).Deserialize(answer.body, info.result)
        except Exception as error:  # what pyVmomi raises for garbage may be anything
            raise ConnectError(f"{self._peer.name}: what answers is no vSphere: {first_line(repr(error))}") from error
        if answer.status == 200:
            return result
        if isinstance(result, vim.fault.NotAuthenticated):
            raise ConnectError(f"{self._peer.name}: the session has ended: {_kind(result)}") from result
        if isinstance(result, vmodl.fault.SecurityError):
            raise AccessDeniedError(f"{self._peer.name} does not allow {info.name}: {_kind(result)}") from result
        raise FaultError(result)

    def InvokeAccessor(self, mo: Any, info: Any) -> Any:
        """Read a property. Raises BackendError where it is not told."""
        value = super().InvokeAccessor(mo, info)
        if value is None:
            raise BackendError(f"vSphere does not tell {info.name} of {mo._GetMoId()}: gone, or not allowed")
        return value


def _kind(fault: Any) -> str:
    return type(fault).__name__.rpartition(".")[2]
