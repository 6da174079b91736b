"""A vmrun that is slow, fails or talks garbage, or is not there: one line, typed, and nothing half done."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from vifkit import (
    AccessDeniedError,
    BackendError,
    Bandwidth,
    ConnectError,
    Connection,
    InvalidStateError,
    Rate,
    State,
)
from vifkit_base.command import CommandFailedError
from vifkit_workstation.double.install import Double
from vifkit_workstation.driver import WorkstationDriver

Untouched = Callable[..., AbstractContextManager[None]]

MAC = "52:54:00:00:00:01"
XML = (
    "<domain type='vmware'><name>web</name><uuid>0a1b2c3d-1111-4222-8333-444455556666</uuid><devices>"
    f"<interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/></interface></devices></domain>"
)
LIMIT = Bandwidth(inbound=Rate(average=512))


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"say": "\x00\x01 Total running"}, BackendError, "vmrun list says something else than which machines run"),
        ({"say": ""}, BackendError, "something else"),
        ({"say": "Total running VMs: 2\n/a.vmx\n"}, BackendError, "something else"),
        ({"say": "Total running VMs: many\n"}, BackendError, "something else"),
        ({"say": "Error: Unable to connect to host.\n", "status": 255}, CommandFailedError, "vmrun: Error: Unable to"),
        ({"say": "", "status": 3}, CommandFailedError, "vmrun: status 3, and not a word"),
        ({"say": "Total running VMs: 0", "dies": True}, BackendError, "vmrun: Total running VMs: 0"),
        ({"say": "x" * 1000, "times": 10_000}, ConnectError, "vmrun said more than 8388608 bytes"),
        ({"seconds": 30}, ConnectError, "vmrun did not end within 1 s"),
        (
            {"say": "Error: Insufficient permissions in the host operating system\n", "status": 255},
            AccessDeniedError,
            "Insufficient permissions",
        ),
    ],
    ids=["garbage", "silence", "less", "no-number", "fails", "status", "dies", "10MB", "slow", "denied"],
)
def test_a_vmrun_that_does_not_answer_is_no_list_of_machines(
    vmware: Double, untouched: Untouched, how: dict[str, object], error: type[Exception], said: str
) -> None:
    with WorkstationDriver().open(f"{vmware.uri}&timeout=1") as machines:
        made = machines.define(XML)
        vmware.order("list", **how)
        begun = time.monotonic()
        for verb in (machines.domains, made.start, made.state, lambda: made.set_bandwidth(MAC, LIMIT)):
            with untouched(error, said):
                verb()
            if "seconds" in how or "times" in how:
                break
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("how", [{"seconds": 30}, {"seconds": 30, "say": "", "does": True}], ids=["before", "after"])
def test_a_start_that_takes_too_long_leaves_nothing_running(vmware: Double, how: dict[str, object]) -> None:
    with WorkstationDriver().open(f"{vmware.uri}&timeout=1") as machines:
        made = machines.define(XML)
        vmware.order("start", **how)
        with pytest.raises(ConnectError, match="vmrun did not end within 1 s"):
            made.start()
        vmware.order()
        assert made.state() is State.SHUTOFF
        vmware.order("start", **how)
        with pytest.raises(ConnectError):
            machines.create(XML.replace("web", "app").replace("0a1b", "1a1b"))
        vmware.order()
        assert [each.name for each in machines.domains()] == ["web"]


def test_a_start_that_fails_leaves_nothing(vmware: Double, machines: Connection) -> None:
    vmware.order("start", say="Error: Not enough physical memory is available\n", status=255)
    with pytest.raises(CommandFailedError, match="vmrun: Error: Not enough physical memory is available"):
        machines.create(XML)
    assert list(vmware.machines.iterdir()) == []


def test_a_machine_that_ended_by_itself_meanwhile_is_not_stopped(vmware: Double, machines: Connection) -> None:
    made = machines.define(XML)
    made.start()
    vmware.order("stop", say=f"Error: The virtual machine is not powered on: {vmware.vmx('web')}\n", status=255)
    with pytest.raises(InvalidStateError, match="domain 'web' is shut off, not running"):
        made.stop()
    vmware.order()
    made.stop()


def test_a_version_that_is_none_is_said_so(vmware: Double, machines: Connection) -> None:
    assert machines.version() == "VMware Workstation, vmrun 1.17.0 build-24832109"
    vmware.program.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(BackendError, match="vmrun does not say what version it is"):
        machines.version()


@pytest.mark.parametrize("parameter", ["vmrun=/nowhere/vmrun", "vmrun=vmrun-that-nobody-has"])
def test_without_vmrun_there_is_no_connection(tmp_path: Path, parameter: str) -> None:
    with pytest.raises(ConnectError, match="there is no program vmrun"):
        WorkstationDriver().open(f"vmware://{tmp_path}?{parameter}")


def test_a_vmrun_that_went_away_is_a_connect_error(vmware: Double, machines: Connection) -> None:
    vmware.program.unlink()
    with pytest.raises(ConnectError, match="vmrun: No such file or directory"):
        machines.domains()


@pytest.mark.parametrize(
    "uri",
    ["vmware:relative", "vmware://host/directory", "vmware:///", "esx:///x", "vmware:///x?vmrum=/x", "vmware:///x#y",
     "vmware:///x?timeout=0", "vmware:///x?timeout=soon", "vmware:///x?timeout=99999", "vmware://me:secret@host/x"],
)  # fmt: skip
def test_a_uri_that_is_not_understood_is_refused(uri: str) -> None:
    with pytest.raises((ValueError, ConnectError)) as caught:
        WorkstationDriver().open(uri)
    assert "secret" not in str(caught.value)


def test_a_directory_that_is_not_there_is_a_connect_error(vmware: Double) -> None:
    for part in ("/machines?", "/networks"):
        with pytest.raises(ConnectError, match=r"/nowhere is no directory$"):
            WorkstationDriver().open(vmware.uri.replace(part, "/nowhere" + part[9:]))
    assert not (vmware.directory / "nowhere").exists()


def test_a_uri_that_is_not_understood_is_answered_by_all_that_is() -> None:
    with pytest.raises(ValueError, match=r"vmrun=PROGRAM&timeout=SECONDS&networks=DIRECTORY is, of 1 to 9999 seconds$"):
        WorkstationDriver().open("vmware:///x?timeout=0")
