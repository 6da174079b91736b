"""The double says what VBoxManage says, to the letter: its manual, and transcripts that users have published."""

import re
from collections.abc import Callable

import pytest

from vifkit_conformance.lab import Lab
from vifkit_virtualbox.testbed import VirtualboxTestbed

Run = Callable[..., tuple[int, str, str]]
UUID = "93a38cd7-ef00-47aa-9868-d291d4ed5e0a"


def test_it_tells_its_version(vboxmanage: Run) -> None:
    assert vboxmanage("--version") == (0, "7.0.20r163906\n", "")


def test_a_machine_is_made_found_and_forgotten(vboxmanage: Run) -> None:
    assert vboxmanage("createvm", "--name", "Server_1", "--uuid", UUID, "--register") == (
        0,
        (
            f"Virtual machine 'Server_1' is created and registered.\nUUID: {UUID}\n"
            "Settings file: '/root/VirtualBox VMs/Server_1/Server_1.vbox'\n"
        ),
        "",
    )
    assert vboxmanage("list", "vms") == (0, f'"Server_1" {{{UUID}}}\n', "")
    assert vboxmanage("list", "runningvms") == (0, "", "")
    assert vboxmanage("unregistervm", UUID, "--delete") == (
        0,
        "",
        "0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n",
    )
    assert vboxmanage("list", "vms") == (0, "", "")


@pytest.mark.parametrize(
    ("verb", "named"),
    [
        (("showvminfo", "vmaww_shucks"), "named 'vmaww_shucks'"),
        (("modifyvm", UUID, "--nic1", "none"), f"with UUID {{{UUID}}}"),
        (("startvm", f"{{{UUID}}}", "--type=headless"), f"with UUID {{{UUID}}}"),
        (("controlvm", "pkg-build", "poweroff"), "named 'pkg-build'"),
        (("unregistervm", "pkg-build"), "named 'pkg-build'"),
        (("getextradata", "pkg-build", "key"), "named 'pkg-build'"),
    ],
)
def test_a_machine_that_is_not_there_is_status_1(vboxmanage: Run, verb: tuple[str, ...], named: str) -> None:
    status, said, error = vboxmanage(*verb)
    assert (status, said) == (1, "")
    assert error.splitlines()[:2] == [
        f"VBoxManage: error: Could not find a registered machine {named}",
        (
            "VBoxManage: error: Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), "
            "component VirtualBoxWrap, interface IVirtualBox, callee nsISupports"
        ),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("list",),
        ("list", "everything"),
        ("list", "--json", "vms"),
        ("createvm", "--register"),
        ("createvm", "--name"),
        ("createvm", "--name=x", "--uuid=no", "--register"),
        ("createvm", "x", "--register"),
        ("showvminfo", "-rf"),
        ("showvminfo", "a", "b"),
        ("modifyvm",),
        ("modifyvm", "a", "--nic1"),
        ("modifyvm", "a", "--nix1", "none"),
        ("startvm", "a"),
        ("startvm", "a", "--type", "gui"),
        ("controlvm", "a"),
        ("controlvm", "a", "explode"),
        ("setextradata", "global"),
        ("setextradata", "global", "a", "b", "c"),
        ("getextradata",),
    ],
)
def test_what_is_not_documented_is_status_2(vboxmanage: Run, arguments: tuple[str, ...]) -> None:
    status, said, error = vboxmanage(*arguments)
    assert (status, said) == (2, "")
    assert "VBoxManage: error: " in error and error.startswith("Usage:")


def test_a_name_that_begins_with_a_dash_may_stand_behind_its_option(vboxmanage: Run) -> None:
    assert vboxmanage("createvm", "--name=--delete", f"--uuid={UUID}", "--register")[0] == 0
    assert vboxmanage("list", "vms")[1] == f'"--delete" {{{UUID}}}\n'


def test_a_name_is_taken_once_and_so_is_a_uuid(vboxmanage: Run) -> None:
    vboxmanage("createvm", "--name", "a", "--uuid", UUID, "--register")
    assert vboxmanage("createvm", "--name", "a", "--register")[2].startswith(
        "VBoxManage: error: Machine settings file '/root/VirtualBox VMs/a/a.vbox' already exists\n"
    )
    assert "already exists" in vboxmanage("createvm", "--name", "b", "--uuid", UUID, "--register")[2]


