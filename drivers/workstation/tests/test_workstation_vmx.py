"""The text of a .vmx file: one key changes, and not a byte beside it."""

import pytest

from vifkit_workstation.vmx import MAX_BYTES, Vmx, VmxError

WRITTEN = b"""#!/usr/bin/vmware
.encoding = "UTF-8"
config.version = "8"

# the network
  Ethernet0.Present  =  "TRUE"   # since yesterday
ethernet0.rxbw.limit="1544"
numvcpus = 2
annotation = "said |22stop|22, |7C and|0Awent"
guestinfo.empty = ""
"""


@pytest.mark.parametrize(
    "data", [WRITTEN, WRITTEN.replace(b"\n", b"\r\n"), WRITTEN[:-1], b"\xef\xbb\xbf" + WRITTEN, b""]
)
def test_what_is_not_changed_stays_to_the_byte(data: bytes) -> None:
    assert Vmx(data).to_bytes() == data


def test_keys_are_read_in_any_case() -> None:
    vmx = Vmx(WRITTEN)
    assert vmx.get("ethernet0.present") == vmx.get("ETHERNET0.PRESENT") == "TRUE"
    assert vmx.is_true("ethernet0.present") and not vmx.is_true("ethernet1.present")
    assert (vmx.get("numvcpus"), vmx.get("nothing"), vmx.get("nothing", "7")) == ("2", "", "7")
    assert vmx.keys() == [
        ".encoding", "config.version", "ethernet0.present", "ethernet0.rxbw.limit", "numvcpus", "annotation",
        "guestinfo.empty",
    ]  # fmt: skip


def test_a_value_is_replaced_in_its_place() -> None:
    vmx = Vmx(WRITTEN)
    vmx.set("ethernet0.RXBW.limit", "4096")
    vmx.set("ethernet0.present", "FALSE")
    vmx.set("numvcpus", "4")
    expected = WRITTEN.replace(b'"1544"', b'"4096"').replace(b'"TRUE"', b'"FALSE"').replace(b"= 2", b'= "4"')
    assert vmx.to_bytes() == expected


def test_a_key_is_added_at_the_end_and_taken_out_with_its_line() -> None:
    vmx = Vmx(WRITTEN)
    vmx.set("ethernet0.txbw.limit", "8")
    assert vmx.to_bytes() == WRITTEN + b'ethernet0.txbw.limit = "8"\n'
    vmx.remove("Ethernet0.TxBw.limit")
    vmx.remove("nothing")
    assert vmx.to_bytes() == WRITTEN


def test_line_ends_are_kept() -> None:
    vmx = Vmx(b'a = "1"\r\nb = "2"')
    vmx.set("b", "3")
    vmx.set("c", "4")
    assert vmx.to_bytes() == b'a = "1"\r\nb = "3"\r\nc = "4"\r\n'


def test_what_a_quoted_value_cannot_hold_is_escaped() -> None:
    vmx = Vmx(WRITTEN)
    assert vmx.get("annotation") == 'said "stop", | and\nwent'
    vmx.set("annotation", 'a "b" | c\r\n#d')
    assert b'annotation = "a |22b|22 |7C c|0D|0A#d"\n' in vmx.to_bytes()
    assert Vmx(vmx.to_bytes()).get("annotation") == 'a "b" | c\r\n#d'


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [("UTF-8", "utf-8"), ("windows-1252", "cp1252"), ("Windows-932", "cp932"), ("windows-936", "gbk"),
     ("ISO-8859-1", "latin-1"), ("GB18030", "gb18030"), ("Shift_JIS", "shift_jis")],
)  # fmt: skip
def test_the_encoding_is_the_files_own(encoding: str, codec: str) -> None:
    name = "日本" if codec in ("cp932", "gbk", "gb18030", "shift_jis") else "Möwe"
    data = f'displayName = "{name}"\n.encoding = "{encoding}"\n'.encode(codec)
    vmx = Vmx(data)
    assert vmx.get("displayName") == name
    vmx.set("displayName", name * 2)
    assert vmx.to_bytes() == f'displayName = "{name * 2}"\n.encoding = "{encoding}"\n'.encode(codec)


def test_without_an_encoding_it_is_utf_8() -> None:
    assert Vmx('displayName = "☃"\n'.encode()).get("displayName") == "☃"


def test_what_the_encoding_does_not_have_is_refused() -> None:
    vmx = Vmx(b'.encoding = "windows-1252"\n')
    vmx.set("displayName", "☃")
    with pytest.raises(VmxError, match=r"^windows-1252, in which it is written, has no"):
        vmx.to_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'a = "1"\n# c\nA = "1"\n', "line 3: A is there already"),
        (b'numvcpus ="2\n', "line 1 is neither"),
        (b"scsi0:0.fileName = c:\\my vms\\test.vmdk\n", "line 1 is neither"),
        (b'a = "1"\ngarbage\n', "line 2 is neither"),
        (b'a = "1" b = "2"\n', "line 1 is neither"),
        (b'a = "\0"\n', "line 1 is neither"),
        (b'a = "caf\xe9"\n', "it is not written in UTF-8, as it says: "),
        (b'.encoding = "windows-932"\na = "\x81"\n', "it is not written in windows-932"),
        (b'.encoding = "klingon-1"\n', "nobody knows its encoding 'klingon-1'"),
        (b'.encoding = "UTF-16"\n', "nobody knows its encoding 'UTF-16'"),
        (b'.encoding = "rot13"\n', "nobody knows its encoding 'rot13'"),
        (b'.encoding = "\xe9"\n', "nobody knows its encoding"),
        ('a = "1"\n'.encode("utf-16"), "it is not written in UTF-8"),
        (b"#" * (MAX_BYTES + 1), "it has more than 1048576 bytes"),
    ],
    ids=range(14),
)
def test_what_is_no_vmx_file_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(VmxError, match=f"^{said}") as caught:
        Vmx(data)
    assert "\n" not in str(caught.value)


def test_many_lines_take_no_time() -> None:
    data = b"".join(b'k%d = "1"\n' % number for number in range(60_000))
    vmx = Vmx(data)
    vmx.set("k59999", "2")
    assert vmx.to_bytes() == data[:-3] + b'2"\n'
    vmx.set("long", "x" * MAX_BYTES)
    with pytest.raises(VmxError, match="it would have more than"):
        vmx.to_bytes()
