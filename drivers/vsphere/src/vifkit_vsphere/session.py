"""A session with vCenter or ESX: each call ends in time, gets no more than it can hold, and fails with our errors."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from vifkit import AccessDeniedError, BackendError, ConnectError, DomainExistsError, VifkitError
from vifkit_base.command import first_line
from vifkit_base.https import Peer
from vifkit_base.overtaken import OvertakenError
from vifkit_base.waiting import moments

from .api import SoapResponseDeserializer, SoapStubAdapter, vim, vmodl

CALL_SECONDS = 60.0
TASK_SECONDS = 300.0
API = "vim.version.version11"
"""What is spoken: the API of vSphere 6.5, which every later release understands."""
_query = vmodl.query.PropertyCollector
_fault = vim.fault
_THERE_OR_GONE = _fault.AlreadyExists, _fault.DuplicateName, _fault.NotFound, vmodl.fault.ManagedObjectNotFound
_OVERTAKEN = *_THERE_OR_GONE, _fault.ConcurrentAccess, _fault.InvalidPowerState, _fault.ResourceInUse
"""Said where nothing was done, as something is not what it was when the driver looked at it."""


def failure(fault: Any) -> VifkitError:
    """Say what a vSphere has refused: DomainExistsError, OvertakenError or BackendError."""
    if isinstance(fault, vim.fault.DuplicateName) and not fault.name.startswith("vifkit-"):
        return DomainExistsError(fault.name)  # a template's may be in the way, which is no domain
    said = f"vSphere: {first_line(str(fault.msg or '')) or 'no reason given, see its events'} ({_kind(fault)})"
    return OvertakenError(said) if isinstance(fault, _OVERTAKEN) else BackendError(said)


class Session:
    """What is said to a vSphere. Raises ConnectError for a peer that is none, or does not answer."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.content: Any = None

    def login(self, user: str, password: str) -> None:
        """Log in. Raises ConnectError where nobody is let in."""
        self.content = vim.ServiceInstance("ServiceInstance", _Stub(self._peer)).RetrieveContent()
        manager = getattr(self.content, "sessionManager", None)
        try:
            opened = manager and manager.Login(user, password)
        except BackendError as error:
            raise ConnectError(f"{self._peer.name}: {user!r} was not let in: {error}") from error
        if not isinstance(opened, vim.UserSession):
            raise ConnectError(f"{self._peer.name}: what answers is no vSphere")

    def close(self) -> None:
        """Log out; may be called again."""
        with suppress(VifkitError, AttributeError):  # who has not come in has no way out
            self.content.sessionManager.Logout()
        self._peer.close()

    def read(self, objects: Sequence[Any], kind: Any, *paths: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        """Read properties of all selected objects of a kind, as many at a time as fit into an answer."""
        if not objects:
            return
        properties = _query.PropertySpec(type=kind, pathSet=list(paths))
        # A virtual machine with its devices is 7 KiB and more, without them it is 1 or 2.
        most = _query.RetrieveOptions(maxObjects=250 if "config.hardware.device" in paths else 4000)
        collector: Any = self.content.propertyCollector
        page = collector.RetrievePropertiesEx([_query.FilterSpec(objectSet=list(objects), propSet=[properties])], most)
        while page is not None:
            yield from ((each.obj, {held.name: held.val for held in each.propSet}) for each in page.objects)
            page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None

    def wait(self, task: Any) -> None:
        """Wait for a task to end. Raises BackendError as it failed, or after 300 s."""
        if not isinstance(task, vim.Task):
            raise ConnectError("what answers is no vSphere: a task was expected")
        for _ in moments(TASK_SECONDS):
            info = task.info
            if info.state == vim.TaskInfo.State.success:
                return
            if info.state == vim.TaskInfo.State.error:
                raise failure(info.error) from info.error
        raise BackendError(f"vSphere has not ended its task {task._GetMoId()} within {TASK_SECONDS:g} s")


def select(managed: Any, path: str | None = None) -> Any:
    """Select an object, or those that a property of it leads to."""
    ways = [_query.TraversalSpec(type=type(managed), path=path, skip=False)] if path else []
    return _query.ObjectSpec(obj=managed, skip=bool(path), selectSet=ways)


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
        self.cookie = answer.headers.get("Set-Cookie") or self.cookie
        try:
            if answer.status not in (200, 500) or not answer.body.rstrip().endswith(b"Envelope>"):
                raise ValueError(f"status {answer.status}, {len(answer.body)} bytes")
            result = SoapResponseDeserializer(self).Deserialize(answer.body, info.result)
        except Exception as error:  # what pyVmomi raises for garbage may be anything
            raise ConnectError(f"{self._peer.name}: what answers is no vSphere: {first_line(repr(error))}") from error
        if answer.status == 200:
            return result
        view_gone = isinstance(getattr(result, "obj", None), vim.view.View)  # which nothing but its session's end takes
        if view_gone or isinstance(result, vim.fault.NotAuthenticated):
            raise ConnectError(f"{self._peer.name}: the session has ended: {_kind(result)}") from result
        if isinstance(result, vmodl.fault.SecurityError):
            raise AccessDeniedError(f"{self._peer.name} does not allow {info.name}: {_kind(result)}") from result
        raise failure(result) from result

    def InvokeAccessor(self, mo: Any, info: Any) -> Any:
        """Read a property. Raises BackendError where it is not told."""
        if (value := super().InvokeAccessor(mo, info)) is None:
            raise BackendError(f"vSphere does not tell {info.name} of {mo._GetMoId()}: gone, or not allowed")
        return value


def _kind(fault: Any) -> str:
    return type(fault).__name__.rpartition(".")[2]
