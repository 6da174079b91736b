"""Machines that Workstation has made are domains, and stay Workstation's."""

from pathlib import Path

import pytest

from vifkit import Bandwidth, Connection, Rate, State
from vifkit_workstation.double.install import Double

# As Workstation writes it, but for its length.
THEIRS = b"""#!/usr/bin/vmware\r
.encoding = "windows-1252"\r
config.version = "8"\r
virtualHW.version = "16"\r
displayName = "Caf\xe9"\r
guestOS = "ubuntu-64"\r
nvme0:0.fileName = "Caf\xe9.vmdk"\r
ethernet0.connectionType = "nat"\r
ethernet0.addressType = "generated"\r
ethernet0.virtualDev = "e1000"\r
ethernet0.present = "TRUE"\r
ethernet0.rxbw.limit = "1544"\r
ethernet0.rxfi.droprate = "0"\r
ethernet0.txbw.limit = "-1"\r
ethernet0.generatedAddress = "00:0C:29:4C:23:7B"\r
ethernet0.pciSlotNumber = "33"\r
ethernet1.present = "FALSE"\r
ethernet2.present = "TRUE"\r
ethernet2.connectionType = "pvn"\r
ethernet2.addressType = "generated"\r
ethernet2.generatedAddress = "00:0c:29:4c:23:85"\r
ethernet3.present = "TRUE"\r
uuid.bios = "56 4d cd 3f 59 5b 61 43-fd 73 ef 46 56 4c 23 7b"\r
checkpoint.vmState = ""\r
"""


@pytest.fixture
def theirs(vmware: Double) -> Path:
    directory = vmware.machines / "Café"
    directory.mkdir()
    path = directory / "old name.vmx"
    path.write_bytes(THEIRS)
    path.chmod(0o750)
    return path


def test_a_machine_of_vmwares_own_is_a_domain(theirs: Path, machines: Connection) -> None:
    found = machines.domain("Café")
    assert found.uuid == "564dcd3f-595b-6143-fd73-ef46564c237b"
    assert found.state() is State.SHUTOFF
    assert [(vif.mac, vif.type, vif.source) for vif in found.vifs()] == [
        ("00:0c:29:4c:23:7b", "bridge", "vmnet8"),
        ("00:0c:29:4c:23:85", "bridge", None),
    ]
    assert found.bandwidth("00:0c:29:4c:23:7b") == Bandwidth(inbound=Rate(average=193))
    assert [each.name for each in machines.domains()] == ["Café"]


def test_of_a_machine_of_vmwares_own_only_the_limits_change(theirs: Path, machines: Connection) -> None:
    found = machines.domain("Café")
    found.set_bandwidth("00:0C:29:4C:23:7B", Bandwidth(inbound=Rate(average=512)))
    found.set_bandwidth("00:0c:29:4c:23:85", Bandwidth(outbound=Rate(average=1)))
    wanted = THEIRS.replace(b'"1544"', b'"4096"').replace(b'ethernet0.txbw.limit = "-1"\r\n', b"")
    assert theirs.read_bytes() == wanted + b'ethernet2.txbw.limit = "8"\r\n'
    assert theirs.stat().st_mode & 0o777 == 0o750
    assert [each.name for each in theirs.parent.iterdir()] == ["old name.vmx"]


def test_a_machine_of_vmwares_own_that_is_defined_anew_keeps_what_no_domain_says(
    theirs: Path, machines: Connection
) -> None:
    machines.define(
        f"<domain type='vmware'><name>Café</name><uuid>{machines.domain('Café').uuid}</uuid><devices>"
        "<interface type='bridge'><mac address='00:0c:29:4c:23:7b'/><source bridge='br0'/>"
        "<bandwidth><inbound average='512'/></bandwidth></interface></devices></domain>"
    )
    text = theirs.read_bytes()
    for kept in (
        b'nvme0:0.fileName = "Caf\xe9.vmdk"\r\n',
        b'virtualHW.version = "16"\r\n',
        b'displayName = "Caf\xe9"\r\n',
    ):
        assert kept in text
    assert b'ethernet0.pcislotnumber = "33"\r\n' in text
    assert b'ethernet0.generatedAddress = "00:0c:29:4c:23:7b"\r\n' in text
    assert b'ethernet0.rxbw.limit = "4096"\r\n' in text
    assert b"ethernet2" not in text


def test_what_has_a_disk_is_forgotten_and_not_deleted(theirs: Path, machines: Connection) -> None:
    disk = theirs.with_name("Café.vmdk")
    disk.write_bytes(b"disk")
    theirs.with_name("vmware.log").touch()
    machines.domain("Café").undefine()
    assert sorted(each.name for each in theirs.parent.iterdir()) == ["Café.vmdk", "vmware.log"]
    assert machines.domains() == []


@pytest.mark.parametrize(
    ("limit", "average"),
    [("28", 4), ("56", 7), ("1", 1), ("-1", None), ("0", None), ("", None), ("fast", None), ("99999999999", None)],
)
def test_a_limit_of_vmwares_own_is_told_in_kilobytes(
    theirs: Path, machines: Connection, limit: str, average: int | None
) -> None:
    theirs.write_bytes(THEIRS.replace(b'"1544"', f'"{limit}"'.encode()))
    held = machines.domain("Café").bandwidth("00:0c:29:4c:23:7b")
    assert (held and held.inbound and held.inbound.average) == average
