"""Reports joined: shards of one run, and runs side by side."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vifkit_conformance.cli import main
from vifkit_conformance.judging.profiles import results
from vifkit_conformance.judging.verdicts import Outcome
from vifkit_conformance.report import files
from vifkit_conformance.report.merge import merge
from vifkit_conformance.report.reading import first_error, read
from vifkit_conformance.report.run import Run, outcome

sys.path.insert(0, str(Path(__file__).parent))

from reports import DECLARED, FAILED, HELD, INBOUND, OUTBOUND, RATE, REFUSES, UPDATE, run

EVERY = [INBOUND, OUTBOUND, RATE, REFUSES, UPDATE]
REFUSED = "the driver does not declare outbound"


def shard(*tests: str, **changes: object) -> Run:
    """Give the run of these tests alone; of what is undeclared it knows only if it saw that refused."""
    alone = [each for each in HELD if each.test in tests]
    if REFUSES not in tests:
        alone = [
            replace(each, outcome=Outcome.NOT_JUDGED, reason=f"{REFUSED}, and no test saw it refuse that")
            if each.test == OUTBOUND
            else each
            for each in alone
        ]
    return {**run(), **outcome(alone, results(alone, EVERY, DECLARED)), **changes}


def outcomes(held: Run) -> dict[str, str]:
    return {test["id"]: test["outcome"] for test in held["tests"]}


def said(held: Run) -> dict[str, str]:
    return {each["name"]: each["result"] for each in held["profiles"] if each["result"] != "not run"}


def test_the_shards_of_a_run_become_one() -> None:
    first = shard(INBOUND, RATE, started="2026-01-02T03:05:00Z", seconds=10.0, commands=["pytest one"])
    second = shard(UPDATE, OUTBOUND, REFUSES, seconds=2.5, commands=["pytest two"])
    assert said(first) == {"ovs-htb": "partial"}
    (joined,) = merge([first, second])
    assert said(joined) == {"core": "conformant", "ovs-htb": "conformant"}
    assert [profile["unseen"] for profile in joined["profiles"]] == [[], [], [], [], [], []]
    assert (joined["started"], joined["seconds"]) == ("2026-01-02T03:04:05Z", 12.5)
    assert joined["commands"] == ["pytest one", "pytest two"]
    assert first_error({"schema": 1, "runs": [joined]}) is None


def test_what_no_shard_had_is_unseen() -> None:
    (joined,) = merge([shard(INBOUND), shard(UPDATE)])
    assert [profile["unseen"] for profile in joined["profiles"] if profile["unseen"]] == [[REFUSES], [RATE, OUTBOUND]]
    assert said(joined) == {"ovs-htb": "partial"}


def test_what_one_shard_does_not_declare_another_sees_refused() -> None:
    one, other = shard(OUTBOUND, INBOUND), shard(REFUSES)
    assert outcomes(one)[OUTBOUND] == "not judged"
    (joined,) = merge([one, other])
    assert outcomes(joined)[OUTBOUND] == "refused"
    (test,) = [test for test in joined["tests"] if test["id"] == OUTBOUND]
    assert test["reason"] == f"{REFUSED}, and refuses it: {REFUSES}"


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("here", "there", "outcome"),
    [
        (Outcome.FAILED, Outcome.HELD, "failed"),
        (Outcome.FAILED, Outcome.EXPECTED, "failed"),
        (Outcome.EXPECTED, Outcome.HELD, "failed as expected"),
        (Outcome.HELD, Outcome.NOT_JUDGED, "held"),
        (Outcome.INAPPLICABLE, Outcome.NOT_JUDGED, "not judged"),
    ],
)
def test_of_two_verdicts_the_worse_counts(here: Outcome, there: Outcome, outcome: str, order: int) -> None:
    runs = [run(replace(FAILED, outcome=each)) for each in (here, there)][::order]
    (joined,) = merge(runs)
    assert outcomes(joined)[UPDATE] == outcome


def test_the_same_report_twice_is_one() -> None:
    assert merge([run(), run()]) == [run()]


@pytest.mark.parametrize(
    "other",
    [
        {"driver": "other"},
        {"package": "vifkit-netns 0.2.0"},
        {"testbed": "bare"},
        {"parameters": ["repair=off"]},
        {"host": "another"},
        {"versions": {"Open vSwitch": "3.5.0"}},
        {"suite": "0.2.0"},
        {"capabilities": {**DECLARED, "inbound": False}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_runs_stand_side_by_side(other: dict[str, Any]) -> None:
    assert merge([run(), run(**other), run()]) == [run(), run(**other)]


def test_a_shard_that_never_connected_joins_the_others() -> None:
    blind = shard(INBOUND, hypervisor=None, capabilities=None)
    (joined,) = merge([blind, shard(UPDATE)])
    assert joined["hypervisor"] == "Linux 6.1"
    assert joined["capabilities"]["inbound"] is True


def test_what_is_wrong_with_a_shard_is_wrong_with_the_run() -> None:
    (joined,) = merge([shard(INBOUND, complaints=["b", "a"]), shard(UPDATE, complaints=["a"]), shard(RATE)])
    assert joined["complaints"] == ["a", "b"]


def test_the_command_writes_a_report_of_all(tmp_path: Path) -> None:
    files.write([run()], tmp_path / "one")
    files.write([run(FAILED, driver="other", testbed="other")], tmp_path / "two")
    into = tmp_path / "all"
    given = [str(tmp_path / "one"), str(tmp_path / "two" / "report.json")]
    ended = CliRunner().invoke(main, ["merge", *given, "--into", str(into)])
    assert (ended.exit_code, ended.output) == (0, f"{into}/report.html\n")
    assert [each["driver"] for each in read(into)] == ["netns", "other"]
    assert json.loads((into / "badge.json").read_text())["message"] == "1 of 2 conformant"


@pytest.mark.parametrize("text", ["{}", '{"schema": 7}', "no JSON"])
def test_the_command_refuses_what_is_no_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    ended = CliRunner().invoke(main, ["merge", str(tmp_path), "--into", str(tmp_path / "all")])
    assert ended.exit_code == 2
    assert ended.output.startswith(f"vifkit-conformance: {tmp_path}/report.json: ")
    assert ended.output.count("\n") == 1
    assert not (tmp_path / "all").exists()


def test_the_command_says_what_it_cannot_write(tmp_path: Path) -> None:
    files.write([run()], tmp_path)
    ended = CliRunner().invoke(main, ["merge", str(tmp_path), "--into", str(tmp_path / "badge.svg" / "deeper")])
    assert (ended.exit_code, ended.output) == (2, "vifkit-conformance: cannot go on: Not a directory\n")
