"""The double says what prlctl says: its manual page, its source, and transcripts that users have published."""

import json
from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]
UUID = "93a38cd7-ef00-47aa-9868-d291d4ed5e0a"
NOT_FOUND = (
    "Failed to get VM config: The virtual machine could not be found. The virtual machine is not registered in the "
    "virtual machine directory on this server. Contact your Virtuozzo administrator for assistance.\n"
)


def test_a_virtual_machine_is_made_told_and_forgotten(prlctl: Run) -> None:
    made = "Creating the virtual machine...\nThe VM has been successfully created.\n"
    assert prlctl("create", "vm1", "--vmtype", "vm", "--no-hdd", "--uuid", UUID) == (0, made, "")
    (told,) = json.loads(prlctl("list", "-a", "-i", "-j")[1])
    assert (told["ID"], told["Name"], told["Type"], told["State"]) == (UUID, "vm1", "VM", "stopped")
    assert told["Hardware"]["net0"]["network"] == "Bridged"
    assert prlctl("delete", UUID) == (0, "Removing the VM...\nThe VM has been successfully removed.\n", "")
    assert json.loads(prlctl("list", "-a", "-i", "-j")[1]) == []


def test_adapters_are_added_and_deleted(prlctl: Run) -> None:
    prlctl("create", "ct1", "--vmtype", "ct", "--uuid", UUID)
    added = prlctl("set", UUID, "--device-add", "net", "--network", "br0", "--mac", "001c4292dc5f")
    assert added == (
        0,
        (
            "Creating net0 (+) dev='vme001c4292dc5f' network='br0' mac=001C4292DC5F card=virtio\n"
            "\nThe CT has been successfully configured.\n"
        ),
        "",
    )
    (told,) = json.loads(prlctl("list", "-i", "-j", "ct1")[1])
    assert told["Hardware"]["net0"] == {
        "enabled": True,
        "dev": "vme001c4292dc5f",
        "network": "br0",
        "mac": "001C4292DC5F",
        "card": "virtio",
    }
    assert prlctl("set", UUID, "--device-add", "net", "--mac", "001C4292DC5F")[0] == 255  # it is taken
    assert prlctl("set", UUID, "--device-del", "net0")[0] == 0
    assert prlctl("set", UUID, "--device-del", "net0")[0] == 255


def test_a_description_may_say_anything(prlctl: Run) -> None:
    prlctl("create", "ct1", "--vmtype", "ct", "--uuid", UUID)
    text = 'a "quoted" line\n\tand \\ another 客'
    assert prlctl("set", UUID, "--description", text)[0] == 0
    (told,) = json.loads(prlctl("list", "-i", "-j", UUID)[1])
    assert told["Description"] == text


@pytest.mark.parametrize("verb", ["start", "stop", "pause", "resume", "delete", "unregister", "set"])
def test_what_is_not_there_is_status_255(prlctl: Run, verb: str) -> None:
    assert prlctl(verb, "does-not-exist") == (255, "", NOT_FOUND)


def test_what_is_not_documented_is_refused(prlctl: Run) -> None:
    for arguments in (
        (),
        ("frobnicate", "x"),
        ("list", "--yaml"),
        ("create",),
        ("create", "-rf"),
        ("create", "a", "--vmtype", "pod"),
        ("set", "a", "--device-add", "net", "--device-del", "net0"),
        ("start",),
        ("start", "--force", "a"),
    ):
        status, said, error = prlctl(*arguments)
        assert (status, said) == (1, ""), arguments
        assert error


def test_what_does_not_run_is_not_stopped_and_what_runs_is_not_started(prlctl: Run) -> None:
    prlctl("create", "web", "--vmtype", "ct", "--uuid", UUID)
    assert prlctl("stop", "web", "--kill") == (
        255,
        "",
        'Failed to stop the CT: The virtual machine "web" is not running.\n',
    )
    assert prlctl("pause", "web")[2] == (
        'Failed to pause the CT: The virtual machine "web" is not running. '
        "This operation can be performed for running virtual machines only.\n"
    )


@pytest.mark.switch
def test_a_container_runs_and_its_device_is_on_the_host(behind: Run) -> None:
    behind("create", "web", "--vmtype", "ct", "--uuid", UUID)
    try:
        behind("set", UUID, "--device-add", "net", "--network", "br0", "--mac", "001C42000001")
        started = "Starting the CT...\nThe CT has been successfully started.\n"
        assert behind("start", UUID) == (0, started, "")
        assert behind("start", UUID)[2] == (
            'Failed to start the CT: The virtual machine "web" is not stopped. '
            "This operation can be performed for stopped virtual machines only.\n"
        )
        assert behind("delete", UUID)[0] == 255
        assert behind("pause", UUID)[1] == "Pause the CT...\nThe CT has been successfully paused.\n"
        assert json.loads(behind("list", "-i", "-j", UUID)[1])[0]["State"] == "paused"
        assert behind("resume", UUID)[0] == 0
        assert behind("stop", UUID, "--kill") == (0, "Stopping the CT...\nThe CT has been forcibly stopped\n", "")
    finally:
        behind("stop", UUID, "--kill")
        behind("delete", UUID)
