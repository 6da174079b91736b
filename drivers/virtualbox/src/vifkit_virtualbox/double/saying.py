"""How VBoxManage says that something is not done: its texts, on standard error."""

from vifkit_base.doubles import voice

FAILURE, SYNTAX = 1, 2

OBJECT_NOT_FOUND = "VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, interface IVirtualBox"
INVALID_VM_STATE = "VBOX_E_INVALID_VM_STATE (0x80bb0002), component ConsoleWrap, interface IConsole"
FILE_ERROR = "VBOX_E_FILE_ERROR (0x80bb0004), component MachineWrap, interface IMachine"
INVALID_OBJECT_STATE = "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap, interface IMachine"
E_FAIL = "NS_ERROR_FAILURE (0x80004005), component ConsoleWrap, interface IConsole"
INVALID_ARGUMENT = "NS_ERROR_INVALID_ARG (0x80070057), component NetworkAdapterWrap, interface INetworkAdapter"


class Refusal(Exception):
    """What ends a call; `status` is the program's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def failed(said: str, details: str = "", context: str = "") -> Refusal:
    """Make the refusal of a request that was understood (com::GluePrintErrorInfo)."""
    lines = [f"VBoxManage: error: {said}"]
    if details:
        lines.append(f"VBoxManage: error: Details: code {details}, callee nsISupports")
    if context:
        lines.append(f'VBoxManage: error: Context: "{context}" at line 77 of file VBoxManageMisc.cpp')
    return Refusal("\n".join(lines) + "\n", FAILURE)


def not_understood(said: str, usage: str = "VBoxManage <command>") -> Refusal:
    """Make the refusal of a request that was not (errorSyntax in VBoxManageHelp.cpp)."""
    return Refusal(f"Usage:\n\n  {usage}\n\nVBoxManage: error: {said}\n", SYNTAX)


def locked(name: str) -> Refusal:
    """Make the refusal of whoever wants a machine for himself that another has."""
    said = f"The machine '{name}' is already locked for a session (or being unlocked)"
    return failed(said, INVALID_OBJECT_STATE, "LockMachine(a->session, LockType_Write)")


def progress() -> None:
    """Show a progress that is over (showProgress in VBoxManage.cpp)."""
    voice.error("0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n")
