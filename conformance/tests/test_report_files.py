"""The files of a report, of runs that are written by hand."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from vifkit_conformance.judging.verdicts import Outcome
from vifkit_conformance.report import badge, files, junit
from vifkit_conformance.report.reading import ReportError, first_error, read

sys.path.insert(0, str(Path(__file__).parent))

from reports import FAILED, HELD, INBOUND, OUTBOUND, RATE, UPDATE, run


def test_a_report_is_five_files_and_nothing_else(tmp_path: Path) -> None:
    page = files.write([run()], tmp_path / "deep" / "report")
    assert page == tmp_path / "deep" / "report" / "report.html"
    found = sorted(path.name for path in page.parent.iterdir())
    assert found == ["badge.json", "badge.svg", "junit.xml", "report.html", "report.json"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    runs = [run(FAILED), run(driver="other")]
    files.write(runs, tmp_path)
    assert read(tmp_path) == read(tmp_path / "report.json") == runs


def test_a_report_that_cannot_be_made_leaves_the_last_one(tmp_path: Path) -> None:
    files.write([run()], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyError):
        files.write([{"driver": "netns"}], tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_is_as_its_schema_wants_it() -> None:
    assert first_error({"schema": 1, "runs": [run(FAILED), run(capabilities=None, uri="x://h", package=None)]}) is None


def _unknown_key(held: dict[str, Any]) -> None:
    held["runs"][0]["tests"][0]["colour"] = "red"


def _unknown_evidence(held: dict[str, Any]) -> None:
    held["runs"][0]["tests"][0]["evidence"] = [{"kind": "rumour"}]


def _unknown_outcome(held: dict[str, Any]) -> None:
    held["runs"][0]["tests"][0]["outcome"] = "nearly"


def _no_time_zone(held: dict[str, Any]) -> None:
    held["runs"][0]["started"] = "2026-01-02T03:04:05"


@pytest.mark.parametrize("change", [_unknown_key, _unknown_evidence, _unknown_outcome, _no_time_zone])
def test_the_schema_is_strict(change: Callable[[dict[str, Any]], None]) -> None:
    held = {"schema": 1, "runs": [run()]}
    change(held)
    said = first_error(held)
    assert said is not None and said.startswith("$.runs[0]")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "report.json: No such file or directory"),
        ("{", "report.json: no report: Expecting property name"),
        ("[1]", "report.json: no report: $: [1] is not of type 'object'"),
        ('{"schema": 2, "runs": []}', "report.json: a report of schema 2, and this version reads 1"),
        ("\udcff", "report.json: no report: 'utf-8' codec can't decode"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "report.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ReportError) as caught:
        read(tmp_path)
    assert f"{tmp_path}/{says}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_junit_tells_each_test_by_its_stable_id() -> None:
    expected = replace(HELD[0], outcome=Outcome.EXPECTED, reason="a known defect")
    (suite,) = ET.fromstring(junit.write([run(FAILED, expected)]))
    assert suite.attrib == {
        "name": "netns",
        "hostname": "bench",
        "timestamp": "2026-01-02T03:04:05Z",
        "time": "12.500",
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
    }
    cases = {f"{case.get('classname')}.py::{case.get('name')}": case for case in suite.iter("testcase")}
    assert len(cases) == 5
    assert list(cases[f"netns.{RATE}"]) == []
    (failure,) = cases[f"netns.{UPDATE}"]
    assert (failure.tag, failure.get("message")) == ("failure", FAILED.reason)
    assert failure.text == (
        "an update replaces the whole bandwidth; a max-rate left from before is stale.\n\na traceback"
    )
    (skipped,) = cases[f"netns.{INBOUND}"]
    assert (skipped.tag, skipped.get("message")) == ("skipped", "failed as expected: a known defect")
    assert cases[f"netns.{OUTBOUND}"][0].get("message", "").startswith("refused: the driver does not declare outbound")


def test_junit_has_a_failure_for_what_is_wrong_with_the_run() -> None:
    (suite,) = ET.fromstring(junit.write([run(complaints=["test_x: overridden", "the run was interrupted"])]))
    assert (suite.get("tests"), suite.get("failures")) == ("7", "2")
    assert [case[0].get("message") for case in suite.iter("testcase") if case.get("name", "").startswith("compl")] == [
        *("test_x: overridden", "the run was interrupted"),
    ]


NOT_JUDGED = replace(HELD[1], outcome=Outcome.NOT_JUDGED, reason="no traffic", evidence=[])


@pytest.mark.parametrize(
    ("runs", "message", "color"),
    [
        ([run()], "conformant", "1a7f37"),
        ([run(FAILED)], "1 failed", "cf222e"),
        ([run(NOT_JUDGED)], "partial, 1 of 2 profiles", "9a6700"),
        ([run(unseen=("test_errors.py::test_a_floor_is_for_inbound_only",))], "partial, 1 of 2 profiles", "9a6700"),
        # Nothing of the profile `lifecycle` was judged: that is not to be overlooked.
        ([run(unseen=("test_lifecycle.py::test_start_plugs_each_vif",))], "partial, 2 of 3 profiles", "9a6700"),
        ([run(replace(FAILED, outcome=Outcome.EXPECTED))], "partial, 1 of 2 profiles", "9a6700"),
        ([run(complaints=["test_x: overridden"])], "not a sound run", "cf222e"),
        # What is not declared is not missed.
        ([run(unseen=("test_hotplug.py::test_a_vif_is_attached",))], "conformant", "1a7f37"),
        ([run(), run(driver="other")], "2 of 2 conformant", "1a7f37"),
        ([run(), run(FAILED, driver="other")], "1 of 2 conformant", "cf222e"),
        ([], "0 of 0 conformant", "57606a"),
    ],
)
def test_a_badge_says_no_more_than_what_was_proved(runs: list[Any], message: str, color: str) -> None:
    said = badge.endpoint(runs)
    assert said == {
        "schemaVersion": 1,
        "label": "vifkit netns" if len(runs) == 1 else "vifkit",
        "message": message,
        "color": color,
    }
    drawn = ET.fromstring(badge.svg(runs))
    assert drawn.get("aria-label") == f"{said['label']}: {message}"
    assert f"#{color}" in badge.svg(runs)


def test_a_badge_escapes_a_drivers_name() -> None:
    assert "<script>" not in badge.svg([run(driver="<script>")])
    assert (
        ET.fromstring(badge.svg([run(driver="<script>")])).get("aria-label") == "vifkit <script> on netns: conformant"
    )
