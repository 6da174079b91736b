"""URIs of hypervisors that are reached by a program on this host, and notes that fit an argument."""

from pathlib import Path

import pytest

from vifkit import DomainConfig, InvalidXmlError, State, parse_domain
from vifkit_base.hypervisor import Machine
from vifkit_base.keeping import argument, renewed
from vifkit_base.local import local
from vifkit_base.notes import noted

XML = "<domain type='box'><name>a</name><uuid>93a38cd7-ef00-47aa-9868-d291d4ed5e0a</uuid>{}</domain>"


def config(body: str = "") -> DomainConfig:
    return parse_domain(XML.format(body))


def test_a_uri_names_what_is_not_the_default() -> None:
    found = local("box:///home?program=/opt/box&db=tcp:192.0.2.1:6640&timeout=5", ["box"], "/home", "boxctl")
    assert (found.program.name, found.db) == ("box", "tcp:192.0.2.1:6640")
    assert local("box:///", ["box"], "/home", "boxctl").program.name == "boxctl"


def test_a_tool_works_in_the_namespace(tmp_path: Path) -> None:
    assert "lo" in local("box:///", ["box"], "/home", "boxctl").tool("ip", "-brief").run("link")


@pytest.mark.parametrize("uri", ["box:///other", "box://host/home", "box:///home?timeout=²", "box:///home?program=a/b"])
def test_a_uri_that_is_not_understood_is_a_value_error(uri: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        local(uri, ["box"], "/home", "boxctl")


def test_a_note_that_fits_no_argument_is_refused() -> None:
    import random

    body = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=200_000))
    with pytest.raises(InvalidXmlError, match="too long to be kept"):
        argument(config(f"<title>{body}</title>"), transient=False)


def test_a_definition_that_is_replaced_waits_while_the_domain_runs() -> None:
    running = Machine(config=config(), state=State.RUNNING, transient=True)
    other = config("<title>other</title>")
    kept = noted(renewed(running, other, running=False))
    assert kept is not None
    assert (kept.xml, kept.waiting, kept.transient) == (config().to_xml(), other.to_xml(), False)
    kept = noted(renewed(running, other, running=True))
    assert kept is not None
    assert (kept.xml, kept.waiting, kept.transient) == (other.to_xml(), None, True)
    kept = noted(renewed(running, config(), running=False))
    assert kept is not None and kept.waiting is None
    off = Machine(config=config(), state=State.SHUTOFF)
    kept = noted(renewed(off, other, running=False))
    assert kept is not None
    assert (kept.xml, kept.waiting) == (other.to_xml(), None)
