"""The command: its help, what it refuses, and that it tells a service manager when it is ready."""

import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from watching.domains import AVERAGE
from watching.host import Host
from watching.process import COMMAND, Watch

from vifkit_conformance.lab import Lab
from vifkit_conformance.lab.command import mortal


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=30)


def refusal(status: int, uris: Sequence[str], *options: str) -> str:
    """The one line of a command that was refused."""
    ended = run("watch", *uris, *options)
    assert (ended.returncode, ended.stdout) == (status, ""), ended.stderr
    assert ended.stderr.startswith("vifkit-libvirt: ") and ended.stderr.count("\n") == 1
    return ended.stderr.removeprefix("vifkit-libvirt: ").rstrip("\n")


def test_help_says_how_it_ends() -> None:
    ended = run("watch", "--help")
    assert ended.returncode == 0
    assert "Exit codes: 0 " in ended.stdout and "--once" in ended.stdout


def test_an_option_that_is_unknown_is_bad_usage() -> None:
    assert run("watch", "--often").returncode == 2
    assert run("watch", "--audit", "0").returncode == 2


@pytest.mark.parametrize("option", [(), ("--once",)])
def test_no_libvirtd_is_told_in_one_line(tmp_path: Path, option: tuple[str, ...]) -> None:
    said = refusal(3, [f"qemu:///system?socket={tmp_path}/none"], *option)
    assert "none" in said and "No such file or directory" in said


def test_a_scheme_that_nobody_knows_is_told_in_one_line() -> None:
    assert refusal(2, ["esx://host/"]).startswith("no driver named 'esx' is installed; there are: ")


@pytest.mark.switch
def test_what_is_no_libvirt_is_refused(host: Host) -> None:
    uri = f"netns://{host.lab.directory}/domains?db={host.lab.ovs.db}&netns={host.lab.host.path}"
    assert refusal(2, [uri]) == f"{uri}: this is no libvirt"
    assert not (host.lab.directory / "domains").exists()


@pytest.mark.switch
def test_a_libvirt_that_is_not_to_be_mended_is_refused(host: Host) -> None:
    uri = f"{host.libvirtd.uri('qemu')}&repair=off"
    assert refusal(2, [uri]) == f"{uri}: with repair=off there is nothing to do"


@pytest.mark.switch
def test_libvirts_beside_two_switches_are_refused(host: Host) -> None:
    with Lab() as other:
        uris = [host.libvirtd.uri("qemu"), host.libvirtd.uri("lxc").replace(host.lab.ovs.db, other.ovs.db)]
        assert refusal(2, uris) == "these URIs are not beside one Open vSwitch: run a watch for each"


@pytest.mark.switch
def test_a_connection_for_reading_only_is_enough(host: Host) -> None:
    guest = host.start("qemu", AVERAGE)
    uri = host.libvirtd.uri("qemu").replace("libvirt-sock", "libvirt-sock-ro") + "&readonly=on"
    assert run("watch", "--once", uri).returncode == 0
    assert host.limit(guest) == (512_000, 512_000)


@pytest.mark.switch
@pytest.mark.parametrize("abstract", [False, True])
def test_a_service_manager_is_told_when_all_is_in_effect(host: Host, abstract: bool) -> None:
    guest = host.start("qemu", AVERAGE)
    where = f"{host.lab.directory}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + where if abstract else where)
        manager.settimeout(20)
        named = {"NOTIFY_SOCKET": f"@{where}" if abstract else where}
        with subprocess.Popen(
            mortal([COMMAND, "watch", host.libvirtd.uri("qemu")]), env=os.environ | named, stdout=subprocess.DEVNULL
        ) as service:
            assert manager.recv(100) == b"READY=1"
            assert host.limit(guest) == (512_000, 512_000)
            service.terminate()
            assert service.wait(10) == 0


@pytest.mark.switch
def test_a_reader_that_left_ends_it_without_a_traceback(host: Host) -> None:
    with subprocess.Popen(
        mortal([COMMAND, "watch", host.libvirtd.uri("qemu")]), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as service:
        assert service.stdout is not None and service.stderr is not None
        assert service.stdout.readline().startswith(b"watching ")
        service.stdout.close()
        host.start("qemu", AVERAGE)
        assert service.wait(10) == 1
        assert service.stderr.read() == b""


@pytest.mark.switch
@pytest.mark.parametrize(
    ("output", "said"),
    [("/dev/full", b"vifkit-libvirt: what follows cannot be written: No space left on device\n"), (None, b"")],
    ids=["full", "closed-pipe"],
)
def test_what_it_cannot_say_it_does_all_the_same(host: Host, output: str | None, said: bytes) -> None:
    guest = host.start("qemu", AVERAGE)
    if output is None:
        reader, descriptor = os.pipe()
        os.close(reader)
    else:
        descriptor = os.open(output, os.O_WRONLY)
    try:
        command = mortal([COMMAND, "watch", "--once", host.libvirtd.uri("qemu")])
        done = subprocess.run(command, stdout=descriptor, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(descriptor)
    assert (done.returncode, done.stderr) == (0, said)
    assert host.limit(guest) == (512_000, 512_000)


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "1.5", "86401"])
def test_an_audit_that_never_comes_or_never_ends_is_bad_usage(seconds: str) -> None:
    done = subprocess.run([COMMAND, "watch", "--audit", seconds], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Invalid value for '--audit'" in done.stderr


@pytest.mark.switch
def test_without_options_a_person_sees_plain_lines(host: Host) -> None:
    with Watch(host, "qemu") as watch:
        guest = host.start("qemu", AVERAGE)
        watch.wait_until(lambda: len(watch.lines()) == 2, "it is told")
        assert watch.lines() == ["watching qemu:///system (0 running)", f"in effect: {guest.name} {host.port(guest)}"]
