"""The double says what PowerShell and Hyper-V are documented to say, and refuses what they refuse.

The commands are the examples of the cmdlets' pages (learn.microsoft.com/powershell/module/hyper-v), word by word; what
is written below as bytes is written out from [MS-PSRP] and [MS-WSMV].
"""

import shlex
import struct
import uuid

import pytest
from lxml import etree

from vifkit_hyperv.double.catalogue import COMMANDS
from vifkit_hyperv.double.engine import Call, Outcome, run
from vifkit_hyperv.double.host import Adapter, Host, Switch, VirtualMachine
from vifkit_hyperv.double.management import Management
from vifkit_hyperv.double.reading import Incoming, unescape
from vifkit_hyperv.double.remoting import statements
from vifkit_hyperv.double.values import Custom, Enumeration, Long, clixml, escape


def typed(line: str) -> list[Call]:
    """Read a line as the examples have it: names, '-Parameter value', switches, and MB for 2^20."""
    calls = []
    for part in line.split("|"):
        name, *words = shlex.split(part)
        arguments: list[tuple[str | None, object]] = []
        while words:
            word = words.pop(0)
            if not word.startswith("-"):
                arguments.append((None, word))
            elif words and not words[0].startswith("-"):
                value = words.pop(0)
                arguments.append((word[1:], int(value[:-2]) << 20 if value.endswith("MB") else value))
            else:
                arguments.append((word[1:], True))
        calls.append(Call(name, arguments))
    return calls


def said(host: Host, *lines: str) -> Outcome:
    return run(host, COMMANDS, [typed(line) for line in lines])


@pytest.fixture
def here() -> Host:
    made = Host([Switch("Network"), Switch("QoS Switch", "Weight"), Switch("Plain", "None")])
    for name in ("Redmond", "Kirkland", "TestVM"):
        machine = VirtualMachine(name)
        machine.adapters.append(Adapter(machine, switch="Network"))
        made.machines.append(machine)
    return made


def names(host: Host) -> list[str]:
    return [each.name for each in host.machines]


def test_new_vm_makes_one_with_one_adapter_as_in_example_1(here: Host) -> None:
    (made,) = said(here, 'New-VM -Name "new 1" -MemoryStartupBytes 512MB').output
    assert isinstance(made, VirtualMachine)
    assert (made.name, made.memory_bytes, made.state, made.generation) == ("new 1", 536_870_912, "Off", 1)
    assert [(each.name, each.mac, each.switch) for each in made.adapters] == [("Network Adapter", "000000000000", None)]


def test_remove_vm_removes_without_a_prompt_as_in_examples_2_and_3(here: Host) -> None:
    said(here, 'New-VM -Name "new 1"', 'New-VM -Name "new 2"', 'New-VM -Name "old"')
    assert said(here, 'Remove-VM -Name "new 2" -Force') == Outcome()
    assert said(here, "Get-VM -Name New* | Remove-VM -Force") == Outcome()
    assert names(here) == ["Redmond", "Kirkland", "TestVM", "old"]


def test_remove_vm_asks_and_nobody_answers(here: Host) -> None:
    (error,) = said(here, "Remove-VM TestVM").errors
    assert error.id == "InvalidOperation,Microsoft.HyperV.PowerShell.Commands.RemoveVM"
    assert error.message.startswith("A command that prompts the user failed because the host program")
    assert "TestVM" in names(here)


def test_stop_vm_turns_off_as_in_example_3(here: Host) -> None:
    said(here, "Start-VM -Name TestVM")
    assert said(here, "Get-VM TestVM | Select-Object -Property State").output == [
        Custom(
            (
                "Selected.Microsoft.HyperV.PowerShell.VirtualMachine",
                "System.Management.Automation.PSCustomObject",
                "System.Object",
            ),
            {"State": Enumeration("Microsoft.HyperV.PowerShell.VMState", "Running", 2)},
        )
    ]
    assert said(here, "Stop-VM -Name TestVM -TurnOff") == Outcome()
    assert said(here, "Stop-VM -Name TestVM -TurnOff").warnings == [
        "The virtual machine is already in the specified state."
    ]


def test_add_vm_network_adapter_as_in_examples_1_and_2(here: Host) -> None:
    assert said(here, 'Add-VMNetworkAdapter -VMName Redmond -Name "Redmond NIC1"') == Outcome()
    assert said(here, "Add-VMNetworkAdapter -VMName TestVM -SwitchName Network") == Outcome()
    assert [each.name for each in here.machines[0].adapters] == ["Network Adapter", "Redmond NIC1"]
    assert [each.switch for each in here.machines[2].adapters] == ["Network", "Network"]


def test_set_vm_network_adapter_rounds_to_the_nearest_multiple_of_eight(here: Host) -> None:
    line = "Get-VMNetworkAdapter -VMName Redmond | Set-VMNetworkAdapter"
    assert said(here, f"{line} -MaximumBandwidth 5000003 -MinimumBandwidthAbsolute 1000004") == Outcome()
    held = here.machines[0].adapters[0].bandwidth
    assert held is not None and (held.maximum, held.absolute, held.weight) == (5_000_000, 1_000_008, 0)


