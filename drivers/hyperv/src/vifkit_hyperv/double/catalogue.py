"""The commands that are known, with the parameters that are: those of the module's pages, as far as they do something.

The pages are learn.microsoft.com/powershell/module/hyper-v/NAME, for Windows Server 2022. Parameters that would only
choose another host (-CimSession, -ComputerName, -Credential), or ask (-WhatIf, -Confirm), are unknown here.
"""

from . import cmdlets, utility
from .binding import Parameter as P
from .engine import Cmdlet, Command

_FLAG = "SwitchParameter"
_PASS = P("Passthru", _FLAG)
_MACHINE = P("Name", "String[]", ("VMName",), 0)
_OWNER = P("VMName", "String[]", (), 0)


def _hyperv(name: str, run: Cmdlet, *parameters: P) -> Command:
    return Command(name, "Microsoft.HyperV.PowerShell.Commands." + name.replace("-", ""), parameters, run)


_KNOWN = (
    _hyperv("Get-VM", cmdlets.get_vm, P("Name", "String[]", ("VMName",), 0), P("Id", "Guid")),
    _hyperv(
        "New-VM",
        cmdlets.new_vm,
        P("Name", "String", ("VMName",), 0),
        P("MemoryStartupBytes", "Int64", (), 1),
        P("Generation", "Int16", (), 2),
        P("NoVHD", _FLAG),
        P("SwitchName"),
        P("Force", _FLAG),
    ),
    _hyperv(
        "Set-VM",
        cmdlets.set_vm,
        _MACHINE,
        P("ProcessorCount", "Int64"),
        P("MemoryStartupBytes", "Int64"),
        P("Notes"),
        P("NewVMName"),
        _PASS,
    ),
    _hyperv("Start-VM", cmdlets.start_vm, _MACHINE, _PASS),
    _hyperv("Stop-VM", cmdlets.stop_vm, _MACHINE, P("Save", _FLAG), P("TurnOff", _FLAG), P("Force", _FLAG), _PASS),
    _hyperv("Suspend-VM", cmdlets.suspend_vm, _MACHINE, _PASS),
    _hyperv("Resume-VM", cmdlets.resume_vm, _MACHINE, _PASS),
    _hyperv("Remove-VM", cmdlets.remove_vm, _MACHINE, P("Force", _FLAG), _PASS),
    _hyperv(
        "Get-VMNetworkAdapter",
        cmdlets.get_vm_network_adapter,
        _OWNER,
        P("Name", "String", ("VMNetworkAdapterName",), 1),
        P("All", _FLAG),
    ),
    _hyperv(
        "Add-VMNetworkAdapter",
        cmdlets.add_vm_network_adapter,
        _OWNER,
        P("SwitchName"),
        P("Name", "String", ("VMNetworkAdapterName",)),
        P("DynamicMacAddress", _FLAG),
        P("StaticMacAddress"),
        _PASS,
    ),
    _hyperv("Remove-VMNetworkAdapter", cmdlets.remove_vm_network_adapter, _PASS),
    _hyperv("Connect-VMNetworkAdapter", cmdlets.connect_vm_network_adapter, P("SwitchName", mandatory=True), _PASS),
    _hyperv(
        "Set-VMNetworkAdapter",
        cmdlets.set_vm_network_adapter,
        P("MaximumBandwidth", "Int64"),
        P("MinimumBandwidthAbsolute", "Int64"),
        P("MinimumBandwidthWeight", "UInt32"),
        P("StaticMacAddress"),
        _PASS,
    ),
    _hyperv("Get-VMSwitch", cmdlets.get_vm_switch, P("Name", "String", ("SwitchName",), 0)),
    Command(
        "Select-Object",
        "Microsoft.PowerShell.Commands.SelectObjectCommand",
        (P("Property", "Object[]", (), 0), P("ExpandProperty")),
        utility.select_object,
    ),
    Command(
        "Where-Object",
        "Microsoft.PowerShell.Commands.WhereObjectCommand",
        (
            P("Property", "String", (), 0, mandatory=True),
            P("Value", "Object", (), 1),
            P("EQ", _FLAG, ("IEQ",)),
            P("CEQ", _FLAG),
        ),
        utility.where_object,
    ),
    Command(
        "Get-CimInstance",
        "Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand",
        (P("ClassName", "String", (), 0, mandatory=True),),
        utility.get_cim_instance,
    ),
)

COMMANDS = {command.name.lower(): command for command in _KNOWN}
"""Every command, by its name in lower case."""
