"""A session with vCenter or ESX: each call ends in time, gets no more than it can hold, and fails with our errors."""

import io
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from vifkit import AccessDeniedError, BackendError, ConnectError, VifkitError
from vifkit_base.command import first_line

from .api import SoapResponseDeserializer, SoapStubAdapter, vim, vmodl

CALL_SECONDS = 60.0
TASK_SECONDS = 300.0
LIMIT_BYTES = 8 << 20
"""The largest answer that is read."""
API = "vim.version.version11"
"""What is spoken: the API of vSphere 6.5, which every later release understands."""
Properties = Mapping[Any, Sequence[str]]
_query = vmodl.query.PropertyCollector


class FaultError(BackendError):
    """A vSphere has refused a call; `fault` is its word."""

    def __init__(self, fault: Any) -> None:
        super().__init__(f"vSphere: {first_line(str(fault.msg or '')) or 'no reason given'} ({_kind(fault)})")
        self.fault = fault


class Session:
    """Somebody logged in. Raises ConnectError for a peer that is none, does not answer or lets nobody in."""

    def __init__(self, host: str, port: int, user: str, password: str, context: ssl.SSLContext) -> None:
        self._stub = _Stub(host, port, context)
        with ExitStack() as undo:
            undo.callback(self._stub.DropConnections)
            self.content: Any = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
            opened: Any = None
            if isinstance(self.content, vim.ServiceInstanceContent) and self.content.sessionManager is not None:
                try:
                    opened = self.content.sessionManager.Login(user, password)
                except FaultError as error:
                    raise ConnectError(f"{self._stub.host}: {user!r} was not let in: {error}") from error
            if not isinstance(opened, vim.UserSession):
                raise ConnectError(f"{self._stub.host}: what answers is no vSphere")
            undo.pop_all()

    def close(self) -> None:
        """Log out; may be called again."""
        with suppress(VifkitError):
            self.content.sessionManager.Logout()
        self._stub.DropConnections()

    def read(self, objects: Sequence[Any], properties: Properties) -> list[tuple[Any, dict[str, Any]]]:
        """Read properties of objects, by type, as many at a time as fit into an answer."""
        spec = _query.FilterSpec(
            objectSet=list(objects),
            propSet=[_query.PropertySpec(type=kind, pathSet=list(paths)) for kind, paths in properties.items()],
        )
        # A virtual machine with its devices is 7 KiB and more, without them it is 1 or 2.
        devices = any("config.hardware.device" in paths for paths in properties.values())
        collector: Any = self.content.propertyCollector
        page = collector.RetrievePropertiesEx([spec], _query.RetrieveOptions(maxObjects=250 if devices else 4000))
        found = []
        while page is not None:
            found += [(each.obj, {held.name: held.val for held in each.propSet}) for each in page.objects]
            page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None
        return found

    def get(self, managed: Any, *paths: str, maybe: Sequence[str] = ()) -> Mapping[str, Any]:
        """Read properties of one object, and those that it may have. Raises BackendError where one is not told."""
        found = self.read([obj(managed)], {type(managed): (*paths, *maybe)})
        has: Mapping[str, Any] = found[0][1] if found else {}
        for path in paths:
            if path not in has:
                raise BackendError(f"vSphere does not tell {path} of {managed._GetMoId()}: gone, or not allowed")
        return has

    def run(self, task: Any) -> Any:
        """Wait for a task, and give its result. Raises FaultError as the task failed, BackendError after 300 s."""
        if not isinstance(task, vim.Task):
            raise ConnectError("what answers is no vSphere: a task was expected")
        end, pause = time.monotonic() + TASK_SECONDS, 0.02
        while True:
            info = self.get(task, "info.state", maybe=("info.error", "info.result"))
            if info["info.state"] == vim.TaskInfo.State.error:
                raise FaultError(info["info.error"])
            if info["info.state"] == vim.TaskInfo.State.success:
                return info.get("info.result")
            if time.monotonic() > end:
                raise BackendError(f"vSphere has not ended its task {task._GetMoId()} within {TASK_SECONDS:g} s")
            time.sleep(pause)
            pause = min(pause * 2, 1.0)


def obj(managed: Any, *ways: tuple[Any, str], skip: bool = False) -> Any:
    """Select an object, and those that it leads to by (type, property)."""
    selection = [_query.TraversalSpec(type=kind, path=path, skip=False) for kind, path in ways[::-1]]
    for outer, inner in zip(selection[1:], selection, strict=False):
        outer.selectSet = [inner]
    return _query.ObjectSpec(obj=managed, skip=skip, selectSet=selection[-1:])


class _Stub(SoapStubAdapter):  # type: ignore[misc]  # it has no type
    """The one place where a vSphere is spoken to, and where anybody else's errors become ours."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        timeout, idle = CALL_SECONDS, 20  # others close a connection that rests for long
        super().__init__(
            host, port, version=API, sslContext=context, httpConnectionTimeout=timeout, connectionPoolTimeout=idle
        )
        self.scheme = _Connection
        self.cookie: str = ""

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:
        """Call, and translate what fails."""
        try:
            status, body = self._post(self.SerializeRequest(mo, info, args))
            if status not in (200, 500) or not body.rstrip().endswith(b"Envelope>"):
                raise HTTPException(f"what answers is no vSphere: status {status}, {len(body)} bytes")
            result = SoapResponseDeserializer(outerStub or self).Deserialize(body, info.result)
        except (OSError, HTTPException) as error:
            said = first_line(str(error)) or type(error).__name__
            raise ConnectError(f"{self.host}: {said}") from error
        except Exception as error:  # what pyVmomi raises for garbage may be anything
            raise ConnectError(f"{self.host}: what answers is no vSphere: {first_line(repr(error))}") from error
        if status == 200:
            return result
        if isinstance(result, vim.fault.NotAuthenticated):
            raise ConnectError(f"{self.host}: the session has ended: {_kind(result)}") from result
        if isinstance(result, vmodl.fault.SecurityError):
            raise AccessDeniedError(f"{self.host} does not allow {info.name}: {_kind(result)}") from result
        raise FaultError(result)

    def _post(self, request: bytes) -> tuple[int, bytes]:
        """Read the whole answer before it is parsed: expat takes its time for garbage that comes in small parts."""
        connection = self.GetConnection()
        try:
            connection.request("POST", self.path, request, {"Content-Type": "text/xml", "Cookie": self.cookie})
            answer = connection.getresponse()
            body = answer.read()
        except BaseException:
            connection.close()
            self.DropConnections()
            raise
        self.cookie = answer.getheader("Set-Cookie") or self.cookie
        self.ReturnConnection(connection)
        return answer.status, body


def _kind(fault: Any) -> str:
    return type(fault).__name__.rpartition(".")[2]


class _Answer(HTTPResponse):
    """An answer that must be here, to its last byte, at a set time."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(sock, self.fp.detach()))


class _Connection(HTTPSConnection):
    response_class = _Answer


class _Bounded(io.RawIOBase):
    def __init__(self, sock: Any, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._end = time.monotonic() + CALL_SECONDS
        self._left = LIMIT_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {CALL_SECONDS:g} s")
        self._sock.settimeout(left)
        got = self._raw.readinto(buffer) or 0
        self._left -= got
        if self._left < 0:
            raise OSError(f"an answer of more than {LIMIT_BYTES} bytes")
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()
