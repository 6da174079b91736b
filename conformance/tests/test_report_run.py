"""A run of the suite with a report, as its author starts it: on a real switch, and where there is none."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import vifkit_conformance
from vifkit_conformance.report.reading import first_error
from vifkit_conformance.report.run import Run

sys.path.insert(0, str(Path(__file__).parent))

from broken.judging import Author, author

RATE = "test_behaviour.py::test_below_its_limit_a_guest_receives_all"
GOLDEN = "test_inbound.py::test_the_tree_is_that_of_the_golden_case[reference]"
OUTBOUND = "test_outbound.py::test_outbound_becomes_policing"
REFUSES = "test_capabilities.py::test_an_undeclared_direction_is_refused_at_start[floor]"
RAISE = "test_update.py::test_an_update_is_in_effect_on_return[raise]"

# A driver that needs no switch: only what it says of itself is asked.
TALKS = """
import pytest
from vifkit_conformance.suite.test_lifecycle import test_version_names_the_hypervisor

class Connection:
    def version(self):
        return ""

@pytest.fixture
def connection():
    return Connection()
"""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    with author(tmp_path_factory.getbasetemp() / "bytecode") as made:
        yield made


def report(home: Author) -> Run:
    held = json.loads((home.home / "report" / "report.json").read_text(encoding="utf-8"))
    assert first_error(held) is None
    (run,) = held["runs"]
    return dict(run)


def by_id(run: Run) -> dict[str, dict[str, Any]]:
    return {test["id"]: test for test in run["tests"]}


@pytest.mark.switch
@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_a_run_is_reported_whole(home: Author, options: list[str]) -> None:
    words = "golden_case and reference or below_its_limit or becomes_policing or refused_at_start"
    judged = home.judge(
        *("--driver=netns", "--vifkit-report=report", "--pyargs", "vifkit_conformance.suite", "-k", words, *options)
    )
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert f"report: {home.home}/report/report.html" in judged.text
    run = report(home)
    assert (run["driver"], run["testbed"], run["uri"], run["parameters"]) == ("netns", "netns", None, [])
    assert run["package"] == f"vifkit-netns {version('vifkit-netns')}"
    assert run["capabilities"]["shaping"] == "ovs-htb"
    assert run["versions"].keys() == {"Open vSwitch", "iproute2", "Linux", "datapath", "Python", "pytest"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", run["versions"]["Open vSwitch"])
    assert (
        run["commands"][0].endswith(f"--vifkit-report=report --pyargs vifkit_conformance.suite -k '{words}'") or options
    )
    found = by_id(run)
    assert len(found) == 12
    assert found[RATE]["outcome"] == found[GOLDEN]["outcome"] == found[REFUSES]["outcome"] == "held"
    assert found[OUTBOUND]["outcome"] in ("held", "not judged", "refused")  # what polices is not in every kernel
    assert found[RATE]["worker"][:2] == ("gw" if options else "")
    (rate,) = [entry for entry in found[RATE]["evidence"] if entry["kind"] == "rate"]
    assert (rate["average_bps"], rate["peak_bps"], rate["offered_bps"]) == (4_096_000, 8_192_000, 2_000_000)
    assert 12 < len(rate["samples"]) <= 20
    (tree,) = [entry for entry in found[GOLDEN]["evidence"] if entry["kind"] == "tree"]
    assert tree["live"] == tree["wanted"] and tree["differences"] == []
    by_name = {profile["name"]: profile for profile in run["profiles"]}
    assert by_name["ovs-htb"]["result"] == by_name["core"]["result"] == "partial"
    assert by_name["hotplug"]["result"] == "not run" and len(by_name["hotplug"]["unseen"]) > 10
    names = sorted(path.name for path in (home.home / "report").iterdir())
    assert names == ["badge.json", "badge.svg", "junit.xml", "report.html", "report.json"]
    assert home.left() == []


@pytest.mark.switch
def test_a_failure_shows_once_what_was_seen_and_what_to_mend(home: Author) -> None:
    home.write("broken.updates", "StaleParent")
    judged = home.judge("--vifkit-report=report", f"test_driver.py::{RAISE.partition('::')[2]}")
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert judged.text.count("vifkit: what was seen") == 1
    section = judged.text.partition("vifkit: what was seen")[2].partition("\n--")[0]
    assert '<inbound average="512" peak="1024" burst="32"/>' in section
    assert "qos: linux-htb burst=262144 max-rate=8192000 min-rate=4096000" in section.replace("\n    ", " ")
    assert "  class 1:1\n    rate    bytes/s            1024000\n    ceil    bytes/s            1024000" in section
    assert section.rstrip().endswith("to mend: `set_bandwidth` must change leaf and parent before it returns.")
    assert len(section.splitlines()) < 40
    failed = by_id(report(home))[RAISE]
    assert (failed["outcome"], failed["mend"]) == (
        *("failed", "`set_bandwidth` must change leaf and parent before it returns."),
    )
    assert "(1024000, 1024000) == (1024000, 2048000)" in failed["reason"]
    assert "assert leaf_rates(made) == rates" in failed["said"]
    assert {entry["kind"] for entry in failed["evidence"]} == {"xml", "rows", "tree"}
    case = ET.parse(home.home / "report" / "junit.xml").find(".//testcase[failure]")
    assert case is not None and case.get("name") == RAISE.partition("::")[2]


@pytest.mark.switch
@pytest.mark.parametrize("more", [(), ("--showlocals",), ("--tb=native", "-n1")], ids=["usual", "locals", "worker"])
def test_what_a_uri_keeps_secret_is_in_no_file_and_on_no_terminal(home: Author, more: tuple[str, ...]) -> None:
    uri = "netns://me:hunter22@/nowhere?token=t0ken"
    judged = home.judge(
        *("--driver=netns", "--driver-uri", uri, "--uri-query=password=sesame", "--vifkit-report=report"),
        *("--pyargs", "vifkit_conformance.suite", "-k", "test_version_names_the_hypervisor", *more),
    )
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    assert "vifkit: driver netns with password=REDACTED (" in judged.text
    assert "netns://me:REDACTED@/nowhere?token=REDACTED&password=REDACTED" in judged.text
    run = report(home)
    assert (run["uri"], run["parameters"]) == (*("netns://me:REDACTED@/nowhere?token=REDACTED", ["password=REDACTED"]),)
    assert "--uri-query=password=REDACTED" in run["commands"][0]
    files = [path.read_text(encoding="utf-8") for path in (home.home / "report").iterdir()]
    texts = [*files, judged.text]
    assert [word for word in ("hunter22", "t0ken", "sesame") for text in texts if word in text] == []


def test_a_run_in_which_nothing_connected_is_reported_as_well(home: Author) -> None:
    (home.home / "test_driver.py").write_text(TALKS, encoding="utf-8")
    judged = home.judge("--vifkit-report=report")
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    run = report(home)
    assert (run["driver"], run["hypervisor"], run["capabilities"]) == ("unknown", None, None)
    assert run["judged_on"] is None
    assert [test["outcome"] for test in run["tests"]] == ["failed"]
    # Nothing was seen, and nothing is shown.
    assert "vifkit: what was seen" not in judged.text


@pytest.mark.switch
@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
def test_a_run_with_a_test_that_is_switched_off_is_not_reported_as_sound(home: Author, options: list[str]) -> None:
    home.write("vifkit_netns.driver", "NetnsDriver", more="\ndel test_an_unknown_name_is_not_found\n")
    judged = home.judge("--vifkit-report=report", "-k", "test_version_names or test_an_undeclared", *options)
    assert judged.status == pytest.ExitCode.TESTS_FAILED, judged.text
    (complaint,) = report(home)["complaints"]
    assert complaint.startswith("test_errors.py::test_an_unknown_name_is_not_found: deleted from the module: name it")


def test_a_module_that_cannot_be_collected_is_not_overlooked(home: Author) -> None:
    (home.home / "test_driver.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    judged = home.judge("--vifkit-report=report")
    assert judged.status == pytest.ExitCode.INTERRUPTED, judged.text
    assert report(home)["complaints"] == ["test_driver.py: not collected", "the run was interrupted"]


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["serially", "by-two-workers"])
@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("pytest.ini", "--vifkit-report pytest.ini: File exists"),
        ("pytest.ini/deeper", "--vifkit-report pytest.ini/deeper: Not a directory"),
        ("/proc/report", "--vifkit-report /proc/report: No such file or directory"),
    ],
)
def test_a_folder_that_cannot_be_written_to_ends_the_run_at_once(
    home: Author, folder: str, says: str, options: list[str]
) -> None:
    (home.home / "test_driver.py").write_text(TALKS, encoding="utf-8")
    judged = home.judge(f"--vifkit-report={folder}", *options)
    assert judged.status == pytest.ExitCode.USAGE_ERROR
    assert judged.text.strip() == f"ERROR: {says}"
    assert judged.words == {}


def test_a_report_that_cannot_be_written_at_the_end_fails_the_run(home: Author) -> None:
    (home.home / "test_mine.py").write_text("def test_mine(): pass\n", encoding="utf-8")
    (home.home / "conftest.py").write_text(
        "from pathlib import Path\ndef pytest_sessionstart(): Path('report/junit.xml').mkdir()\n", encoding="utf-8"
    )
    judged = home.judge("--vifkit-report=report")
    assert judged.status == pytest.ExitCode.TESTS_FAILED
    assert judged.words == {"test_mine": "passed"}
    assert "no report: " in judged.text and "Is a directory" in judged.text
    assert "Traceback" not in judged.text


def test_what_is_only_collected_is_not_reported(home: Author) -> None:
    (home.home / "test_driver.py").write_text(TALKS, encoding="utf-8")
    judged = home.judge("--vifkit-report=report", "--collect-only")
    assert judged.status == pytest.ExitCode.OK, judged.text
    assert list((home.home / "report").iterdir()) == []


def test_the_command_has_the_order_that_was_random(home: Author) -> None:
    (home.home / "test_driver.py").write_text(TALKS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--vifkit-report=report", "-k", "a or b"]
    environment = home.environment | {"PYTEST_ADDOPTS": "-x -p no:cacheprovider"}
    subprocess.run(command, cwd=home.home, env=environment, capture_output=True, check=False, timeout=60)
    (command_again,) = report(home)["commands"]
    assert re.fullmatch(
        r"PYTEST_ADDOPTS='-x -p no:cacheprovider' pytest --vifkit-report=report -k 'a or b' --randomly-seed=\d+",
        command_again,
    )


def test_each_kind_of_evidence_is_in_the_schema() -> None:
    package = Path(vifkit_conformance.__file__).parent
    noted = {
        kind
        for file in package.rglob("*.py")
        for kind in re.findall(r"""(?:evidence\.)?note\(\s*"(\w+)\"""", file.read_text(encoding="utf-8"))
    }
    schema = (package / "report/schema.json").read_text(encoding="utf-8")
    known = set(re.findall(r'"kind": {"const": "(\w+)"}', schema))
    known |= {kind for each in re.findall(r'"kind": {"enum": \[(.*?)\]}', schema) for kind in re.findall(r"\w+", each)}
    assert {"unjudged", "refused", "xml"} <= noted
    assert noted <= known
