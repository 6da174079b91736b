"""What must not get into a report."""

import pytest

from vifkit_conformance.report import redact


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("qemu:///system?socket=/run/here", "qemu:///system?socket=/run/here"),
        ("esx://root:hunter22@host/?no_verify=1", "esx://root:REDACTED@host/?no_verify=1"),
        ("qemu+ssh://root@host/system", "qemu+ssh://root@host/system"),
        ("x://host/?password=hunter22&a=b", "x://host/?password=REDACTED&a=b"),
        ("x://host/?a=b&API_TOKEN=hunter22#end", "x://host/?a=b&API_TOKEN=REDACTED#end"),
        ("x://a:p@ss@host:80/path", "x://a:REDACTED@host:80/path"),
    ],
)
def test_a_uri_is_shown_without_its_credentials(given: str, shown: str) -> None:
    assert redact.uri(given) == shown


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    secret = redact.secrets("x://me:open%20sesame@host/?token=t0ken", [("password", "hunter22"), ("repair", "off")])
    said = redact.clean({"said": ["for me, open sesame: hunter22", "open%20sesame, t0ken"], "n": 1}, secret)
    assert said == {"said": ["for me, REDACTED: REDACTED", "REDACTED, REDACTED"], "n": 1}


def test_a_user_is_no_secret() -> None:
    assert redact.secrets("qemu+ssh://root@host/system", []) == set()


def test_a_short_secret_does_not_tear_words_apart() -> None:
    assert redact.secrets(None, [("token", "on")]) == set()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("a bell \x07 and \x1b[31mred", r"a bell \x07 and \x1b[31mred"),
        ("a name of no encoding: \udcff", r"a name of no encoding: \udcff"),
        ("read backwards: \u202eabc", r"read backwards: \u202eabc"),
        ("größer ≠", "größer ≠"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    assert redact.clean(text) == shown
