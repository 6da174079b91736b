"""The double says what PowerShell and Hyper-V are documented to say, and refuses what they refuse.

The commands are the examples of the cmdlets' pages (learn.microsoft.com/powershell/module/hyper-v), word by word.
"""

import shlex

import pytest

from vifkit_hyperv.double.catalogue import COMMANDS
from vifkit_hyperv.double.engine import Call, Outcome, run
from vifkit_hyperv.double.host import Adapter, Host, Switch, VirtualMachine
from vifkit_hyperv.double.values import Custom, Enumeration, Long


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