def test_adapters_are_set_together_or_not_at_all(vboxmanage: Run) -> None:
    vboxmanage("createvm", "--name", "a", "--register")
    bridged = ("--nic1", "bridged", "--bridgeadapter1", "eth0", "--macaddress1", "080027b9ddca")
    assert vboxmanage("modifyvm", "a", *bridged, "--nic2", "none") == (0, "", "")
    line = (
        "NIC 1:                       MAC: 080027B9DDCA, Attachment: Bridged Interface 'eth0', Cable connected: on, "
        "Trace: off (file: none), Type: Am79C973, Reported speed: 0 Mbps, Boot priority: 0, Promisc Policy: deny, "
        "Bandwidth group: none"
    )
    assert line in vboxmanage("showvminfo", "a")[1].splitlines()
    assert "NIC 2:                       disabled" in vboxmanage("list", "--long", "vms")[1].splitlines()
    assert vboxmanage("modifyvm", "a", "--nic1", "none", "--nic9", "none")[0] == 2
    assert vboxmanage("modifyvm", "a", "--nic1", "none", "--macaddress2", "010000000001")[0] == 1
    assert line in vboxmanage("showvminfo", "a")[1].splitlines()


def test_extra_data_is_kept_told_and_dropped(vboxmanage: Run) -> None:
    assert vboxmanage("getextradata", "global", "GUI/Color") == (0, "No value set!\n", "")
    assert vboxmanage("setextradata", "global", "GUI/Color", "-red") == (0, "", "")
    assert vboxmanage("getextradata", "global", "GUI/Color") == (0, "Value: -red\n", "")
    assert vboxmanage("getextradata", "global", "enumerate") == (0, "Key: GUI/Color, Value: -red\n", "")
    assert vboxmanage("setextradata", "global", "GUI/Color") == (0, "", "")
    assert vboxmanage("getextradata", "global", "enumerate") == (0, "", "")


def test_a_machine_that_does_not_run_is_not_controlled(vboxmanage: Run) -> None:
    vboxmanage("createvm", "--name", "a", "--register")
    said = "VBoxManage: error: Machine 'a' is not currently running.\n"
    assert vboxmanage("controlvm", "a", "poweroff") == (1, "", said)


@pytest.mark.switch
def test_a_machine_runs_pauses_and_is_locked_meanwhile(lab: Lab, behind: Run) -> None:
    lab.host.run("ip", "link", "add", "bridged0", "type", "veth", "peer", "name", "bridged1")
    try:
        behind("createvm", "--name", "a", "--uuid", UUID, "--register")
        behind("modifyvm", "a", "--nic1", "bridged", "--bridgeadapter1", "bridged1", "--macaddress1", "080027000001")
        assert behind("startvm", "a", "--type", "headless") == (
            0,
            'Waiting for VM "a" to power on...\nVM "a" has been successfully started.\n',
            "",
        )
        assert re.search(r"^State: {23}running \(since 2[0-9T:.-]+\)$", behind("showvminfo", "a")[1], re.MULTILINE)
        assert behind("modifyvm", "a", "--nic1", "none")[2].splitlines()[:2] == [
            "VBoxManage: error: The machine 'a' is already locked for a session (or being unlocked)",
            (
                "VBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), "
                "component MachineWrap, interface IMachine, callee nsISupports"
            ),
        ]
        assert behind("startvm", "a", "--type", "headless")[2].startswith(
            "VBoxManage: error: The machine 'a' is already locked by a session (or being locked or unlocked)\n"
        )
        assert behind("unregistervm", "a")[2].startswith(
            "VBoxManage: error: Cannot unregister the machine 'a' while it is locked\n"
        )
        assert behind("controlvm", "a", "pause") == (0, "", "")
        assert "State:                       paused (since " in behind("showvminfo", "a")[1]
        assert behind("controlvm", "a", "pause")[0] == 1
        assert behind("controlvm", "a", "resume") == (0, "", "")
        assert behind("controlvm", "a", "poweroff")[2].startswith("0%...10%...")
        assert "State:                       powered off (since " in behind("showvminfo", "a")[1]
    finally:
        behind("controlvm", "a", "poweroff")
        while behind("unregistervm", "a", "--delete")[2].count("locked"):
            pass
        lab.host.run("ip", "link", "delete", "bridged0")


@pytest.mark.switch
def test_a_machine_whose_host_interface_is_not_there_does_not_start(behind: Run) -> None:
    behind("createvm", "--name", "a", "--register")
    try:
        behind("modifyvm", "a", "--nic1", "bridged", "--bridgeadapter1", "enp4s0")
        status, said, error = behind("startvm", "a", "--type", "headless")
        assert (status, said) == (1, 'Waiting for VM "a" to power on...\n')
        assert error.splitlines()[:2] == [
            "VBoxManage: error: Nonexistent host networking interface, name 'enp4s0' (VERR_INTERNAL_ERROR)",
            (
                "VBoxManage: error: Details: code NS_ERROR_FAILURE (0x80004005), "
                "component ConsoleWrap, interface IConsole, callee nsISupports"
            ),
        ]
        assert "State:                       powered off (since " in behind("showvminfo", "a")[1]
    finally:
        behind("unregistervm", "a", "--delete")


def test_the_suite_knows_what_the_double_has_not() -> None:
    assert VirtualboxTestbed.domain_type == "vbox"
