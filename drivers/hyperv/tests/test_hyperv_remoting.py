"""The double speaks PowerShell remoting as [MS-PSRP] and [MS-WSMV] have it: the texts here are written by them."""

import struct
import uuid

import pytest
from lxml import etree

from vifkit_hyperv.double.engine import Call
from vifkit_hyperv.double.host import Host
from vifkit_hyperv.double.management import Management
from vifkit_hyperv.double.reading import Incoming, unescape
from vifkit_hyperv.double.remoting import statements
from vifkit_hyperv.double.values import Custom, Enumeration, Long, clixml, escape


def test_objects_are_written_as_the_specification_has_them() -> None:
    machine = Custom(
        ("Selected.X", "System.Object"), {"State": Enumeration("VMState", "Off", 3), "Size": Long(1 << 40)}
    )
    assert etree.tostring(clixml(machine)).decode() == (
        '<Obj RefId="0"><TN RefId="0"><T>Selected.X</T><T>System.Object</T></TN><MS>'
        '<Obj RefId="1" N="State"><TN RefId="1"><T>VMState</T><T>System.Enum</T><T>System.ValueType</T>'
        "<T>System.Object</T></TN><ToString>Off</ToString><I32>3</I32></Obj>"
        '<I64 N="Size">1099511627776</I64></MS></Obj>'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A new\nline", "A new_x000A_line"),
        ("_x000A_", "_x005F_x000A_"),
        ("\U0001f600", "_xD83D__xDE00_"),
        ("some_xylophones_", "some_x005F_xylophones_"),
        ("plain_", "plain_"),
    ],
)
def test_strings_are_escaped_as_in_section_2_2_5_3_2(text: str, written: str) -> None:
    assert escape(text) == written
    assert unescape(written) == text


PIPELINE = """
<Obj RefId="0"><MS><B N="NoInput">true</B><Obj N="PowerShell" RefId="1"><MS><B N="IsNested">false</B>
<Obj N="Cmds" RefId="2"><TN RefId="0"><T>System.Collections.Generic.List`1</T></TN><LST>
<Obj RefId="3"><MS><S N="Cmd">Get-VM</S><B N="IsScript">false</B><Nil N="UseLocalScope"/>
<Obj N="MergeMyResult" RefId="4"><TN RefId="1"><T>PipelineResultTypes</T><T>System.Enum</T></TN>
<ToString>None</ToString><I32>0</I32></Obj>
<Obj N="Args" RefId="5"><TNRef RefId="0"/><LST><Obj RefId="6"><MS><S N="N">-Name:</S><S N="V">a_x0022_; b</S></MS></Obj>
<Obj RefId="7"><MS><Nil N="N"/><I64 N="V">5</I64></MS></Obj></LST></Obj></MS></Obj>
</LST></Obj><Nil N="History"/></MS></Obj></MS></Obj>
"""


def fragment(message: bytes, *, number: int = 1, place: int = 0, flags: int = 3) -> bytes:
    return struct.pack(">QQBI", number, place, flags, len(message)) + message


def test_a_pipeline_is_read_in_pieces() -> None:
    pool, pipeline = uuid.uuid4(), uuid.uuid4()
    message = struct.pack("<II", 2, 0x00021006) + pool.bytes_le + pipeline.bytes_le + PIPELINE.encode()
    incoming = Incoming()
    assert incoming.messages(fragment(message[:100], flags=1)) == []
    (found,) = incoming.messages(fragment(message[100:], place=1, flags=2))
    assert (found.pool, found.pipeline) == (pool, pipeline)
    assert statements(found) == [[Call("Get-VM", [("Name", 'a"; b'), (None, 5)])]]


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        fragment(b"short"),
        fragment(b"\0" * 40),
        fragment(b"", place=1),
        fragment(struct.pack("<II", 2, 1) + bytes(32) + b"<a"),
        fragment(struct.pack("<II", 2, 1) + bytes(32) + b"<!DOCTYPE a><a/>"),
        fragment(struct.pack("<II", 2, 1) + bytes(32) + b'<Ref RefId="9"/>'),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Incoming().messages(data)


# [MS-WSMV] 4.7.1, which asks for a shell of cmd.exe.
CREATE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:wsman="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><wsa:To>http://localhost:80/wsman</wsa:To>
<wsman:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd
</wsman:ResourceURI><wsa:Action s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/09/transfer/Create
</wsa:Action><wsa:MessageID>uuid:AF6A2E07-BA33-496E-8AFA-E77D241A2F2F</wsa:MessageID></s:Header>
<s:Body><rsp:Shell xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"/></s:Body></s:Envelope>"""


@pytest.mark.parametrize(
    ("request_text", "reason"),
    [
        (CREATE, "the resource URI is not known"),
        (CREATE.replace("transfer/Create", "transfer/Put"), "the action http://schemas.xmlsoap.org/ws/2004/09/"),
        (CREATE.replace("windows/shell/cmd\n", "x").replace(
            "http://schemas.microsoft.com/wbem/wsman/1/x", "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
        ), "no creationXml"),
        ("<a/>", "no header, or no body"),
        ("nonsense", "not well-formed XML"),
    ],
)  # fmt: skip
def test_what_is_no_powershell_is_answered_by_a_fault(request_text: str, reason: str) -> None:
    status, answer = Management(Host()).answer(request_text.encode())
    assert status == 500
    envelope = etree.fromstring(answer)
    space = {"s": "http://www.w3.org/2003/05/soap-envelope", "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing"}
    assert (envelope.findtext(".//s:Reason/s:Text", namespaces=space) or "").startswith(reason)
    if "MessageID" in request_text:
        related = envelope.findtext("s:Header/a:RelatesTo", namespaces=space)
        assert related == "uuid:AF6A2E07-BA33-496E-8AFA-E77D241A2F2F"