def test_a_minimum_is_of_the_kind_of_its_switch(here: Host) -> None:
    adapter = here.machines[0].adapters[0]
    line = "Get-VMNetworkAdapter -VMName Redmond | Set-VMNetworkAdapter"
    for switch, parameter, refused in (
        ("QoS Switch", "-MinimumBandwidthWeight 1", False),
        ("QoS Switch", "-MinimumBandwidthAbsolute 100000000", True),
        ("QoS Switch", "-MinimumBandwidthWeight 101", True),
        ("Plain", "-MinimumBandwidthAbsolute 0", True),
        ("Plain", "-MaximumBandwidth 8000", False),
    ):
        adapter.switch = switch
        outcome = said(here, f"{line} {parameter}")
        assert [each.id for each in outcome.errors] == [
            "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.SetVMNetworkAdapter"
        ] * refused


def test_get_vm_does_not_find(here: Host) -> None:
    outcome = said(here, "Get-VM -Name my-vm")  # as people have quoted it
    assert (outcome.output, outcome.failure) == ([], None)
    (error,) = outcome.errors
    assert error.id == "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"
    assert error.message == 'Hyper-V was unable to find a virtual machine with name "my-vm".'
    assert said(here, "Get-VM -Name my-vm -ErrorAction SilentlyContinue") == Outcome()
    assert said(here, "Get-VM -Name my-*") == Outcome()
    stopped = said(here, "Get-VM -Name my-vm -ErrorAction Stop", "New-VM -Name never")
    assert stopped.failure is not None and stopped.failure.message == (
        'The running command stopped because the preference variable "ErrorActionPreference" or common parameter is '
        'set to Stop: Hyper-V was unable to find a virtual machine with name "my-vm".'
    )
    assert "never" not in names(here)


@pytest.mark.parametrize(
    ("line", "identifier"),
    [
        ("Get-Nothing", "CommandNotFoundException"),
        ("Get-VM -Colour red", "NamedParameterNotFound,Microsoft.HyperV.PowerShell.Commands.GetVM"),
        ("New-VM -M 1 -N x", "AmbiguousParameter,Microsoft.HyperV.PowerShell.Commands.NewVM"),
        (
            "New-VM -MemoryStartupBytes much",
            "CannotConvertArgumentNoMessage,Microsoft.HyperV.PowerShell.Commands.NewVM",
        ),
        ("Get-VM -Id nobody", "CannotConvertArgumentNoMessage,Microsoft.HyperV.PowerShell.Commands.GetVM"),
        ("Get-VM a -Name b", "ParameterAlreadyBound,Microsoft.HyperV.PowerShell.Commands.GetVM"),
        ("Get-VMSwitch a b", "PositionalParameterNotFound,Microsoft.HyperV.PowerShell.Commands.GetVMSwitch"),
        ("Where-Object", "MissingMandatoryParameter,Microsoft.PowerShell.Commands.WhereObjectCommand"),
        ("Get-VM -ErrorAction Panic", "CannotConvertArgumentNoMessage,Microsoft.HyperV.PowerShell.Commands.GetVM"),
    ],
)
def test_what_does_not_bind_ends_all(here: Host, line: str, identifier: str) -> None:
    outcome = said(here, 'New-VM -Name "first"', line, 'New-VM -Name "never"')
    assert outcome.failure is not None and outcome.failure.id == identifier
    assert "never" not in names(here)


def test_no_script_runs(here: Host) -> None:
    outcome = run(here, COMMANDS, [[Call("Get-VM | Remove-VM -Force", is_script=True)]])
    assert outcome.failure is not None and outcome.failure.id == "ScriptsNotAllowed"
    assert len(here.machines) == 3


def test_states_forbid(here: Host) -> None:
    said(here, "Start-VM TestVM")
    for line, cmdlet in (
        ("Remove-VM TestVM -Force", "RemoveVM"),
        ("Resume-VM TestVM", "ResumeVM"),
        ("Set-VM TestVM -ProcessorCount 2", "SetVM"),
        ("Suspend-VM Redmond", "SuspendVM"),
    ):
        (error,) = said(here, line).errors
        assert error.id == f"InvalidState,Microsoft.HyperV.PowerShell.Commands.{cmdlet}"


def test_a_property_that_is_null_expands_to_nothing(here: Host) -> None:
    said(here, "Get-VMNetworkAdapter Redmond | Set-VMNetworkAdapter -MaximumBandwidth 8000")
    calls = [
        *typed("Get-VMNetworkAdapter -All"),
        Call(
            "Select-Object",
            [
                ("Property", [{"Name": "Adapter", "Expression": "VMName"}]),
                ("ExpandProperty", "BandwidthSetting"),
            ],
        ),
        *typed("Select-Object Adapter"),
    ]
    calls[-1] = Call("Select-Object", [("Property", ["Adapter", "MaximumBandwidth"])])
    (found,) = run(here, COMMANDS, [calls]).output
    assert isinstance(found, Custom) and found.members == {"Adapter": "Redmond", "MaximumBandwidth": Long(8000)}


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
        ("plain_x", "plain_x"),
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
