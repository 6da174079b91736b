"""PowerShell remoting, the server's side ([MS-PSRP]): fragments to calls, and outcomes to fragments.

Nothing of pypsrp's reads or writes here but its numbers of messages: what the driver sends is read by another's eyes.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from lxml import etree
from pypsrp.messages import MessageType

from .engine import Call, Outcome
from .errors import RefusedError
from .reading import Message
from .values import clixml, escape

FRAGMENT_BYTES = 32 << 10
CLIENT = 1
OPENED, COMPLETED, FAILED = 2, 4, 5
NOBODY = UUID(int=0)


def checked_opening(messages: Sequence[Message]) -> UUID:
    """Give the RunspacePool of SESSION_CAPABILITY and INIT_RUNSPACEPOOL. Raises ValueError."""
    if [each.type for each in messages] != [MessageType.SESSION_CAPABILITY, MessageType.INIT_RUNSPACEPOOL]:
        raise ValueError("a runspace pool opens with SESSION_CAPABILITY and INIT_RUNSPACEPOOL")
    version = _members(messages[0].data).get("protocolversion")
    if str(version).split(".", maxsplit=1)[0] != "2":
        raise ValueError(f"the protocol {version} is not 2")
    return messages[0].pool


def statements(message: Message) -> Sequence[Sequence[Call]]:
    """Give the statements of a CREATE_PIPELINE, each a pipeline of commands ([MS-PSRP] 2.2.3.11). Raises ValueError.

    Statements beyond the first are in ExtraCmds, which PowerShell sends and the specification does not name.
    """
    if message.type != MessageType.CREATE_PIPELINE:
        raise ValueError("a pipeline is created by CREATE_PIPELINE")
    pipeline = _members(_members(message.data).get("PowerShell"))
    extra = pipeline.get("ExtraCmds")
    lines = [_members(each).get("Cmds") for each in extra] if isinstance(extra, list) else [pipeline.get("Cmds")]
    found = [[_call(each) for each in line] for line in lines if isinstance(line, list)]
    if not all(found) or not found:
        raise ValueError("a pipeline without commands")
    return found


def _call(command: object) -> Call:
    members = _members(command)
    given = members.get("Args")
    arguments = [_members(each) for each in given] if isinstance(given, list) else []
    return Call(
        str(members.get("Cmd")),
        [(_name(each.get("N")), each.get("V")) for each in arguments],
        members.get("IsScript") is True,
    )


def _members(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("an object with members is needed")
    return value


def opened(pool: UUID) -> bytes:
    """Say that a pool is open: SESSION_CAPABILITY, APPLICATION_PRIVATE_DATA, RUNSPACEPOOL_STATE."""
    capability = _object(
        ("Version", "protocolversion", "2.3"),
        ("Version", "PSVersion", "2.0"),
        ("Version", "SerializationVersion", "1.1.0.1"),
    )
    private = _object()
    etree.SubElement(private[0], "Nil", N="ApplicationPrivateData")
    messages = (
        (MessageType.SESSION_CAPABILITY, capability),
        (MessageType.APPLICATION_PRIVATE_DATA, private),
        (MessageType.RUNSPACEPOOL_STATE, _object(("I32", "RunspaceState", str(OPENED)))),
    )
    return b"".join(_fragments(number, kind, pool, NOBODY, body) for number, (kind, body) in enumerate(messages, 1))


def answered(pool: UUID, pipeline: UUID, outcome: Outcome, first: int) -> Iterator[bytes]:
    """Write an outcome, a message at a time; `first` is the number of the first."""
    for number, (kind, body) in enumerate(_messages(outcome), first):
        yield _fragments(number, kind, pool, pipeline, body)


def _messages(outcome: Outcome) -> Iterator[tuple[int, etree._Element]]:
    for value in outcome.output:
        yield MessageType.PIPELINE_OUTPUT, clixml(value)
    for text in outcome.warnings:
        record = _object(("S", "InformationalRecord_Message", escape(text)))
        etree.SubElement(record[0], "B", N="InformationalRecord_SerializeInvocationInfo").text = "false"
        yield MessageType.WARNING_RECORD, record
    for error in outcome.errors:
        yield MessageType.ERROR_RECORD, _record(error)
    state = _object(("I32", "PipelineState", str(FAILED if outcome.failure else COMPLETED)))
    if outcome.failure:
        record = _record(outcome.failure)
        record.set("N", "ExceptionAsErrorRecord")
        state[0].append(record)
    yield MessageType.PIPELINE_STATE, state


def _record(error: RefusedError) -> etree._Element:
    """Write an ErrorRecord ([MS-PSRP] 2.2.3.15)."""
    record = etree.Element("Obj", RefId="1")
    names = etree.SubElement(record, "TN", RefId="0")
    for name in ("System.Management.Automation.ErrorRecord", "System.Object"):
        etree.SubElement(names, "T").text = name
    etree.SubElement(record, "ToString").text = escape(error.message)
    members = etree.SubElement(record, "MS")
    exception = etree.SubElement(members, "Obj", RefId="2", N="Exception")
    names = etree.SubElement(exception, "TN", RefId="1")
    for name in (f"Microsoft.HyperV.PowerShell.{error.reason}", "System.Exception", "System.Object"):
        etree.SubElement(names, "T").text = name
    etree.SubElement(exception, "ToString").text = escape(f"{error.reason}: {error.message}")
    etree.SubElement(etree.SubElement(exception, "Props"), "S", N="Message").text = escape(error.message)
    etree.SubElement(members, "Nil", N="TargetObject")
    for tag, name, text in (
        ("S", "FullyQualifiedErrorId", error.id),
        ("I32", "ErrorCategory_Category", str(int(error.category))),
        ("S", "ErrorCategory_Activity", ""),
        ("S", "ErrorCategory_Reason", error.reason),
        ("S", "ErrorCategory_Message", f"{error.category.name}: (:) [], {error.reason}"),
        ("B", "SerializeExtendedInfo", "false"),
    ):
        etree.SubElement(members, tag, N=name).text = text
    return record


def _object(*members: tuple[str, str, str]) -> etree._Element:
    element = etree.Element("Obj", RefId="0")
    extended = etree.SubElement(element, "MS")
    for tag, name, text in members:
        etree.SubElement(extended, tag, N=name).text = text
    return element


def _fragments(number: int, kind: int, pool: UUID, pipeline: UUID, body: etree._Element) -> bytes:
    message = (
        struct.pack("<II", CLIENT, kind)
        + pool.bytes_le
        + pipeline.bytes_le
        + b"\xef\xbb\xbf"
        + etree.tostring(body, encoding="utf-8")
    )
    pieces = [message[start : start + FRAGMENT_BYTES] for start in range(0, len(message), FRAGMENT_BYTES)]
    last = len(pieces) - 1
    return b"".join(
        struct.pack(">QQBI", number, place, (place == 0) | (place == last) << 1, len(piece)) + piece
        for place, piece in enumerate(pieces)
    )


def _name(name: object) -> str | None:
    """A parameter's name, which may be sent as '-Name' and as '-Name:'."""
    return None if name is None else str(name).lstrip("-").rstrip(":")
