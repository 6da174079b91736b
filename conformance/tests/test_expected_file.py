"""A file of expected failures is read, or refused in one line."""

from datetime import date
from pathlib import Path

import pytest

from vifkit_conformance.judging.expected import Failure, read

FOUR = "test_errors.py::test_what_is_no_domain_is_refused"
VERSION = "test_lifecycle.py::test_version_names_the_hypervisor"
BROKEN = "assert"
LINK = "https://example.org/defects/1"
REST = f"says = 's'\nreason = 'x'\nlink = '{LINK}'\nexpires = 2027-02-28"
DATE = "expires must be a date, as 2027-11-30"


def entry(test: str, reason: str = "it is broken", says: str = "", expires: str = "2999-12-31") -> str:
    return (
        f'[[failure]]\ntest = "{test}"\nsays = "{says or BROKEN}"\nreason = "{reason}"\nlink = "{LINK}"\n'
        f"expires = {expires}\n"
    )


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(entry(f"{FOUR}[text]") + entry(f"{FOUR}[entity]", "another"), encoding="utf-8")
    assert read(path) == [
        Failure(f"{FOUR}[text]", BROKEN, "it is broken", LINK, date(2999, 12, 31)),
        Failure(f"{FOUR}[entity]", BROKEN, "another", LINK, date(2999, 12, 31)),
    ]
    path.write_text(
        f"[[failure]]\ntest = ['{VERSION}', '{FOUR}']\n{REST}\n",
        encoding="utf-8",
    )
    held = ("s", "x", LINK, date(2027, 2, 28))
    assert read(path) == [Failure(VERSION, *held), Failure(FOUR, *held)]
    path.write_text("# Nothing is broken.\n", encoding="utf-8")
    assert read(path) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("failure = ", "Invalid value (at end of document)"),
        ("failure = 1", "only [[failure]] entries may be in it"),
        ("failure = [1]", "only [[failure]] entries may be in it"),
        ("[failure]", "only [[failure]] entries may be in it"),
        (entry(VERSION) + "[[failures]]", "only [[failure]] entries may be in it"),
        ("[[failure]]", "failure 1 (no test): missing: expires, link, reason, says, test"),
        (f"[[failure]]\ntest = '{FOUR}'\nreason = 'x'", f"failure 1 ({FOUR}): missing: expires, link, says"),
        (entry(VERSION) + entry(FOUR) + "lnik = 'x'", f"failure 2 ({FOUR}): unknown: lnik"),
        (entry(VERSION, " "), f"failure 1 ({VERSION}): reason must be one line of text"),
        (entry(VERSION).replace('"it is broken"', "4"), f"failure 1 ({VERSION}): reason must be one line of text"),
        (
            entry(VERSION, says="("),
            f"failure 1 ({VERSION}): says is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (entry(""), "failure 1 (): test must be one line of text"),
        (entry(VERSION, r"two\nlines"), f"failure 1 ({VERSION}): reason must be one line of text"),
        (entry(VERSION).replace(LINK, "the wiki"), f"failure 1 ({VERSION}): link must be the URL of a page"),
        (entry(VERSION, expires="'soon'"), f"failure 1 ({VERSION}): {DATE}"),
        (
            entry(VERSION, expires="2027-11-30T12:00:00"),
            f"failure 1 ({VERSION}): {DATE}",
        ),
        (entry("test_x"), "failure 1 (test_x): test must be module.py::function or module.py::function[id]"),
        (entry(f"{FOUR}[]"), f"failure 1 ({FOUR}[]): test must be module.py::function or module.py::function[id]"),
        ("[[failure]]\ntest = []", "failure 1 (): test must name one"),
        (
            f"[[failure]]\ntest = ['{FOUR}', '{FOUR}']\n{REST}",
            f"failure 1 ({FOUR}, {FOUR}): there is an entry for {FOUR} already",
        ),
        (entry(FOUR) + entry(FOUR), f"failure 2 ({FOUR}): there is an entry for {FOUR} already"),
        (entry(FOUR) + entry(f"{FOUR}[text]"), f"failure 2 ({FOUR}[text]): there is an entry for {FOUR} already"),
        (entry(f"{FOUR}[text]") + entry(FOUR), f"failure 2 ({FOUR}): there is an entry for {FOUR}[text] already"),
    ],
)
def test_a_file_that_is_not_right_is_told_in_one_line_that_names_the_entry(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(pytest.UsageError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {says}"


def test_a_file_of_another_encoding_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    path.write_bytes(b"# d\xe9faut\n")
    with pytest.raises(pytest.UsageError, match=r"expected\.toml: 'utf-8' codec can't decode byte 0xe9"):
        read(path)
