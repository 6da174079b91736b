"""The double of vmrun, held against transcripts of the real one.

The first are from a vmrun 1.17 on Windows and one on Linux, as users have published them; where no transcript is to be
had, the reference of the VIX API says what a call does (VixVM_PowerOn, VixVM_PowerOff), and its texts of errors.
"""

import subprocess
from pathlib import Path

import pytest

from vifkit_workstation.double.install import Double

MACHINE = b'.encoding = "UTF-8"\ndisplayName = "epic"\nethernet0.rxbw.limit = "4096"\n'


@pytest.fixture
def epic(vmware: Double) -> Path:
    directory = vmware.machines / "epic"
    directory.mkdir()
    (directory / "epic.vmx").write_bytes(MACHINE)
    return directory / "epic.vmx"


def vmrun(vmware: Double, *arguments: str) -> tuple[int, str]:
    """Give status and standard output; on standard error it says nothing."""
    ended = subprocess.run([vmware.program, *arguments], capture_output=True, text=True, check=False, timeout=20)
    assert ended.stderr == ""
    return ended.returncode, ended.stdout


def test_list_begins_with_the_number(vmware: Double, epic: Path) -> None:
    assert vmrun(vmware, "list") == (0, "Total running VMs: 0\n")
    assert vmrun(vmware, "-T", "ws", "start", str(epic), "nogui") == (0, "")
    assert vmrun(vmware, "-T", "ws", "list") == (0, f"Total running VMs: 1\n{epic}\n")
    assert vmrun(vmware, "-T", "ws", "stop", str(epic), "hard") == (0, "")
    assert vmrun(vmware, "-T", "ws", "list") == (0, "Total running VMs: 0\n")


def test_a_machine_that_is_off_is_not_stopped(vmware: Double, epic: Path) -> None:
    said = f"Error: The virtual machine is not powered on: {epic}\n"
    for verb in ("stop", "reset", "suspend", "pause", "unpause"):
        assert vmrun(vmware, verb, str(epic)) == (255, said)


def test_a_machine_that_runs_is_neither_started_nor_deleted(vmware: Double, epic: Path) -> None:
    vmrun(vmware, "start", str(epic))
    said = "Error: The virtual machine should not be powered on. It is already running.\n"
    assert vmrun(vmware, "deleteVM", str(epic)) == (255, said)
    assert vmrun(vmware, "start", str(epic)) == (255, said)
    assert epic.exists()


def test_what_is_not_there_is_not_opened(vmware: Double) -> None:
    said = "Error: Cannot open VM: /nowhere/centos7.vmx, The virtual machine cannot be found\n"
    assert vmrun(vmware, "-T", "ws", "start", "/nowhere/centos7.vmx", "nogui") == (255, said)


def test_a_machine_that_somebody_else_has_open_is_in_use(vmware: Double, epic: Path) -> None:
    lock = epic.with_name("epic.vmx.lck")
    lock.mkdir()
    (lock / "M11454.lck").write_text("vmware.exe")
    assert vmrun(vmware, "-T", "ws", "start", str(epic), "nogui") == (255, "Error: The file is already in use\n")


def test_an_unknown_option_brings_its_usage(vmware: Double) -> None:
    status, said = vmrun(vmware, "--help")
    assert status == 255
    assert said.startswith(
        "Invalid argument: --help\nvmrun version 1.17.0 build-24832109\n\nUsage: vmrun [AUTHENTICATION-FLAGS] COMMAND "
        "[PARAMETERS]\n\n\n\nAUTHENTICATION-FLAGS\n--------------------\nThese must appear before the command and any "
        "command parameters.\n\n   -T <hostType> (ws|fusion||player)\n"
    )
    assert "\nstart                    Path to vmx file     Start a VM or Team\n" in said
    assert vmrun(vmware)[1].startswith("vmrun version 1.17.0 build-24832109\n\nUsage: ")


@pytest.mark.parametrize(
    "arguments",
    [("-T",), ("-T", "esx", "list"), ("-gu", "me", "list"), ("begin", "x.vmx"), ("start",), ("start", "x.vmx", "hard"),
     ("stop", "x.vmx", "nogui"), ("pause", "x.vmx", "soft"), ("list", "all"), ("start", "x.vmx", "nogui", "gui")],
    ids=" ".join,
)  # fmt: skip
def test_what_is_not_documented_is_refused(vmware: Double, arguments: tuple[str, ...]) -> None:
    status, said = vmrun(vmware, *arguments)
    assert status == 255
    assert said.startswith(("Invalid argument: -", "Error: Unrecognized command: "))
    assert "Usage: vmrun" in said


def test_a_suspended_machine_sleeps_until_it_is_started(vmware: Double, epic: Path) -> None:
    vmrun(vmware, "start", str(epic), "nogui")
    assert vmrun(vmware, "suspend", str(epic), "hard") == (0, "")
    assert vmrun(vmware, "list") == (0, "Total running VMs: 0\n")
    assert b'checkpoint.vmState = "epic.vmss"\n' in epic.read_bytes()
    assert vmrun(vmware, "stop", str(epic))[1].startswith("Error: The virtual machine is not powered on: ")
    assert vmrun(vmware, "start", str(epic), "nogui") == (0, "")
    assert b'checkpoint.vmState = ""\n' in epic.read_bytes()


def test_a_paused_machine_is_still_listed(vmware: Double, epic: Path) -> None:
    vmrun(vmware, "start", str(epic))
    assert vmrun(vmware, "pause", str(epic)) == (0, "")
    assert vmrun(vmware, "list") == (0, f"Total running VMs: 1\n{epic}\n")
    assert vmrun(vmware, "unpause", str(epic)) == (0, "")


def test_a_vmx_file_is_read_at_the_start_only(vmware: Double, epic: Path) -> None:
    vmrun(vmware, "start", str(epic))
    epic.write_bytes(MACHINE.replace(b"4096", b"8"))
    assert vmware.running()[str(epic)]["ethernet0.rxbw.limit"] == "4096"
    vmrun(vmware, "stop", str(epic))
    vmrun(vmware, "start", str(epic))
    assert vmware.running()[str(epic)]["ethernet0.rxbw.limit"] == "8"


def test_a_key_that_is_there_twice_keeps_a_machine_from_starting(vmware: Double, epic: Path) -> None:
    epic.write_bytes(MACHINE + b'DISPLAYNAME = "epic"\n')
    status, said = vmrun(vmware, "start", str(epic))
    assert status == 255 and 'Variable "DISPLAYNAME" is already defined.' in said


def test_a_deleted_machine_is_gone_with_its_directory(vmware: Double, epic: Path) -> None:
    assert vmrun(vmware, "deleteVM", str(epic)) == (0, "")
    assert not epic.parent.exists()


def test_it_behaves_as_it_is_told(vmware: Double, epic: Path) -> None:
    vmware.order("list", say="\x00garbage", times=3, status=7)
    assert vmrun(vmware, "list") == (7, "\x00garbage" * 3)
    assert vmrun(vmware, "start", str(epic)) == (0, "")
    vmware.order("stop", say="", does=True, dies=True)
    assert vmrun(vmware, "stop", str(epic)) == (-9, "")
    vmware.order()
    assert vmrun(vmware, "list") == (0, "Total running VMs: 0\n")
