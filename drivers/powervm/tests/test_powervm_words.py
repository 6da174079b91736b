"""Quoting: what the driver writes is what the HMC's shell, and bash itself, read."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vifkit import BackendError
from vifkit_powervm.double.shell import ShellError, split
from vifkit_powervm.double.text import read_list, read_record
from vifkit_powervm.words import command_line, items, record, table, values

NASTY = "ab -='\"\\$`!;|&<>()[]{}*?~#%^,:/\u00e9\u20ac"
PRINTABLE = st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=40)
WORDS = st.one_of(PRINTABLE, st.text(NASTY, max_size=20))
VALUES = WORDS.filter(lambda word: not word.startswith("-"))


@settings(deadline=None)
@given(st.lists(VALUES, max_size=5))
def test_the_shell_reads_the_words_that_were_quoted(words: list[str]) -> None:
    line = command_line("lssyscfg", *(("-i", word) for word in words))
    assert split(line) == ["lssyscfg", *(each for word in words for each in ("-i", word))]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=20))
def test_bash_reads_the_words_that_were_quoted(lines: list[list[str]]) -> None:
    script = "\n".join(command_line("says", *(("-i", word) for word in words)) for words in lines)
    says = "says() { printf '%s\\0' \"$@\"; }\n"
    run = subprocess.run(["bash", "--norc"], input=(says + script).encode(), capture_output=True, check=True)
    expected = [each for words in lines for word in words for each in ("-i", word)]
    assert run.stdout.decode().split("\0")[:-1] == expected
    assert run.stderr == b""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("it's", """lssyscfg -n 'it'"'"'s'"""),
        ('say "no"', """lssyscfg -n 'say "no"'"""),
        ("a; rm b", "lssyscfg -n 'a; rm b'"),
        ("$(id)`id`", "lssyscfg -n '$(id)`id`'"),
        ("a\\", "lssyscfg -n 'a\\'"),
        ("", "lssyscfg -n ''"),
    ],
)
def test_a_value_is_never_more_than_itself(name: str, line: str) -> None:
    assert command_line("lssyscfg", ("-n", name)) == line
    assert split(line) == ["lssyscfg", "-n", name]


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\0b", "a\x1bb", "a\x7fb", "a\u2028b", "a\ud800b", "\u200b"])
def test_what_no_line_can_hold_is_refused(name: str) -> None:
    with pytest.raises(BackendError, match="has a character that no line for the HMC's shell can hold") as caught:
        command_line("lssyscfg", ("-n", name))
    assert "\n" not in str(caught.value)


def test_a_value_is_never_a_flag() -> None:
    with pytest.raises(BackendError, match="'--help' begins with a dash"):
        command_line("lssyscfg", ("-n", "--help"))


@pytest.mark.parametrize(
    "line",
    [
        "a; b",
        "a $b",
        "a `b`",
        'a "$b"',
        "a > b",
        "a 'b",
        'a "b',
        "a b\\",
        "a *",
        "a # b",
        "~",
        "a {b,c}",
        "a & b",
        "a\nb",
    ],
)
def test_the_doubles_shell_takes_one_plain_command(line: str) -> None:
    with pytest.raises(ShellError):
        split(line)


@settings(deadline=None)
@given(st.dictionaries(st.text("abc_", min_size=1), st.text(NASTY), min_size=1, max_size=5))
def test_a_record_is_read_as_it_was_written(attributes: dict[str, str]) -> None:
    assert read_record(record(attributes)) == attributes


@settings(deadline=None)
@given(st.lists(st.text(NASTY, min_size=1), min_size=1, max_size=5))
def test_a_list_is_read_as_it_was_written(given_: list[str]) -> None:
    assert items(values(given_)) == read_list(values(given_)) == given_ or given_ in (["none"], ["null"])


def test_a_record_is_written_as_ibm_writes_it() -> None:
    """MKSYSCFG's examples: a list is quoted with its name, and a list within a list has its quotes doubled."""
    adapters = values(["3/1/1/10/0/1", "2/1/1/3,4,5/0/1"])
    assert record({"name": "web", "virtual_eth_adapters": adapters}) == (
        'name=web,"virtual_eth_adapters=3/1/1/10/0/1,""2/1/1/3,4,5/0/1"""'
    )


def test_a_table_is_read() -> None:
    said = 'name,os_version,lpar_ids\naix01,AIX 7.1,"3,4"\n'
    assert table(said, ("name", "os_version", "lpar_ids")) == [
        {"name": "aix01", "os_version": "AIX 7.1", "lpar_ids": "3,4"}
    ]
    assert table("No results were found.\n", ("name",)) == []


@pytest.mark.parametrize("said", ["", "\n", "name,state\nweb\n", "state,name\na,b\n", 'name,state\n"a,b\n', "x" * 99])
def test_what_is_no_table_is_refused(said: str) -> None:
    with pytest.raises(BackendError, match="the HMC's answer is not understood"):
        table(said, ("name", "state"))
