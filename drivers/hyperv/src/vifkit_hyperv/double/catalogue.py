"""The commands that are known, with the parameters that are: those of the module's pages, as far as they do something.

The pages are learn.microsoft.com/powershell/module/hyper-v/NAME, for Windows Server 2022. Parameters that would only
choose another host (-CimSession, -ComputerName, -Credential), or ask (-WhatIf, -Confirm), are unknown here.
"""

from . import adapters, cmdlets, utility
from .binding import Parameter
from .engine import Cmdlet, Command

_FLAG = "SwitchParameter"
_PASS = Parameter("Passthru", _FLAG)
_MACHINE = Parameter("Name", "String[]", ("VMName",), 0)
_OWNER = Parameter("VMName", "String[]", (), 0)


def _hyperv(name: str, run: Cmdlet, *parameters: Parameter) -> Command:
    return Command(name, "Microsoft.HyperV.PowerShell.Commands." + name.replace("-", ""), parameters, run)


_KNOWN = (
    _hyperv("Get-VM", cmdlets.get_vm, Parameter("Name", "String[]", ("VMName",), 0), Parameter("Id", "Guid")),
    _hyperv(
        "New-VM",
        cmdlets.new_vm,
        Parameter("Name", "String", ("VMName",), 0),
        Parameter("MemoryStartupBytes", "Int64", (), 1),
        Parameter("Generation", "Int16", (), 2),
        Parameter("NoVHD", _FLAG),
        Parameter("SwitchName"),
        Parameter("Force", _FLAG),
    ),
    _hyperv(
        "Set-VM",
        cmdlets.set_vm,
        _MACHINE,
        Parameter("ProcessorCount", "Int64"),
        Parameter("MemoryStartupBytes", "Int64"),
        Parameter("Notes"),
        Parameter("NewVMName"),
        _PASS,
    ),
    _hyperv("Start-VM", cmdlets.start_vm, _MACHINE, _PASS),
    _hyperv(
        "Stop-VM",
        cmdlets.stop_vm,
        _MACHINE,
        Parameter("Save", _FLAG),
        Parameter("TurnOff", _FLAG),
        Parameter("Force", _FLAG),
        _PASS,
    ),
    _hyperv("Suspend-VM", cmdlets.suspend_vm, _MACHINE, _PASS),
    _hyperv("Resume-VM", cmdlets.resume_vm, _MACHINE, _PASS),
    _hyperv("Remove-VM", cmdlets.remove_vm, _MACHINE, Parameter("Force", _FLAG), _PASS),
    _hyperv(
        "Get-VMNetworkAdapter",
        adapters.get_vm_network_adapter,
        _OWNER,
        Parameter("Name", "String", ("VMNetworkAdapterName",), 1),
        Parameter("All", _FLAG),
    ),
    _hyperv(
        "Add-VMNetworkAdapter",
        adapters.add_vm_network_adapter,
        _OWNER,
        Parameter("SwitchName"),
        Parameter("Name", "String", ("VMNetworkAdapterName",)),
        Parameter("DynamicMacAddress", _FLAG),
        Parameter("StaticMacAddress"),
        _PASS,
    ),
    _hyperv("Remove-VMNetworkAdapter", adapters.remove_vm_network_adapter, _PASS),
    _hyperv(
        "Connect-VMNetworkAdapter", adapters.connect_vm_network_adapter, Parameter("SwitchName", mandatory=True), _PASS
    ),
    _hyperv(
        "Set-VMNetworkAdapter",
        adapters.set_vm_network_adapter,
        Parameter("MaximumBandwidth", "Int64"),
        Parameter("MinimumBandwidthAbsolute", "Int64"),
        Parameter("MinimumBandwidthWeight", "UInt32"),
        Parameter("StaticMacAddress"),
        _PASS,
    ),
    _hyperv("Get-VMSwitch", adapters.get_vm_switch, Parameter("Name", "String", ("SwitchName",), 0)),
    Command(
        "Select-Object",
        "Microsoft.PowerShell.Commands.SelectObjectCommand",
        (Parameter("Property", "Object[]", (), 0), Parameter("ExpandProperty")),
        utility.select_object,
    ),
    Command(
        "Where-Object",
        "Microsoft.PowerShell.Commands.WhereObjectCommand",
        (
            Parameter("Property", "String", (), 0, mandatory=True),
            Parameter("Value", "Object", (), 1),
            Parameter("EQ", _FLAG, ("IEQ",)),
            Parameter("CEQ", _FLAG),
        ),
        utility.where_object,
    ),
    Command(
        "Get-CimInstance",
        "Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand",
        (Parameter("ClassName", "String", (), 0, mandatory=True),),
        utility.get_cim_instance,
    ),
)

COMMANDS = {command.name.lower(): command for command in _KNOWN}
"""Every command, by its name in lower case."""
