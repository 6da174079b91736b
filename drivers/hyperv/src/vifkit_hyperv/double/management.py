"""WS-Management with the shell of [MS-WSMV] 3.1.4: Create, Command, Send, Receive, Signal, Delete.

Whatever else is asked is refused by a fault. Codes of faults are those of wsmerror.h.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from lxml import etree

from vifkit import VifkitError, safe_xml

from . import remoting
from .catalogue import COMMANDS
from .engine import run
from .host import Host
from .reading import Incoming

S, A, W, R, T = (
    "http://www.w3.org/2003/05/soap-envelope",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "http://schemas.xmlsoap.org/ws/2004/09/transfer",
)
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
POWERSHELL = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
ANSWER_BYTES = 300_000
"""Of output in one answer: what base64 makes of it stays below the 500 KB that a client takes."""

UNEXPECTED_SELECTORS, TIMED_OUT, BAD_REQUEST, UNSUPPORTED = 0x8033805B, 0x80338029, 0x80338041, 0x80338000


class FaultError(Exception):
    """What is refused, by a code and a text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Shell:
    """One runspace pool, and what waits to be received from it and from its pipelines."""

    pool: UUID
    incoming: Incoming
    waiting: list[bytes]
    pipelines: dict[str, list[bytes]] = field(default_factory=dict)
    messages: int = 10


