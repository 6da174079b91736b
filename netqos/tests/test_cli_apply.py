"""What `netqos apply` refuses before it looks for a switch: each case is in one line, and with exit code 2."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netqos.cli import main

NO_SWITCH = {"NETQOS_DB": "unix:/nowhere/db.sock", "NETQOS_NETNS": "", "NO_COLOR": "1"}


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin, env=NO_SWITCH)


def refusal(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("netqos: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("netqos: ").rstrip("\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("not JSON", "Expecting value: line 1 column 1 (char 0)"),
        ("[]", "the document: an object is needed, not []"),
        ("null", "the document: an object is needed, not null"),
        ('{"a": 512}', "port 'a': an object is needed, not 512"),
        ('{"a": {"inbound": 512}}', "port 'a': inbound: an object is needed, not 512"),
        ('{"a": {"inbound": []}}', "port 'a': inbound: an object is needed, not []"),
        ('{"a": {"upbound": null}}', "port 'a': unknown key 'upbound'"),
        ('{"a": {"inbound": {"average": 1, "peek": 2}}}', "port 'a': inbound: unknown key 'peek'"),
        ('{"a": null, "a": null}', "the key 'a' is there twice"),
        ('{"a": {"inbound": {"average": 1, "average": 2}}}', "the key 'average' is there twice"),
        ('{"a": {"inbound": {"average": 1.5}}}', "port 'a': inbound average 1.5: a whole number is needed"),
        ('{"a": {"inbound": {"average": 512.0}}}', "port 'a': inbound average 512.0: a whole number is needed"),
        ('{"a": {"inbound": {"average": 0.0}}}', "port 'a': inbound average 0.0: a whole number is needed"),
        ('{"a": {"inbound": {"average": 1e400}}}', "port 'a': inbound average inf: a whole number is needed"),
        ('{"a": {"inbound": {"average": true}}}', "port 'a': inbound average True: a whole number is needed"),
        ('{"a": {"inbound": {"average": false}}}', "port 'a': inbound average False: a whole number is needed"),
        ('{"a": {"inbound": {"average": "512"}}}', "port 'a': inbound average '512': a whole number is needed"),
        ('{"a": {"inbound": {"average": NaN}}}', "NaN is no number"),
        ('{"a": {"inbound": {"average": -Infinity}}}', "-Infinity is no number"),
        ('{"a": {"inbound": {"average": 0x10}}}', "Expecting ',' delimiter: line 1 column 32 (char 31)"),
        ('{"a": {"inbound": {"average": 1,000}}}', "Expecting property name enclosed in double quotes"),
        ('{"a": {"inbound": {"average": -1}}}', "port 'a': inbound average "),
        (
            '{"a": {"inbound": {"average": 18446744073709551616}}}',
            "port 'a': inbound average ",
        ),
        ('{"a": {"inbound": {}}}', "port 'a': inbound average None: an average is needed"),
        ('{"a": {"inbound": {"peak": 1}}}', "port 'a': inbound peak 1: a peak needs an average"),
        ('{"a": {"inbound": {"burst": 1}}}', "port 'a': inbound burst 1: a burst needs an average"),
        ('{"a": {"outbound": {"average": 1, "floor": 1}}}', "port 'a': outbound floor 1: a floor is for inbound only"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": {"inbound": {"average": ' + "9" * 5000 + "}}}", "Exceeds the limit (4300 digits)"),
        ('{"a": null}' + " " * 2**20, "more than 1048576 bytes are not read"),
    ],
)
def test_a_map_is_read_strictly(text: str, said: str) -> None:
    assert refusal(run("apply", "--from", "-", stdin=text)).startswith(f"-: {said}")


@pytest.mark.parametrize("data", [b"\xff\xfe{\x00}\x00", b'{"\xff": null}'])
def test_a_map_is_utf_8(data: bytes) -> None:
    assert refusal(run("apply", "--from", "-", stdin=data)) == "-: not UTF-8"


def test_the_file_is_named_in_what_is_said(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text('{"vnet0": {"inbound": {"average": "512"}}}')
    said = refusal(run("apply", "--from", str(tmp_path / "map.json")))
    assert said == f"{tmp_path}/map.json: port 'vnet0': inbound average '512': a whole number is needed"
    assert refusal(run("apply", "--from", "/nowhere")) == "/nowhere: No such file or directory"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either PORT and FILE, or --from MAP.json"),
        (("vnet0",), "give either PORT and FILE, or --from MAP.json"),
        (("vnet0", "-", "--from", "-"), "give either PORT and FILE, or --from MAP.json"),
        (("vnet0", "-", "--adopt", "vnet1"), "--adopt vnet1: no bandwidth is given for this port"),
        (("vnet0", "-", "--timeout", "0"), "Invalid value for '--timeout': 0 is not in the range 1<=x<=3600."),
        (("vnet0", "-", "--timeout", "nan"), "Invalid value for '--timeout': 'nan' is not a valid integer range."),
    ],
)
def test_bad_usage_is_refused(arguments: tuple[str, ...], said: str) -> None:
    assert refusal(run("apply", *arguments, stdin="<bandwidth/>")) == said


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("<bandwidth><inbound average='1.5'/></bandwidth>", "-: average '1.5': 1 to 20 digits are needed"),
        ("<domain/>", "-: the domain has 0 interfaces; one is needed"),
        (
            "<domain><devices><interface/><interface/></devices></domain>",
            "-: the domain has 2 interfaces; one is needed",
        ),
        ("<bandwidth>", "-: not well-formed XML: "),
    ],
)
def test_a_bad_file_is_refused(xml: str, said: str) -> None:
    assert refusal(run("apply", "vnet0", "-", stdin=xml)).startswith(said)


def test_clear_needs_a_port() -> None:
    assert refusal(run("clear")) == "Missing argument 'PORT...'."


@pytest.mark.parametrize("arguments", [("apply", "vnet0", "-"), ("clear", "vnet0"), ("show",), ("verify",), ("gc",)])
@pytest.mark.parametrize("db", ["unix:/nowhere/db.sock", "unix:/etc/passwd", "tcp:127.0.0.1:1"])
def test_a_server_that_is_not_there_is_unavailable(arguments: tuple[str, ...], db: str) -> None:
    result = run(*arguments, "--db", db, stdin="<bandwidth/>")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"netqos: no Open vSwitch database answers at {db}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("db", ["nonsense", "/run/openvswitch/db.sock", "unix:", "tcp:6640", "tcp:host:port"])
def test_an_address_that_is_none_is_refused(db: str) -> None:
    assert refusal(run("gc", "--db", db)).startswith("--db: ")


def test_a_map_of_zeros_and_nulls_is_no_limit() -> None:
    figures = {"average": 0, "peak": 0, "burst": None, "floor": 0}
    result = run("apply", "--from", "-", stdin=json.dumps({"vnet0": {"inbound": figures, "outbound": None}}))
    assert result.exit_code == 3  # it was understood, and then there is no switch
