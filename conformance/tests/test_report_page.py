"""The page of a report, read as a document: what it says, and what it does not let through."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from vifkit_conformance.judging.verdicts import Outcome, Verdict
from vifkit_conformance.report import files
from vifkit_conformance.report.page import render
from vifkit_conformance.report.run import Run

sys.path.insert(0, str(Path(__file__).parent))

from reports import FAILED, HELD, INBOUND, MEASURED, OUTBOUND, RATE, ROWS, UPDATE, XML, compared, run

HOSTILE = "<script>document.title='run'</script><img src=x onerror=alert(1)>'\"&"


def page_of(*runs: Run) -> html.HtmlElement:
    return html.document_fromstring(render(runs))


def text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def matrix(page: html.HtmlElement) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in page.cssselect("table.matrix tr")]


def test_the_page_begins_with_the_answer() -> None:
    page = page_of(run())
    assert text(page.cssselect("h1")[0]) == page.findtext(".//title") == "netns is conformant in 2 of 2 profiles"
    (card,) = page.cssselect(".card")
    assert text(card).startswith("netns ✓ conformant vifkit-netns 0.1.0 · Linux 6.1 ✓ 4 held ⊘ 1 refused")
    assert [[text(cell) for cell in row] for row in card.cssselect("tbody tr")] == [
        ["core", "✓ conformant 1 held"],
        ["ovs-htb", "✓ conformant 3 held, 1 refused"],
    ]


@pytest.mark.parametrize(("kind", "said"), [("real", ""), ("double", " · judged on a double"), (None, "")])
def test_what_is_no_real_hypervisor_is_called_so(kind: str | None, said: str) -> None:
    (card,) = page_of({**run(), "judged_on": kind}).cssselect(".card")
    assert text(card).startswith(f"netns ✓ conformant vifkit-netns 0.1.0 · Linux 6.1{said} ✓ 4 held")


@pytest.mark.parametrize(
    ("changed", "title"),
    [
        (run(FAILED), "netns fails 1 of 5 tests"),
        (run(unseen=("test_update.py::test_a_dropped_burst_is_gone",)), "netns is partial"),
        (run(replace(HELD[1], outcome=Outcome.NOT_JUDGED)), "netns is partial"),
        (run(replace(FAILED, outcome=Outcome.EXPECTED)), "netns is partial"),
    ],
    ids=["failed", "unseen", "not-judged", "expected"],
)
def test_what_is_partial_is_not_called_conformant(changed: Run, title: str) -> None:
    page = page_of(changed)
    assert text(page.cssselect("h1")[0]) == title
    results = {row[0]: row[1] for row in matrix(page)[1:] if row[0] in ("core", "ovs-htb")}
    assert results == {"core": "✓ conformant", "ovs-htb": "◐ partial"}


def test_a_run_that_is_not_sound_is_not_called_conformant() -> None:
    page = page_of(run(complaints=["test_x: overridden in the module"]))
    assert text(page.cssselect("h1")[0]) == "netns was judged by a run that is not sound"
    assert text(page.cssselect(".card h2")[0]) == "netns ✗ failed"
    assert page.cssselect(".card")[0].get("class") == "card failed"
    assert [text(each) for each in page.cssselect(".complaints li")] == ["test_x: overridden in the module"]


def test_the_matrix_has_a_row_for_each_test_and_a_column_for_each_run() -> None:
    other = run(FAILED, driver="other", testbed="bare", parameters=["repair=off"], unseen=("test_killed.py::test_new",))
    assert matrix(page_of(run(), other)) == [
        ["test", "netns", "other on bare with repair=off"],
        ["core", "✓ conformant", "✓ conformant"],
        ["an undeclared direction is refused at start [outbound]", "✓ held", "✓ held"],
        ["ovs-htb", "✓ conformant", "◐ partial"],
        ["a guest receives its peak and no more", "✓ held", "✓ held"],
        ["the tree is that of the golden case [reference]", "✓ held", "✓ held"],
        ["outbound becomes policing", "⊘ refused", "⊘ refused"],
        ["a dropped peak is gone", "✓ held", "✗ failed"],
        ["resilience", "· not run", "· not run"],
        ["new", "· not selected", "· not selected"],
    ]


@pytest.mark.parametrize(
    ("others", "names"),
    [
        ([{"host": "another"}], ["netns at bench", "netns at another"]),
        ([{"suite": "0.2.0"}, {"suite": "0.3.0"}], ["netns at bench #1", "netns at bench #2", "netns at bench #3"]),
    ],
)
def test_runs_of_one_driver_have_names_of_their_own(others: list[dict[str, str]], names: list[str]) -> None:
    runs = [run(), *({**run(), **other} for other in others)]
    assert matrix(page_of(*runs))[0][1:] == names


def test_a_failure_shows_what_to_mend_what_was_seen_and_what_differs() -> None:
    (shown,) = page_of(run(FAILED)).cssselect("#failures details")
    assert text(shown).startswith(f"✗ failed a dropped peak is gone {UPDATE} netns ✗ failed")
    assert "To mend: an update replaces the whole bandwidth; a max-rate left from before is stale." in text(shown)
    assert "assert (512000, 1024000) == (512000, 512000)" in text(shown)
    assert "linux-htb max-rate=8192000 vm-id=7" in text(shown)
    assert "a traceback" in text(shown)
    assert [text(each) for each in shown.cssselect(".differs")] == ["≠ differs: 47729"]
    assert [text(each) for each in shown.cssselect(".differences li")] == [
        "class 1:1 has buffer 47729, and not 1000000"
    ]


def test_the_trees_stand_side_by_side() -> None:
    (shown,) = page_of(run()).cssselect("#trees details")
    rows = [[text(cell) for cell in row] for row in shown.cssselect("table.tree tr")]
    assert rows[:4] == [
        ["", "class 1:fffe", "class 1:1"],
        ["predicted", "live", "predicted", "live"],
        ["parent", "root", "root", "1:fffe", "1:fffe"],
        [
            *("rate bytes/s", "1024000 8.192 Mbit/s", "1024000 8.192 Mbit/s"),
            *("512000 4.096 Mbit/s", "512000 4.096 Mbit/s"),
        ],
    ]
    assert "Live is as predicted, field by field." in text(shown)
    assert '<inbound average="512" peak="1024" burst="32"/>' in text(shown)


def test_a_class_that_is_missing_is_marked() -> None:
    seen = compared("class 1:1 is missing")
    seen["live"]["classes"].pop()
    page = page_of(run(replace(FAILED, evidence=[seen])))
    assert {text(each) for each in page.cssselect(".differs")} == {"≠ differs: —"}


def test_a_rate_is_drawn_and_told() -> None:
    (figure,) = page_of(run()).cssselect("#rates figure")
    said = (
        "8.1 Mbit/s in the mean after the first second, between 8 Mbit/s and 8.2 Mbit/s. "
        "Average 4.096 Mbit/s, peak 8.192 Mbit/s, offered 16.38 Mbit/s."
    )
    assert text(figure.cssselect("figcaption")[0]) == text(figure.cssselect("desc")[0]) == said
    assert text(figure.cssselect("title")[0]) == "Rate over time: received by the guest"
    assert [text(each) for each in figure.cssselect(".limit text")] == ["average", "peak"]
    assert len(figure.cssselect("polyline")[0].attrib["points"].split()) == 30


@pytest.mark.parametrize("samples", [[], [[0.1, 0]]], ids=["none", "nothing"])
def test_a_rate_of_nothing_is_drawn_as_well(samples: list[list[float]]) -> None:
    nothing = {**MEASURED, "samples": samples, "average_bps": None, "peak_bps": None}
    page = page_of(run(replace(HELD[1], evidence=[nothing])))
    assert len(page.cssselect("#rates svg")) == 1


def test_what_was_not_put_to_the_test_has_its_reason() -> None:
    (shown,) = page_of(run()).cssselect("#open details")
    assert text(shown).startswith("⊘ refused the driver does not declare outbound, and refuses it: test_capabilities")
    assert [text(each) for each in shown.cssselect("li")] == [OUTBOUND]


def test_the_page_says_on_what_and_how_to_do_it_again() -> None:
    page = page_of(run())
    facts = {text(row[0]): text(row[1]) for row in page.cssselect("#versions tr") if len(row) == 2}
    assert facts["Open vSwitch"] == "3.1.0"
    assert (facts["outbound"], facts["inbound"], facts["highest_rate_bps"]) == ("no", "yes", "—")
    assert text(page.cssselect("#again pre")[0]) == "pytest --pyargs vifkit_conformance.suite --driver netns"


def test_nothing_that_comes_from_a_driver_becomes_markup() -> None:
    xml = {**XML, "text": HOSTILE}
    rows = {**ROWS, "port": HOSTILE, "qos": {"type": HOSTILE, "other_config": {HOSTILE: HOSTILE}, "external_ids": {}}}
    tree = compared(HOSTILE)
    tree["live"]["classes"][1]["parent"] = HOSTILE
    evidence: list[dict[str, Any]] = [xml, rows, tree, {**MEASURED, "what": HOSTILE}]
    failed = replace(FAILED, test=f"{UPDATE}[{HOSTILE}]", reason=HOSTILE, said=HOSTILE, evidence=evidence)
    held = replace(HELD[0], test=f"{INBOUND}[{HOSTILE}]", evidence=evidence)
    skipped = replace(HELD[3], outcome=Outcome.NOT_JUDGED, reason=HOSTILE)
    named = ("driver", "package", "testbed", "uri", "hypervisor", "host", "suite")
    hostile = {
        **run(failed, held, skipped, unseen=(f"test_killed.py::{HOSTILE}",)),
        **dict.fromkeys(named, HOSTILE),
        "parameters": [HOSTILE],
        "commands": [HOSTILE],
        "complaints": [HOSTILE],
        "capabilities": {HOSTILE: HOSTILE},
        "versions": {HOSTILE: HOSTILE},
    }
    page = page_of(hostile, hostile)
    assert page.cssselect("script, img, link, iframe, object, [onerror], [href^='http']") == []
    assert text(page.cssselect("h1")[0]) == "2 runs: 2 failed"
    # In the details of each, the matrix, the versions, the command, ...
    assert page.text_content().count(HOSTILE) > 40


def test_the_page_forbids_itself_every_request() -> None:
    (policy,) = page_of(run()).cssselect("meta[http-equiv=Content-Security-Policy]")
    assert policy.get("content") == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )


def test_every_link_leads_to_a_place_of_the_page() -> None:
    page = page_of(run(FAILED), run(replace(FAILED, outcome=Outcome.EXPECTED), driver="other"))
    links = {link.get("href") for link in page.cssselect("a")}
    ids = [element.get("id") for element in page.cssselect("[id]")]
    assert len(links) > 8
    assert links <= {f"#{each}" for each in ids}
    assert len(ids) == len(set(ids))


def test_a_run_of_many_failures_is_small_and_made_at_once(tmp_path: Path) -> None:
    said = "E   assert something that is long == something else\n" * 60
    many = [
        Verdict(
            test=f"test_update.py::test_number[{number}]",
            outcome=Outcome.FAILED,
            reason="AssertionError",
            said=said,
            evidence=[XML, ROWS, compared("class 1:1 has buffer 1, and not 1000000", buffer=1), ROWS, compared()],
        )
        for number in range(220)
    ]
    made = run(*many)
    render([made])
    began = time.process_time()
    page = files.write([made], tmp_path)
    # It takes a third of this where nothing else runs.
    assert time.process_time() - began < 1.5
    assert page.stat().st_size < 2 * 2**20


def test_evidence_of_what_held_is_left_out_where_it_says_nothing() -> None:
    kinds = {test["id"]: [entry["kind"] for entry in test["evidence"]] for test in run()["tests"]}
    assert kinds[UPDATE] == []
    assert kinds[INBOUND] == ["xml", "tree"]
    assert kinds[RATE] == ["rate"]
    failed = {test["id"]: [entry["kind"] for entry in test["evidence"]] for test in run(FAILED)["tests"]}
    assert failed[UPDATE] == ["xml", "rows", "tree"]
