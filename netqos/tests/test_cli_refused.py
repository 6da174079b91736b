"""What `netqos explain` and netqos itself refuse: each case is in one line, and with exit code 2."""

import os
import subprocess
from pathlib import Path

import pytest
from shared.cli import NETQOS, refusal, run


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ('<inbound average="-1"/>', "average '-1': 1 to 20 digits are needed, and nothing else (in bandwidth)"),
        ('<inbound average="1.5"/>', "average '1.5': 1 to 20 digits"),
        ('<inbound average="0x10"/>', "average '0x10': 1 to 20 digits"),
        ('<inbound average=""/>', "average '': 1 to 20 digits"),
        ('<inbound average="18446744073709551616"/>', "average "),
        ('<inbound average="NaN"/>', "average 'NaN': 1 to 20 digits"),
        ('<inbound average="1,000"/>', "average '1,000': 1 to 20 digits"),
        ('<inbound average="1_000"/>', "average '1_000': 1 to 20 digits"),
        ('<inbound average="1 000"/>', "average '1 000': 1 to 20 digits"),
        ('<inbound peak="1"/>', "peak 1: a peak needs an average"),
        ('<inbound burst="1"/>', "burst 1: a burst needs an average"),
        ("<inbound/>", "average None: an average is needed"),
        ('<outbound average="1" floor="1"/>', "floor 1: a floor is for inbound only"),
        ('<inbound average="1"/><inbound average="1"/>', "bandwidth/inbound[2]: only one is allowed"),
        ("<upbound/>", "bandwidth: unknown element 'upbound'"),
        ('<inbound average="1" peek="2"/>', "bandwidth/inbound: unknown attribute 'peek'"),
        ("text", "bandwidth: unexpected text 'text'"),
    ],
)
def test_a_bad_bandwidth_is_refused_in_one_line(rate: str, said: str) -> None:
    assert refusal(run("explain", "-", stdin=f"<bandwidth>{rate}</bandwidth>")).startswith(f"-: {said}")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not well-formed XML: "),
        (b"average=512", "not well-formed XML: "),
        (b"<bandwidth>", "not well-formed XML: "),
        (b"<bandwidth>\xff</bandwidth>", "not well-formed XML: "),
        (b"\x7fELF\x00\x00", "a null byte is not allowed"),
        (b"<network/>", "the root must be <domain> or <interface> or <bandwidth>, not 'network'"),
        (b"<bandwidth>" + b" " * 10_000_000 + b"</bandwidth>", "more than 1048576 bytes are not read"),
        (b"<a>" * 100 + b"</a>" * 100, "elements are nested more than 64 deep"),
        (
            b'<!DOCTYPE bandwidth [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><bandwidth>&b;</bandwidth>',
            "a DOCTYPE is not allowed",
        ),
        (
            b'<!DOCTYPE bandwidth [<!ENTITY a SYSTEM "file:///etc/passwd">]><bandwidth>&a;</bandwidth>',
            "a DOCTYPE is not allowed",
        ),
    ],
    ids=["empty", "text", "cut", "latin", "binary", "network", "large", "deep", "bomb", "external"],
)
def test_a_bad_document_is_refused_in_one_line(document: bytes, said: str) -> None:
    assert refusal(run("explain", "-", stdin=document)).startswith(f"-: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'FILE'."),
        (("--mtu", "67", "-"), "Invalid value for '--mtu': 67 is not in the range 68<=x<=65535."),
        (("--mtu", "65536", "-"), "Invalid value for '--mtu': 65536 is not in the range 68<=x<=65535."),
        (("--ovs-version", "3", "-"), "Invalid value for '--ovs-version': '3' is not X.Y or X.Y.Z"),
        (("--ovs-version", "3.1.", "-"), "Invalid value for '--ovs-version': '3.1.' is not X.Y or X.Y.Z"),
        (("--ovs-version", "3.1.0.1", "-"), "Invalid value for '--ovs-version': '3.1.0.1' is not X.Y or X.Y.Z"),
        (("--ovs-version", "3.1-rc", "-"), "Invalid value for '--ovs-version': '3.1-rc' is not X.Y or X.Y.Z"),
        (("--tc", "--json", "-"), "--tc and --json exclude each other"),
        (("/",), "/: Is a directory"),
        (("/nowhere/at.xml",), "/nowhere/at.xml: No such file or directory"),
    ],
)
def test_bad_usage_is_refused_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    assert refusal(run("explain", *arguments)) == said


def test_a_file_that_may_not_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.touch(0)
    # Root may read all, and loses that right here.
    without_rights = (
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--securebits=+noroot"] if not os.getuid() else []
    )
    ended = subprocess.run([*without_rights, NETQOS, "explain", secret], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, f"netqos: {secret}: Permission denied\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nonsense"], "No such command 'nonsense'."), (["--nonsense"], "No such option '--nonsense'.")],
)
def test_an_unknown_command_or_option_is_refused(arguments: list[str], said: str) -> None:
    assert refusal(run(*arguments)).replace(": -", " '-").startswith(said.split(" '", maxsplit=1)[0])