class Management:
    """The shells of a host, and what is asked of them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.shells: dict[str, Shell] = {}
        self.calls = 0
        """How many pipelines were run."""
        self._verbs: Mapping[str, Callable[[etree._Element, etree._Element], etree._Element]] = {
            f"{T}/Create": self._create,
            f"{R}/Command": self._command,
            f"{R}/Send": self._send,
            f"{R}/Receive": self._receive,
            f"{R}/Signal": self._signal,
            f"{T}/Delete": self._delete,
        }

    def answer(self, request: bytes) -> tuple[int, bytes]:
        """Answer an envelope: the status of HTTP, and an envelope."""
        message = ""
        try:
            try:
                envelope = safe_xml.parse(request)
            except VifkitError as error:
                raise FaultError(BAD_REQUEST, str(error)) from error
            header, body = envelope.find(f"{{{S}}}Header"), envelope.find(f"{{{S}}}Body")
            if header is None or body is None:
                raise FaultError(BAD_REQUEST, "no header, or no body")
            message = header.findtext(f"{{{A}}}MessageID", "")
            action = header.findtext(f"{{{A}}}Action", "").strip()
            if action not in self._verbs:
                raise FaultError(UNSUPPORTED, f"the action {action} is not known")
            if header.findtext(f"{{{W}}}ResourceURI", "").strip() != POWERSHELL:
                raise FaultError(UNSUPPORTED, "the resource URI is not known")
            with self.host.lock:
                return 200, _envelope(message, f"{action}Response", self._verbs[action](header, body))
        except ValueError as error:
            return 500, _fault(message, FaultError(BAD_REQUEST, str(error)))
        except FaultError as error:
            return 500, _fault(message, error)

    def _create(self, _header: etree._Element, body: etree._Element) -> etree._Element:
        content = body.findtext(f"{{{R}}}Shell/{{http://schemas.microsoft.com/powershell}}creationXml")
        if content is None:
            raise FaultError(BAD_REQUEST, "no creationXml")
        incoming = Incoming()
        pool = remoting.checked_opening(incoming.messages(base64.b64decode(content)))
        name = (body[0].get("ShellId") or str(uuid4())).upper()
        self.shells[name] = Shell(pool, incoming, [remoting.opened(pool)])
        created = etree.Element(f"{{{S}}}Body")
        reference = etree.SubElement(created, f"{{{T}}}ResourceCreated")
        etree.SubElement(reference, f"{{{A}}}Address").text = f"{A}/role/anonymous"
        parameters = etree.SubElement(reference, f"{{{A}}}ReferenceParameters")
        etree.SubElement(parameters, f"{{{W}}}ResourceURI").text = POWERSHELL
        selectors = etree.SubElement(parameters, f"{{{W}}}SelectorSet")
        etree.SubElement(selectors, f"{{{W}}}Selector", Name="ShellId").text = name
        shell = etree.SubElement(created, f"{{{R}}}Shell")
        for tag, text in (("ShellId", name), ("ResourceUri", POWERSHELL), ("IdleTimeOut", "PT7200.000S")):
            etree.SubElement(shell, f"{{{R}}}{tag}").text = text
        return created

    def _command(self, header: etree._Element, body: etree._Element) -> etree._Element:
        shell = self._shell(header)
        line = _child(body, "CommandLine")
        name = (line.get("CommandId") or str(uuid4())).upper()
        shell.pipelines[name] = []
        self._feed(shell, name, line.findtext(f"{{{R}}}Arguments", ""))
        response = etree.Element(f"{{{S}}}Body")
        etree.SubElement(etree.SubElement(response, f"{{{R}}}CommandResponse"), f"{{{R}}}CommandId").text = name
        return response

    def _send(self, header: etree._Element, body: etree._Element) -> etree._Element:
        shell = self._shell(header)
        stream = _child(_child(body, "Send"), "Stream")
        name = (stream.get("CommandId") or "").upper()
        if name not in shell.pipelines:
            raise FaultError(BAD_REQUEST, "no command of this identifier")
        self._feed(shell, name, stream.text or "")
        response = etree.Element(f"{{{S}}}Body")
        etree.SubElement(response, f"{{{R}}}SendResponse")
        return response

    def _feed(self, shell: Shell, name: str, data: str) -> None:
        """Take fragments; a pipeline that is complete runs at once."""
        for message in shell.incoming.messages(base64.b64decode(data)):
            statements = remoting.statements(message)
            self.calls += 1
            outcome = run(self.host, COMMANDS, statements)
            written = list(remoting.answered(shell.pool, message.pipeline, outcome, shell.messages))
            shell.messages += len(written)
            shell.pipelines[name] += written

    def _receive(self, header: etree._Element, body: etree._Element) -> etree._Element:
        shell = self._shell(header)
        name = (_child(_child(body, "Receive"), "DesiredStream").get("CommandId") or "").upper()
        if name and name not in shell.pipelines:
            raise FaultError(BAD_REQUEST, "no command of this identifier")
        waiting = shell.pipelines[name] if name else shell.waiting
        if not waiting:
            text = (
                "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
            )
            raise FaultError(TIMED_OUT, text)
        data = b""
        while waiting and (not data or len(data) + len(waiting[0]) < ANSWER_BYTES):
            data += waiting.pop(0)
        answer = etree.Element(f"{{{S}}}Body")
        response = etree.SubElement(answer, f"{{{R}}}ReceiveResponse")
        stream = etree.SubElement(response, f"{{{R}}}Stream", Name="stdout")
        stream.text = base64.b64encode(data).decode()
        if name:
            stream.set("CommandId", name)
            state = "Running" if waiting else "Done"
            etree.SubElement(response, f"{{{R}}}CommandState", CommandId=name, State=f"{R}/CommandState/{state}")
        return answer

    def _signal(self, header: etree._Element, body: etree._Element) -> etree._Element:
        signal = _child(body, "Signal")
        self._shell(header).pipelines.pop((signal.get("CommandId") or "").upper(), None)
        response = etree.Element(f"{{{S}}}Body")
        etree.SubElement(response, f"{{{R}}}SignalResponse")
        return response

    def _delete(self, header: etree._Element, _body: etree._Element) -> etree._Element:
        self._shell(header)
        self.shells.pop(_selected(header))
        return etree.Element(f"{{{S}}}Body")

    def _shell(self, header: etree._Element) -> Shell:
        found = self.shells.get(_selected(header))
        if found is None:
            text = "The request for the Windows Remote Shell failed because the shell was not found on the server."
            raise FaultError(UNEXPECTED_SELECTORS, text)
        return found


def _selected(header: etree._Element) -> str:
    selectors = header.iterfind(f"{{{W}}}SelectorSet/{{{W}}}Selector")
    return next((each.text or "" for each in selectors if each.get("Name") == "ShellId"), "").upper()


def _child(parent: etree._Element, tag: str) -> etree._Element:
    found = parent.find(f"{{{R}}}{tag}")
    if found is None:
        raise FaultError(BAD_REQUEST, f"no {tag}")
    return found


def _envelope(message: str, action: str, body: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{S}}}Envelope", nsmap={"s": S, "a": A, "w": W, "rsp": R, "x": T})
    header = etree.SubElement(envelope, f"{{{S}}}Header")
    etree.SubElement(header, f"{{{A}}}Action").text = action
    etree.SubElement(header, f"{{{A}}}MessageID").text = f"uuid:{uuid4()}".upper().replace("UUID", "uuid")
    etree.SubElement(header, f"{{{A}}}To").text = f"{A}/role/anonymous"
    etree.SubElement(header, f"{{{A}}}RelatesTo").text = message
    envelope.append(body)
    return etree.tostring(envelope, encoding="utf-8")


def _fault(message: str, error: FaultError) -> bytes:
    body = etree.Element(f"{{{S}}}Body")
    fault = etree.SubElement(body, f"{{{S}}}Fault")
    code = etree.SubElement(fault, f"{{{S}}}Code")
    etree.SubElement(code, f"{{{S}}}Value").text = "s:Receiver"
    etree.SubElement(etree.SubElement(fault, f"{{{S}}}Reason"), f"{{{S}}}Text").text = str(error)
    detail = etree.SubElement(etree.SubElement(fault, f"{{{S}}}Detail"), f"{{{FAULT}}}WSManFault", Code=str(error.code))
    etree.SubElement(detail, f"{{{FAULT}}}Message").text = str(error)
    return _envelope(message, f"{W}/fault", body)
