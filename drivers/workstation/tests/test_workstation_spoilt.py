"""Files that somebody else changes, spoils, removes or holds: one line, typed, and nothing half done."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from vifkit import (
    BackendError,
    Bandwidth,
    Connection,
    DomainExistsError,
    DomainNotFoundError,
    Rate,
    State,
    UnsupportedError,
)
from vifkit_base.overtaken import TRIES
from vifkit_workstation import adapters
from vifkit_workstation.double.install import Double
from vifkit_workstation.files import LockedError, VmxFile
from vifkit_workstation.vmx import Vmx, VmxError

Untouched = Callable[..., AbstractContextManager[None]]

MAC = "52:54:00:00:00:01"
XML = (
    "<domain type='vmware'><name>web</name><uuid>0a1b2c3d-1111-4222-8333-444455556666</uuid><devices>"
    f"<interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/></interface></devices></domain>"
)
LIMIT = Bandwidth(inbound=Rate(average=512))


SPOILT = {
    "duplicate": (b'a = "1"\nA = "2"\n', "line 2: A is there already"),
    "encoding": (b'.encoding = "UTF-8"\ndisplayName = "\xff"\n', "it is not written in UTF-8, as it says"),
    "unknown": (b'.encoding = "klingon"\n', "nobody knows its encoding 'klingon'"),
    "garbage": (bytes(range(1, 256)), "it is not written in UTF-8"),
    "10MB": (b"# " + b"x" * 10_000_000, "it has more than 1048576 bytes"),
    "quotes": (b'displayName = "web\n', 'line 1 is neither a comment nor key = "value"'),
    "uuid": (b'uuid.bios = "56 4d"\n', "badly formed hexadecimal UUID string"),
    "macs": (
        b"".join(
            b'ethernet%d.present = "TRUE"\nethernet%d.generatedAddress = "00:0c:29:00:00:01"\n' % (number, number)
            for number in (0, 1)
        ),
        "another vif has the address 00:0c:29:00:00:01",
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_file_hinders_only_what_needs_it(
    vmware: Double, machines: Connection, untouched: Untouched, spoilt: str
) -> None:
    data, said = SPOILT[spoilt]
    made = machines.define(XML)
    machines.define(XML.replace("web", "app").replace("0a1b", "1a1b"))
    vmware.vmx("web").write_bytes(data)
    assert [each.name for each in machines.domains()] == ["app"]
    for verb in (made.state, made.start, made.xml, made.undefine, lambda: made.set_bandwidth(MAC, LIMIT)):
        with untouched(BackendError, f"web.vmx: .*{said}"):
            verb()
    with untouched(BackendError, "web.vmx: "):
        machines.domain("web")
    with untouched(VmxError, said):
        machines.define(XML)


@pytest.mark.parametrize("uuid", ["zz", "56 4d", "56 4d cd 3f 59 5b 61 43-fd 73 ef 46 56 4c 23 7z"])
def test_a_machine_with_an_unreadable_uuid_is_not_taken_over(
    vmware: Double, machines: Connection, untouched: Untouched, uuid: str
) -> None:
    (vmware.machines / "web").mkdir()
    vmware.vmx("web").write_text(f'displayName = "theirs"\nuuid.bios = "{uuid}"\n')
    for verb in (machines.define, machines.create):
        with untouched(VmxError, "web.vmx: (badly formed hexadecimal UUID string|invalid literal)"):
            verb(XML)


def test_what_is_removed_by_somebody_else_is_not_found(vmware: Double, machines: Connection) -> None:
    made = machines.define(XML)
    shutil.rmtree(vmware.machines / "web")
    for verb in (made.state, made.start, made.stop, made.undefine, made.xml, lambda: made.set_bandwidth(MAC, LIMIT)):
        with pytest.raises(DomainNotFoundError):
            verb()
    assert machines.domains() == []


def test_what_is_replaced_by_another_machine_is_not_found(vmware: Double, machines: Connection) -> None:
    made = machines.define(XML)
    text = vmware.vmx("web").read_text()
    vmware.vmx("web").write_text(text.replace("0a 1b 2c 3d", "0a 1b 2c 3e"))
    with pytest.raises(DomainNotFoundError):
        made.set_bandwidth(MAC, LIMIT)
    with pytest.raises(DomainExistsError):
        machines.define(XML)


def test_an_adapter_that_is_removed_by_somebody_else_is_no_vif(vmware: Double, machines: Connection) -> None:
    made = machines.define(XML)
    text = vmware.vmx("web").read_text()
    vmware.vmx("web").write_text(text.replace('ethernet0.present = "TRUE"', 'ethernet0.present = "FALSE"'))
    assert made.vifs() == ()
    with pytest.raises(LookupError):
        made.set_bandwidth(MAC, LIMIT)


def test_what_somebody_else_writes_in_between_is_not_written_over(vmware: Double, machines: Connection) -> None:
    machines.define(XML)
    path = vmware.vmx("web")
    file = VmxFile(path)
    path.write_bytes(path.read_bytes() + b'theirs = "1"\n')
    file.text.set("ours", "1")
    with pytest.raises(VmxError, match="somebody else has changed it meanwhile"):
        file.save()
    assert path.read_bytes().endswith(b'theirs = "1"\n')
    path.unlink()
    with pytest.raises(BackendError, match="No such file"):
        file.save()
    assert [each.name for each in path.parent.iterdir()] == []


@pytest.mark.parametrize("times", [1, TRIES])
def test_a_file_that_somebody_else_was_quicker_with_is_read_again(
    vmware: Double, machines: Connection, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    made = machines.define(XML)
    path, limit, left = vmware.vmx("web"), adapters.limit, list(range(times))

    def late(vmx: Vmx, adapter: str, bandwidth: Bandwidth | None) -> None:
        if left:
            path.write_text(f'{path.read_text()}theirs{left.pop()} = "1"\n')
        limit(vmx, adapter, bandwidth)

    monkeypatch.setattr(adapters, "limit", late)
    if times < TRIES:
        made.set_bandwidth(MAC, LIMIT)
        assert made.bandwidth(MAC) == LIMIT
    else:
        with pytest.raises(
            BackendError, match=r"somebody else was quicker each time, and nothing was done: .*it was left"
        ):
            made.set_bandwidth(MAC, LIMIT)
        assert made.bandwidth(MAC) is None
    assert path.read_text().count("theirs") == times


def test_a_locked_machine_is_left_alone(vmware: Double, machines: Connection, untouched: Untouched) -> None:
    made = machines.define(XML)
    lock = Path(f"{vmware.vmx('web')}.lck")
    lock.mkdir()
    made.set_bandwidth(MAC, None)  # an empty directory locks nothing
    (lock / "M11454.lck").write_text("somebody's")
    for verb in (made.undefine, lambda: made.set_bandwidth(MAC, LIMIT), lambda: machines.define(XML)):
        with untouched(LockedError, "web.vmx.lck is there: somebody has the machine open"):
            verb()
    with untouched(LockedError, "somebody else has the machine 'web' open: vmrun: Error: The file is already in use"):
        made.start()
    assert made.state() is State.SHUTOFF


def test_a_running_machine_takes_no_change(vmware: Double, machines: Connection, untouched: Untouched) -> None:
    made = machines.define(XML)
    made.start()
    with untouched(UnsupportedError, "does not change"):
        made.set_bandwidth(MAC, LIMIT)
    made.stop()


def test_owner_and_mode_stay(vmware: Double, machines: Connection) -> None:
    made, path = machines.define(XML), vmware.vmx("web")
    path.chmod(0o640)
    with suppress(OSError):  # only root may
        os.chown(path, 12345, 54321)
    before = path.stat()
    made.set_bandwidth(MAC, LIMIT)
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert after.st_ino != before.st_ino


def test_a_link_to_a_file_stays_a_link(vmware: Double, machines: Connection, tmp_path: Path) -> None:
    made = machines.define(XML)
    elsewhere = tmp_path / "elsewhere.vmx"
    vmware.vmx("web").replace(elsewhere)
    vmware.vmx("web").symlink_to(elsewhere)
    made.set_bandwidth(MAC, LIMIT)
    assert vmware.vmx("web").is_symlink()
    assert b'ethernet0.rxbw.limit = "4096"' in elsewhere.read_bytes()


def test_a_damaged_note_is_no_more_than_a_lost_note(vmware: Double, machines: Connection) -> None:
    made = machines.define(XML.replace("<devices>", "<title>lost</title><devices>"))
    assert "lost" in made.xml()
    text = vmware.vmx("web").read_text()
    head, mark, _ = text.partition("vifkit1:")
    vmware.vmx("web").write_text(f'{head}{mark}AAAA"\n')
    assert "lost" not in made.xml()
    assert [vif.mac for vif in made.vifs()] == [MAC]
    Path(f"{vmware.vmx('web')}.vifkit").write_bytes(b"\xff garbage")
    assert made.state() is State.SHUTOFF
