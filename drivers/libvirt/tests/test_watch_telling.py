"""What the service says of a pass."""

import json

import pytest

from netqos import Finding
from vifkit_libvirt.watch.reconciler import Report
from vifkit_libvirt.watch.telling import Json, Lines

PEAK, OTHER = Finding("peak-is-the-limit", "1024 for ever"), Finding("peak-is-the-limit", "2048 for ever")


def lines(capsys: pytest.CaptureFixture[str], report: Report) -> tuple[list[str], list[str]]:
    Lines().tell(report)
    said = capsys.readouterr()
    return said.out.splitlines(), said.err.splitlines()


def test_of_a_pass_that_did_nothing_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, Report(read=1)) == ([], [])


def test_of_many_ports_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(changed=[(f"guest{number}", f"vnet{number}") for number in range(10)])
    named = ", ".join(f"guest{number} vnet{number}" for number in range(8))
    assert lines(capsys, report) == ([f"in effect: {named} and 2 more"], [])


def test_what_is_wrong_goes_to_standard_error_and_its_end_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report(begun=["web vnet0: held"], over=["qemu:///system answers again"])
    assert lines(capsys, report) == (["qemu:///system answers again"], ["vifkit-libvirt: web vnet0: held"])


def test_one_finding_of_two_domains_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(capsys, Report(findings=[("web", PEAK), ("db", PEAK)]))
    assert said == (["note: web, db: peak-is-the-limit: 1024 for ever"], [])


def test_where_the_figures_differ_the_meaning_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    (line,), _ = lines(capsys, Report(findings=[("web", PEAK), ("db", OTHER)]))
    assert line == "note: web, db: peak-is-the-limit: the average guarantees; only the peak limits"


def test_a_name_does_not_move_a_terminals_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, Report(changed=[("w\x1b[2Jb", "vnet0")])) == (["in effect: w\\x1b[2Jb vnet0"], [])


def test_in_json_a_pass_that_only_read_is_said_and_one_that_did_nothing_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Json().tell(Report())
    assert capsys.readouterr().out == ""
    Json().tell(Report(read=1, findings=[("web", PEAK)]))
    said = json.loads(capsys.readouterr().out)
    assert said["read"] == 1
    assert said["findings"] == [{"domain": "web", "code": "peak-is-the-limit", "message": "1024 for ever"}]
